import { describe, expect } from "vitest";
import { onEachBackend } from "./backends.ts";
import { cachesOf, loaderOf } from "./caches.ts";

const hour = 3_600_000;

await onEachBackend("what the cache knows", (backend) => {
  const { it, engine, clock } = backend;
  const open = cachesOf(backend);

  describe("how long a value lives", () => {
    it("is found out: long where it never changes, short where it always does, and what one key taught helps the next", async () => {
      const cache = open();
      let changing = 0;
      const lives = async (key: string, load: () => unknown): Promise<number> => {
        await cache.getOrSet(key, load);
        return (await cache.inspect(key))?.ttl ?? 0;
      };
      const first = await lives("still:1", () => "same");
      for (let n = 0; n < 20; n++) {
        await lives("still:1", () => "same");
        await lives("moving:1", () => changing++);
        clock.at += 5 * 60_000;
      }
      const [still, moving] = [
        await lives("still:1", () => "same"),
        await lives("moving:1", () => changing++),
      ];
      expect(still).toBeGreaterThan(3 * first);
      expect(moving).toBeLessThan(still / 3);
      await cache.flush();
      const another = open();
      const learned = async (key: string): Promise<number> => {
        await another.set(key, 1);
        return (await another.inspect(key))?.ttl ?? 0;
      };
      expect(await learned("still:2")).toBeGreaterThan(2 * (await learned("moving:2")));
      expect((await cache.totals()).patterns.map(({ pattern }) => pattern).toSorted()).toEqual([
        "moving:",
        "still:",
      ]);
    });

    it("keeps within its bounds, and is what was said where it was said", async () => {
      const cache = open();
      await cache.set("a", 1, { minTtl: 7_200_000 });
      await cache.set("b", 1, { maxTtl: 2_000 });
      await cache.set("c", 1, { ttl: 1_234 });
      const { items } = await cache.list();
      const ttls = Object.fromEntries(items.map(({ key, ttl, autoTtl }) => [key, [ttl, autoTtl]]));
      expect(ttls).toEqual({ a: [7_200_000, true], b: [2_000, true], c: [1_234, false] });
    });

    it("says with the value how it is read and where it came from", async () => {
      const cache = open();
      const context = { keyPattern: "geo:", region: "fra", why: "a map" };
      await cache.set("geo:1", 1, { pattern: "geo:", location: "fra", context });
      expect(await cache.inspect("geo:1", { location: "fra" })).toMatchObject({
        pattern: "geo:",
        metadata: { predicted_access_pattern: "high", auto_ttl: true, creation_context: context },
      });
      clock.at += 24 * hour;
      await cache.set("geo:1", 2, { pattern: "geo:", location: "fra" });
      expect(await cache.inspect("geo:1", { location: "fra" })).toMatchObject({
        metadata: {
          predicted_access_pattern: "low",
          creation_context: { keyPattern: "geo:", region: "fra" },
        },
      });
    });
  });

  describe("reads", () => {
    it("are counted in memory and told together, by key, location and pattern", async () => {
      const [one, other] = [open(), open({ location: "fra" })];
      for (const cache of [one, other]) await cache.set("user:1", 1, { ttl: 10 * hour });
      clock.at += 2 * hour;
      for (let n = 0; n < 5; n++) await one.get("user:1");
      for (let n = 0; n < 3; n++) await other.getOrSet("user:1", () => 1);
      await one.get("nobody");
      expect(await one.patterns("user:")).toMatchObject([{ accessCount: 0 }, { accessCount: 0 }]);
      await Promise.all([one.flush(), other.close()]);
      clock.at += 12 * hour;
      const patterns = await one.patterns("user:*");
      expect(patterns).toEqual([
        { edgeLocation: "default", entries: 1, accessCount: 5, daysSinceAccess: 0.5 },
        { edgeLocation: "fra", entries: 1, accessCount: 3, daysSinceAccess: 0.5 },
      ]);
      expect(await one.patterns("use%")).toEqual([]);
      expect(await one.totals()).toMatchObject({
        entries: 2,
        expired: 2,
        hits: 8,
        misses: 1,
        loads: 0,
        hitRate: 8 / 9,
      });
    });

    it("decide what goes first where the store is full", async () => {
      const cache = open({ storeMaxEntries: 3 });
      for (const key of ["a", "b", "c", "d", "e"]) {
        clock.at += 1_000;
        await cache.set(key, key, { ttl: hour });
      }
      clock.at += 1_000;
      await cache.get("a");
      await cache.flush();
      expect(await cache.sweep()).toEqual({ expired: 0, evicted: 2 });
      expect((await cache.list()).items.map(({ key }) => key)).toEqual(["a", "e", "d"]);
      const small = open({ storeMaxBytes: 5 });
      expect(await small.sweep()).toEqual({ expired: 0, evicted: 2 });
      clock.at += 3 * hour;
      expect(await cache.sweep()).toEqual({ expired: 1, evicted: 0 });
    });

    it("in memory are of what fits there", async () => {
      const cache = open({ maxEntries: 2, maxBytes: 3_000 });
      for (const key of ["a", "b", "c"]) await cache.set(key, key);
      await cache.set("large", "x".repeat(10_000));
      expect((await cache.stats()).process.entries).toBe(2);
      expect(await cache.get("large")).toHaveLength(10_000);
      expect(await cache.get("a")).toBe("a");
    });
  });

  it("a list goes on where its page ended, and shows what was invalidated", async () => {
    const cache = open();
    for (let n = 0; n < 5; n++) {
      clock.at += 1;
      await cache.set(`k${n}`, n, { tags: n === 4 ? ["t"] : [] });
    }
    await open().invalidateTags("t");
    const first = await cache.list({ prefix: "k", limit: 3 });
    const second = await cache.list({ prefix: "k", limit: 3, after: first.next ?? "" });
    expect([...first.items, ...second.items].map(({ value }) => value)).toEqual([4, 3, 2, 1, 0]);
    expect(first.items.map(({ state }) => state)).toEqual(["invalidated", "fresh", "fresh"]);
    expect(first.items[0]?.tags).toEqual(["t"]);
    expect(second.next).toBeNull();
    await expect(cache.list({ after: "nonsense" })).rejects.toMatchObject({ code: "invalid" });
  });

  it("a store that is gone is a miss and no error, and is counted", async () => {
    const cache = open();
    await cache.set("k", 1, { ttl: hour });
    await engine().close();
    expect(await cache.get("k")).toBe(1);
    expect(await cache.get("other")).toBeUndefined();
    const { calls, load } = loaderOf("a", "b");
    clock.at += 5_000;
    expect(await cache.getOrSet("cold", load)).toBe("a");
    clock.at += 5_000;
    expect(await cache.getOrSet("cold", load, { ttl: hour })).toBe("a");
    expect(calls.count).toBe(1);
    await cache.set("mine", 2);
    expect(await cache.get("mine")).toBe(2);
    await cache.flush();
    await expect(cache.delete("k")).rejects.toMatchObject({ code: "closed" });
    await expect(cache.invalidateTags("t")).rejects.toMatchObject({ code: "closed" });
    const { process, store } = await cache.stats();
    expect(store).toBeNull();
    expect(process.trouble.count).toBeGreaterThan(1);
    expect(process.trouble.last).toMatch(/closed/);
    await cache.close();
  });
});
