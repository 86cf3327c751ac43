import { describe, expect } from "vitest";
import type { Cache } from "../../dist/domains/cache/cache.js";
import { onEachBackend } from "./backends.ts";
import { cachesOf, loaderOf } from "./caches.ts";

const hour = 3_600_000;

await onEachBackend("the cache", (backend) => {
  const { it, clock } = backend;
  const open = cachesOf(backend);

  describe("a value", () => {
    it("comes back as JSON says it, in this process and in another, until its time is over", async () => {
      const [one, other] = [open(), open()];
      const value = { at: new Date(0), list: [1, "\u0000\ud800"], none: null };
      await one.set("user:1", value, { ttl: 5_000 });
      const said = JSON.parse(JSON.stringify(value)) as object;
      expect(await one.get("user:1")).toEqual(said);
      expect(await other.get("user:1")).toEqual(said);
      clock.at += 4_999;
      expect(await other.get("user:1")).toEqual(said);
      clock.at += 1;
      expect([await one.get("user:1"), await other.get("user:1")]).toEqual([undefined, undefined]);
    });

    it("cannot be changed by who reads it", async () => {
      const cache = open();
      const mine = { list: [{ n: 1 }] };
      await cache.set("k", mine);
      const read = await cache.get<typeof mine>("k");
      expect(() => read?.list.push({ n: 2 })).toThrow(TypeError);
      mine.list.push({ n: 3 });
      expect(await cache.get("k")).toEqual({ list: [{ n: 1 }] });
    });

    it("is one for each location, and of a very long key too", async () => {
      const cache = open();
      const key = `https://example.org/${"x".repeat(3_000)}`;
      await cache.set(key, 1, { location: "fra" });
      await cache.set(key, 2, { location: "syd" });
      expect(await Promise.all(["fra", "syd"].map((location) => cache.get(key, { location })))).toEqual([
        1, 2,
      ]);
      expect(await cache.get(key)).toBeUndefined();
      expect(await open({ location: "syd" }).get(key)).toBe(2);
    });

    it("that is set twice is the second one, also where another process had the first in memory", async () => {
      const [one, other] = [open(), open()];
      await one.set("k", 1);
      expect(await other.get("k")).toBe(1);
      await one.set("k", 2);
      expect(await one.get("k")).toBe(2);
      clock.at += 1_000;
      expect(await other.get("k")).toBe(2);
    });

    it("that is no JSON, a key or a time that is none are refused", async () => {
      const cache = open();
      const refused = { code: "invalid" };
      await expect(cache.set("k", () => 1)).rejects.toMatchObject(refused);
      await expect(cache.set("", 1)).rejects.toMatchObject(refused);
      await expect(cache.set("k", 1, { ttl: 0 })).rejects.toMatchObject(refused);
      await expect(cache.getOrSet("k", () => 1, { tags: [""] })).rejects.toMatchObject(refused);
    });
  });

  describe("getOrSet", () => {
    it("loads once for all who ask in one process, and once for all processes", async () => {
      const [one, other] = [open(), open()];
      const { calls, load } = loaderOf("a", "b");
      const asked = Array.from({ length: 50 }, (_, n) => (n % 2 ? one : other).getOrSet("k", load));
      expect(new Set(await Promise.all(asked))).toEqual(new Set(["a"]));
      expect(calls.count).toBe(1);
    });

    it("hands an error to all who wait, and keeps nothing of it", async () => {
      const cache = open();
      let calls = 0;
      const load = async (): Promise<number> => {
        if (calls++ === 0) throw new Error("no answer");
        return 7;
      };
      const both = await Promise.allSettled([cache.getOrSet("k", load), cache.getOrSet("k", load)]);
      expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect(calls).toBe(1);
      expect(await cache.getOrSet("k", load)).toBe(7);
      expect((await cache.stats()).process).toMatchObject({ failedLoads: 1, loads: 2 });
    });

    it("keeps that there is nothing for its own time", async () => {
      const cache = open();
      const { calls, load } = loaderOf<string | undefined | null>(undefined, null, "there");
      expect(await cache.getOrSet("k", load, { ttl: hour, negativeTtl: 3_000 })).toBeUndefined();
      clock.at += 2_999;
      expect(await cache.getOrSet("k", load, { ttl: hour })).toBeUndefined();
      expect(calls.count).toBe(1);
      clock.at += 1;
      expect(await cache.getOrSet("k", load, { negativeTtl: 0 })).toBeNull();
      expect(await cache.getOrSet("k", load)).toBe("there");
    });

    it("serves an expired value while it is loaded again, where it may", async () => {
      const cache = open();
      const { calls, load } = loaderOf(1, 2);
      const how = { ttl: 1_000, staleWhileRevalidate: 5_000 };
      await cache.getOrSet("k", load, how);
      clock.at += 3_000;
      expect(await cache.getOrSet("k", load, how)).toBe(1);
      await expect.poll(() => cache.getOrSet("k", load, how)).toBe(2);
      expect(calls.count).toBe(2);
      clock.at += 7_000;
      expect((await cache.stats()).process.stale).toBeGreaterThan(0);
    });

    it("serves an expired value where loading fails, where it may", async () => {
      const one = open();
      const how = { ttl: 1_000, staleIfError: 5_000 };
      await one.getOrSet("k", () => 1, how);
      const fail = (): never => {
        throw new Error("gone");
      };
      clock.at += 3_000;
      expect(await one.getOrSet("k", fail, how)).toBe(1);
      expect(await open().getOrSet("k", fail, how)).toBe(1);
      await expect(one.getOrSet("k", fail, { ttl: 1_000 })).rejects.toThrow("gone");
      clock.at += 3_000;
      await expect(one.getOrSet("k", fail, how)).rejects.toThrow("gone");
    });

    it("loads early the likelier the nearer the end, and not before", async () => {
      const drawn = { value: 0 };
      const cache = open({}, () => drawn.value);
      const { calls, load } = loaderOf(1, 2);
      const slowly = async (): Promise<number> => {
        clock.at += 100;
        return load();
      };
      await cache.getOrSet("k", slowly, { ttl: 10_000 });
      clock.at += 9_900;
      drawn.value = 0.5;
      expect(await cache.getOrSet("k", slowly, { ttl: 10_000 })).toBe(1);
      expect(calls.count).toBe(1);
      // -100 ms · ln(1 − 0.7) are 120 ms, and 100 are left.
      drawn.value = 0.7;
      expect(await cache.getOrSet("k", slowly, { ttl: 10_000 })).toBe(1);
      await expect.poll(() => cache.get("k")).toBe(2);
      expect(calls.count).toBe(2);
    });
  });

  describe("what was taken away", () => {
    it("is gone in every process within a second, by key and by tag", async () => {
      const [one, other] = [open(), open()];
      await one.set("a", 1, { tags: ["team:1"] });
      await one.set("b", 2, { tags: ["team:2"] });
      await one.set("c", 3);
      const read = (cache: Cache) => Promise.all(["a", "b", "c"].map((key) => cache.get(key)));
      expect(await read(other)).toEqual([1, 2, 3]);
      await one.invalidateTags("team:1");
      expect(await one.delete("c")).toBe(true);
      expect(await one.delete("c")).toBe(false);
      expect(await read(one)).toEqual([undefined, 2, undefined]);
      clock.at += 1_000;
      expect(await read(other)).toEqual([undefined, 2, undefined]);
      await one.set("a", 4, { tags: ["team:1"] });
      expect(await open().get("a")).toBe(4);
    });

    it("does not come back with a load that began before", async () => {
      for (const away of [
        (cache: Cache) => cache.delete("k"),
        (cache: Cache) => cache.invalidateTags("t"),
        (cache: Cache) => cache.clear(),
      ]) {
        const [one, other] = [open(), open()];
        let finish: (value: string) => void = () => undefined;
        const began = new Promise<void>((begun) => {
          void one.getOrSet(
            "k",
            () =>
              new Promise<string>((done) => {
                finish = done;
                begun();
              }),
            { tags: ["t"], ttl: hour },
          );
        });
        await began;
        await away(other);
        finish("old");
        await expect.poll(async () => (await one.stats()).process.loads).toBe(1);
        clock.at += 1_000;
        expect(await one.getOrSet("k", () => "new", { tags: ["t"] })).toBe("new");
        expect(await open().get("k")).toBe("new");
        await one.delete("k");
      }
    });

    it("by its beginning is just that, percent signs and underscores included", async () => {
      const cache = open();
      for (const key of ["a_1", "a%1", "ab1", "b1"]) await cache.set(key, key);
      expect(await cache.clear({ prefix: "a_" })).toBe(1);
      expect(await cache.clear({ prefix: "a%" })).toBe(1);
      expect((await cache.list()).items.map(({ key }) => key).toSorted()).toEqual(["ab1", "b1"]);
      expect(await cache.clear()).toBe(2);
      expect(await cache.get("b1")).toBeUndefined();
    });
  });
});
