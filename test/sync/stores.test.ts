import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { update } from "../../dist/engine/engine.js";
import { errorCode, type Happening, type Loci, open, type OpenOptions, type Sync } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { storeSchema } from "../../dist/model/schema.js";
import { dump } from "./support/world.ts";
import { syncing } from "../../dist/sync/link/run.js";

const folder = mkdtempSync(join(tmpdir(), "loci-sync-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let names = 0;
const file = (): string => join(folder, `store-${++names}.db`);

const said = (sessionId: string, content: string, rest: object = {}): Happening => ({
  kind: "message",
  sessionId,
  role: "user",
  content,
  ...rest,
});

async function opened(
  hub: string,
  how: OpenOptions = {},
  path: string = file(),
): Promise<Loci & { readonly sync: Sync }> {
  const loci = await open(path, { ...how, sync: { url: hub, ...how.sync } });
  if (loci.sync === undefined) throw new Error("A file takes part in sync.");
  return { ...loci, sync: loci.sync };
}

const key = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ";

describe("two files and a hub", () => {
  test("hold the same, with totals, searchable, and with what was numbered twice kept", async () => {
    const hub = file();
    await using a = await opened(hub);
    await using b = await opened(hub);
    const both: Happening = { kind: "session", id: "s1", title: "together" };
    await a.add([both, said("s1", "apples"), said("s1", "oranges")]);
    await b.add([both, said("s1", "pears"), said("s1", "plums")]);
    await a.sync.run();
    await b.sync.run();
    await a.sync.run();
    const rows = await Promise.all([a, b].map((one) => one.sessions.messages("s1")));
    expect(rows[0]?.map(({ sequence, content }) => [sequence, content])).toEqual([
      [1, "apples"],
      [2, "oranges"],
      [3, "pears"],
      [4, "plums"],
    ]);
    expect(rows[1]).toEqual(rows[0]);
    await using at = await open(hub);
    for (const one of [a, b, at]) {
      expect((await one.sessions.get("s1"))?.messageCount).toBe(4);
      // A search waits for the index only so long.
      await one.index.catchUp({});
      expect((await one.search("plums")).items).toHaveLength(1);
    }
  });

  test("bring knowledge that is found, and removals that stay", async () => {
    const hub = file();
    await using a = await opened(hub);
    await using b = await opened(hub);
    const { id } = await a.knowledge.add({
      category: "api",
      topic: "limits",
      content: "The gateway cuts at 30 s.",
    });
    const gone = await a.knowledge.add({
      category: "api",
      topic: "limits",
      content: "The gateway never cuts.",
    });
    await a.sync.run();
    await b.sync.run();
    expect((await b.knowledge.search("gateway cuts")).items).toHaveLength(2);
    await b.knowledge.remove(gone.id);
    await b.knowledge.used([id]);
    await b.sync.run();
    await a.sync.run();
    expect((await a.knowledge.search("gateway cuts")).items.map((one) => one.id)).toEqual([id]);
    expect((await a.knowledge.get(id))?.uses).toBe(0);
    expect((await b.sync.verify()).different).toBe(0);
  });

  test("keep both changes of two fields, the later of one, and list what gave way", async () => {
    const hub = file();
    await using a = await opened(hub);
    await using b = await opened(hub);
    await a.add([{ kind: "session", id: "s", title: "first" }]);
    for (const one of [a, b]) await one.sync.run();
    await a.add([{ kind: "session", id: "s", title: "of a", gitBranch: "main" }]);
    await b.add([{ kind: "session", id: "s", title: "of b" }]);
    for (const one of [a, b, a]) await one.sync.run();
    const [one, other] = [await a.sessions.get("s"), await b.sessions.get("s")];
    expect(one).toEqual(other);
    expect(one).toMatchObject({ title: "of b", gitBranch: "main" });
    const lost = [...(await a.sync.conflicts()), ...(await b.sync.conflicts())];
    expect(lost).toMatchObject([{ collection: "sessions", rowKey: "s", field: "title", lostValue: "of a" }]);
  });

  test("sync from two processes' handles at once", async () => {
    const hub = file();
    const path = file();
    await using a = await opened(hub, {}, path);
    await using again = await opened(hub, {}, path);
    await a.add(Array.from({ length: 300 }, (_, i) => said("s", `line ${i}`)));
    const reports = await Promise.all([a.sync.run(), again.sync.run(), a.sync.run(), again.sync.run()]);
    expect(reports.reduce((sum, { sent }) => sum + sent, 0)).toBe(301);
    expect((await a.sync.verify()).different).toBe(0);
  });
});

describe("what leaves", () => {
  test("has no secret, also where the recorder kept it, and the store keeps its own", async () => {
    const hub = file();
    await using a = await opened(hub, { sync: { url: hub, atSessionEnd: false } });
    const recorder = a.recorder({ redact: false });
    recorder.record(said("s", `my key is ${key}`));
    recorder.record({
      kind: "toolExecution",
      sessionId: "s",
      toolName: "Bash",
      input: { env: { token: key } },
    });
    await recorder.close();
    await a.sync.run();
    await using at = await open(hub);
    const there = JSON.stringify([await at.sessions.messages("s"), await at.sessions.toolExecutions("s")]);
    expect(there).toContain("[redacted:");
    expect(there).not.toContain(key);
    await at.engine.write([update(messages, { sessionId: "s" }, { metadata: { seen: true } })]);
    await a.sync.run();
    expect(await a.sessions.messages("s")).toMatchObject([
      { content: `my key is ${key}`, metadata: { seen: true } },
    ]);
    expect((await a.sync.verify()).different).toBe(0);
  });

  test("is nothing of a session that is local only, nor of its sub-agents, until that ends", async () => {
    const hub = file();
    await using a = await opened(hub);
    await a.add([
      { kind: "session", id: "open" },
      { kind: "session", id: "own", metadata: { localOnly: true } },
      { kind: "session", id: "own/child", parentSessionId: "own" },
      { kind: "session", id: "marked" },
      said("own", "mine"),
      said("own/child", "mine too"),
      said("open", "everybody's"),
    ]);
    await a.sync.localOnly("marked");
    expect((await a.sync.run()).state).toBe("ok");
    await using at = await open(hub);
    expect((await at.sessions.list()).items.map(({ id }) => id)).toEqual(["open"]);
    expect((await a.sync.status()).localSessions).toBe(3);
    await a.sync.localOnly("marked", false);
    await a.sync.run();
    expect(await at.sessions.count()).toBe(2);
  });
});

describe("a hub that cannot be had", () => {
  /** Takes connections and never answers. */
  async function silent(): Promise<{ readonly url: string; readonly end: () => void }> {
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    return { url: `http://127.0.0.1:${port}`, end: () => server.close() };
  }

  test("is no error of open and record; the status says why, and all goes over later", async () => {
    const path = file();
    {
      await using a = await opened("http://127.0.0.1:9", {}, path);
      const recorder = a.recorder();
      recorder.record(said("s", "offline"));
      recorder.record({ kind: "session", id: "s", status: "completed" });
      const { spooled } = await recorder.close();
      expect(spooled).toBe(0);
      const [hub] = (await a.sync.status()).hubs;
      expect(hub).toMatchObject({ state: "failed", pending: 2, error: { code: "unreachable" } });
      expect(errorCode(await a.sync.run().catch((error: unknown) => error))).toBe("unreachable");
    }
    const hub = file();
    await using a = await opened(hub, {}, path);
    expect(await a.sync.run()).toMatchObject({ sent: 2, state: "ok" });
  }, 60_000);

  test("and hangs, holds up neither the recorder nor the event loop, and can be cancelled", async () => {
    const { url, end } = await silent();
    const a = await opened(url);
    const recorder = a.recorder();
    recorder.record(said("s", "waiting"));
    recorder.record({ kind: "session", id: "s", status: "error", errorMessage: "it broke" });
    const began = performance.now();
    await recorder.close({ timeout: 2_000 });
    expect(performance.now() - began).toBeLessThan(20_000);
    expect((await a.sessions.get("s"))?.status).toBe("error");
    await a.close();
    expect(performance.now() - began).toBeLessThan(45_000);
    end();
  }, 60_000);

  test("of a newer Loci refuses with a sentence, and recording goes on", async () => {
    const hub = file();
    {
      await using at = await open(hub);
      await at.engine.prepare({
        ...storeSchema,
        migrations: [...storeSchema.migrations, { version: 99, summary: "of tomorrow" }],
      });
    }
    await using a = await opened(hub);
    await a.add([said("s", "today")]);
    const error: unknown = await a.sync.run().catch((caught: unknown) => caught);
    expect(errorCode(error)).toBe("schema");
    expect((await a.sync.status()).hubs[0]).toMatchObject({
      state: "failed",
      pending: 2,
      error: { code: "schema" },
    });
  });

  test("is this store itself: said, and nothing is done", async () => {
    const path = file();
    await using a = await opened(path, {}, path);
    expect(errorCode(await a.sync.run().catch((error: unknown) => error))).toBe("config");
  });
});

describe("a session's end", () => {
  test.each(["completed", "error"] as const)(
    "with %s syncs before the recorder is closed",
    async (status) => {
      const hub = file();
      await using a = await opened(hub);
      const recorder = a.recorder();
      recorder.record({ kind: "session", id: "s", agentType: "review" });
      recorder.record(said("s", "hello"));
      recorder.record({
        kind: "session",
        id: "s",
        status,
        ...(status === "error" ? { errorMessage: "no" } : {}),
      });
      await recorder.close();
      await using at = await open(hub);
      expect(await at.sessions.get("s")).toMatchObject({ status, messageCount: 1 });
      expect(await at.sync?.spokes()).toMatchObject([{ state: "ok", pending: 0 }]);
    },
  );
});

test("an interval syncs as long as the store is open", async () => {
  const hub = file();
  await using at = await open(hub);
  await using a = await opened(hub, { sync: { url: hub, every: 20 } });
  await a.add([said("s", "by itself")]);
  await expect.poll(async () => (await at.sessions.messages("s")).length, { timeout: 20_000 }).toBe(1);
});

test("a file without a hub says so, and lists nobody", async () => {
  await using a = await open(file());
  expect(errorCode(await a.sync?.run().catch((error: unknown) => error))).toBe("config");
  expect(await a.sync?.status()).toEqual({ store: null, hubs: [], conflicts: 0, localSessions: 0 });
  expect(await a.sync?.spokes()).toEqual([]);
});

test("a hub that was emptied gets everything again, and a spoke that was forgotten comes back", async () => {
  const hub = file();
  await using a = await opened(hub);
  await a.add([said("s", "one"), said("s", "two")]);
  await a.sync.run();
  const { store } = await a.sync.status();
  {
    await using at = await open(hub);
    expect(await at.sync?.forget(store ?? "")).toBe(true);
    expect(await at.sync?.forget(store ?? "")).toBe(false);
  }
  expect(await a.sync.run()).toMatchObject({ again: true, sent: 0, state: "ok" });
  await using at = await open(file());
  await using b = await opened(at.place, { sync: { url: at.place } });
  await b.add([said("s", "three")]);
  await b.sync.run();
  expect((await dump(syncing(at.engine))).length).toBe(4);
});
