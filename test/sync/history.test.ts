import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Change, insert } from "../../dist/engine/engine.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import { open } from "../../dist/index.js";
import { storeSchema, syncSchema } from "../../dist/model/schema.js";
import { type SyncPeer, syncPeers, syncRuns } from "../../dist/model/sync-state.js";
import { type Session, sessions } from "../../dist/model/session.js";
import { createRedactor } from "../../dist/record/redact.js";
import { historyOf, runNoted, summaryOf } from "../../dist/sync/history.js";
import { createLink } from "../../dist/sync/link/run.js";

const folder = mkdtempSync(join(tmpdir(), "loci-history-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let names = 0;
const file = (): string => join(folder, `store-${++names}.db`);

test("a sync that moved rows is in the history, one that found nothing to do is not", async () => {
  const hub = file();
  await using a = await open(file(), { sync: { url: hub } });
  await using b = await open(file(), { sync: { url: hub } });
  await a.add([{ kind: "message", sessionId: "s", role: "user", content: "hello" }]);
  const report = await a.sync?.run();
  for (let n = 0; n < 3; n++) await a.sync?.run();
  await b.sync?.run();
  expect(await a.sync?.history()).toEqual([
    expect.objectContaining({
      mode: "full",
      state: "ok",
      errorCode: null,
      tookMs: expect.any(Number) as number,
      rowsSent: report?.sent,
      bytesSent: report?.bytesSent,
      rowsReceived: 0,
    }),
  ]);
  expect(report?.sent).toBe(2);
  expect(await b.sync?.history()).toMatchObject([{ rowsSent: 0, rowsReceived: 2 }]);
  const [said] = (await a.sync?.status())?.hubs ?? [];
  expect(said?.recent).toMatchObject({ syncs: 1, failed: 0, errors: {}, rowsSent: 2 });
  // It is about this store: it goes nowhere.
  await using at = await open(hub);
  expect(await at.sync?.history()).toEqual([]);
  // The hub was told with the rows themselves.
  expect((await at.sync?.spokes())?.find(({ rowsSent }) => rowsSent > 0)).toMatchObject({ rowsSent: 2 });
});

test("one that failed is in it with its code, also where the hub was never reached, and SQL reads it", async () => {
  await using a = await open(file(), { sync: { url: "http://127.0.0.1:9", authToken: "t" } });
  for (let n = 0; n < 2; n++) await expect(a.sync?.full()).rejects.toMatchObject({ code: "unreachable" });
  await expect(a.sync?.push()).rejects.toMatchObject({ code: "unreachable" });
  const history = (await a.sync?.history()) ?? [];
  expect(history.map(({ mode, state, errorCode }) => [mode, state, errorCode])).toEqual([
    ["push", "failed", "unreachable"],
    ["full", "failed", "unreachable"],
    ["full", "failed", "unreachable"],
  ]);
  expect(await a.sync?.history({ limit: 1 })).toEqual(history.slice(0, 1));
  expect(await a.sync?.history({ since: Date.now() + 60_000 })).toEqual([]);
  const [said] = (await a.sync?.status())?.hubs ?? [];
  expect(said?.recent).toMatchObject({ syncs: 3, failed: 3, errors: { unreachable: 3 }, p50Ms: null });
  const asked = await a.engine.sql?.query(
    "select p.place, r.error_code, count(*) from sync_runs r join sync_peers p on p.id = r.peer group by 1, 2",
  );
  expect(asked?.rows).toEqual([["http://127.0.0.1:9/", "unreachable", 3]]);
}, 60_000);

const peer = { id: "hub", runs: null } as SyncPeer;
const run = {
  ...{ mode: "full", state: "ok", errorCode: null, rowsSent: 1, rowsReceived: 0 },
  ...{ bytesSent: 10, bytesReceived: 0, conflicts: 0, quarantined: 0 },
};

test("the newest 10,000 of a hub are kept, and the summary is of a time", async () => {
  await using engine = createMemoryEngine();
  await engine.prepare(syncSchema);
  let runs: number | null = null;
  const changes: Change[] = [];
  for (let at = 1; at <= 10_020; at++) {
    const noted = runNoted({ ...peer, runs }, { ...run, startedAt: at, tookMs: at % 100 });
    changes.push(...noted.changes);
    ({ runs } = noted);
  }
  await engine.write(changes);
  const [count] = await engine.rollup(syncRuns, {
    by: [],
    measures: { n: "count", first: { min: "startedAt" } },
  });
  expect(count).toEqual({ n: 10_000, first: 21 });
  expect((await historyOf(engine, { limit: 2 })).map(({ startedAt }) => startedAt)).toEqual([10_020, 10_019]);
  expect(await summaryOf(engine, "hub", 9_921)).toEqual({
    ...{ since: 9_921, syncs: 100, failed: 0, errors: {}, rowsSent: 100, rowsReceived: 0 },
    ...{ bytesSent: 1_000, bytesReceived: 0, p50Ms: 49, p95Ms: 94 },
  });
});

test("it costs no write of its own: it is part of the sync's last one", async () => {
  const [inner, hub] = [createMemoryEngine(), createMemoryEngine()];
  await using own = inner;
  await using there = hub;
  for (const engine of [own, there]) {
    await engine.prepare(storeSchema);
    await engine.prepare(syncSchema);
  }
  const written: string[][] = [];
  const name = (change: Change): string =>
    change.kind === "insert"
      ? change.into.name
      : change.kind === "update"
        ? change.rows.name
        : change.from.name;
  const link = createLink({
    own: {
      ...own,
      write(changes) {
        written.push(changes.map(name));
        return own.write(changes);
      },
    },
    openHub: async () => there,
    place: "hub",
    name: "spoke",
    redactor: createRedactor(),
    now: Date.now,
    elapsed: () => performance.now(),
    after: () => () => undefined,
    makeId: () => crypto.randomUUID(),
  });
  const session = await ownSession();
  await own.write([insert(sessions, [session])]);
  await link.run("full");
  await own.write([insert(sessions, [{ ...session, id: "s2" }])]);
  written.length = 0;
  expect(await link.run("full")).toMatchObject({ sent: 1 });
  const withRun = written.filter((tables) => tables.includes(syncRuns.name));
  expect(withRun).toEqual([[syncPeers.name, syncRuns.name]]);
  expect(written.filter((tables) => tables.includes(syncPeers.name)).length).toBeGreaterThan(0);
});

/** A session as a store has it. */
async function ownSession(): Promise<Session> {
  await using loci = await open("memory:");
  await loci.add([{ kind: "session", id: "s" }]);
  const [found] = await loci.engine.find(sessions, { where: { id: "s" } });
  if (found === undefined) throw new Error("It was just added.");
  return found;
}
