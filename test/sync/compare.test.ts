import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { insert, remove, update } from "../../dist/engine/engine.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { checkpoints } from "../../dist/model/checkpoint.js";
import { storeSchema, syncSchema } from "../../dist/model/schema.js";
import { syncVersions } from "../../dist/model/sync.js";
import { type SyncMode, syncPeers } from "../../dist/model/sync-state.js";
import { createRedactor } from "../../dist/record/redact.js";
import type { SyncEngine } from "../../dist/sync/link/land.js";
import { createLink, type Link, syncing } from "../../dist/sync/link/run.js";
import { startSqld } from "../support/sqld.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-compare-"));
const sqld = await startSqld();
afterAll(async () => {
  await sqld.stop();
  rmSync(folder, { recursive: true, force: true });
});
let names = 0;

async function openFile(): Promise<SyncEngine> {
  const engine = await openLibsql(join(folder, `file-${++names}.db`), { inThread: true });
  await engine.prepare(storeSchema);
  await engine.prepare(syncSchema);
  return syncing(engine);
}

async function openHub(): Promise<SyncEngine> {
  if (sqld.missing) return openFile();
  const engine = createRemoteEngine(await sqld.database());
  await engine.prepare(storeSchema);
  await engine.prepare(syncSchema);
  return syncing(engine);
}

const checkpoint = (id: string) => ({
  ...{ id, sessionId: null, type: "plan", data: { of: id }, createdAt: 1, projectId: null, parentId: null },
});

interface Two extends AsyncDisposable {
  readonly own: SyncEngine;
  readonly hub: SyncEngine;
  readonly link: Link;
  /** An hour goes by. */
  later(): void;
}

/** Ten rows on both sides, in this mode, and then an hour goes by. */
async function two(mode: SyncMode, compared = 10_000): Promise<Two> {
  const [own, hub] = [await openFile(), await openHub()];
  let now = Date.now();
  const link = createLink({
    own,
    openHub: async () => ({ ...hub, close: async () => undefined }),
    place: "hub",
    name: "spoke",
    redactor: createRedactor(),
    now: () => now,
    elapsed: () => performance.now(),
    after: () => () => undefined,
    makeId: () => crypto.randomUUID(),
    limits: { compared },
  });
  const later = (): void => void (now += 3_600_001);
  const from = mode === "pull" ? hub : own;
  await link.run(mode);
  await from.write([
    insert(
      checkpoints,
      Array.from({ length: 10 }, (_, n) => checkpoint(`c${n}`)),
    ),
  ]);
  await link.run(mode);
  expect(await (mode === "pull" ? own : hub).find(checkpoints)).toHaveLength(10);
  later();
  const close = async (): Promise<void> => {
    await own.close();
    await hub.close();
  };
  return { own, hub, link, later, [Symbol.asyncDispose]: close };
}

/** Losses of which nobody is told, and which counts do not see. */
const losses: ReadonlyArray<readonly [what: string, lose: (engine: SyncEngine) => Promise<unknown>]> = [
  [
    "a row is an older one of itself",
    async ({ feed }) => {
      const clock = "000000000000001-elsewhere";
      await feed.apply(
        [
          update(checkpoints, { id: "c3" }, { type: "older" }),
          update(syncVersions, { id: "checkpoints/c3" }, { born: clock, clock }),
        ],
        [],
      );
    },
  ],
  ["a row is gone", ({ feed }) => feed.apply([remove(checkpoints, { id: "c3" })], [])],
  [
    "a row is gone with its version, and another one is there",
    async ({ feed, find }) => {
      const [version] = await find(syncVersions, { where: { id: "checkpoints/c3" } });
      if (version === undefined) throw new Error("It is there.");
      await feed.apply(
        [
          remove(checkpoints, { id: "c3" }),
          remove(syncVersions, { id: "checkpoints/c3" }),
          insert(checkpoints, [checkpoint("stranger")]),
          insert(syncVersions, [{ ...version, id: "checkpoints/stranger", rowKey: "stranger" }]),
        ],
        [],
      );
    },
  ],
];

describe.each(["full", "push", "pull"] as const)(
  `a silent loss, with ${sqld.missing ?? "a sqld"} as the hub, mode %s`,
  (mode) => {
    test.each(losses)("%s: found within the hour, and made the same at once", async (_, lose) => {
      await using both = await two(mode);
      const { own, hub, link, later } = both;
      await lose(mode === "pull" ? own : hub);
      const report = await link.run(mode);
      expect(report).toMatchObject({ state: "ok", compared: { different: 0 } });
      const counts = report.counts?.find(({ collection }) => collection === "checkpoints");
      // They saw nothing.
      expect([counts?.here, counts?.there]).toEqual([10, 10]);
      expect(report.compared?.repaired).toBeGreaterThan(0);
      for (const engine of [own, hub])
        expect((await engine.find(checkpoints, { where: { id: "c3" } }))[0]).toMatchObject({ type: "plan" });
      expect((await link.verify(mode)).different).toBe(0);
      later();
      expect(await link.run(mode)).toMatchObject({ state: "ok", compared: { different: 0, repaired: 0 } });
    });
  },
);

test("it is due once an hour, a piece with each sync", async () => {
  await using both = await two("full", 4);
  const { own, hub, link, later } = both;
  await hub.feed.apply([remove(checkpoints, { id: "c9" })], []);
  const seen: Array<number | undefined> = [];
  for (let n = 0; n < 4; n++) {
    seen.push((await link.run("full")).compared?.rows);
    // Counts are compared once a minute where nothing goes over.
    await own.write([insert(checkpoints, [checkpoint(`d${n}`)])]);
  }
  expect(seen.slice(0, 3)).toEqual([4, 4, expect.any(Number)]);
  expect(await hub.find(checkpoints, { where: { id: "c9" } })).toHaveLength(1);
  for (let n = 0; n < 4; n++) {
    await own.write([insert(checkpoints, [checkpoint(`e${n}`)])]);
    await link.run("full");
  }
  const [peer] = await own.find(syncPeers);
  expect(peer?.comparedTo).toBeNull();
  await own.write([insert(checkpoints, [checkpoint("f")])]);
  expect((await link.run("full")).compared).toBeNull();
  later();
  expect((await link.run("full")).compared?.rows).toBe(4);
});

test("what cannot be made the same is a mismatch, with each sync, until it is", async () => {
  await using both = await two("full");
  const { own, hub, link } = both;
  await hub.feed.apply([remove(checkpoints, { id: "c3" })], []);
  // A hub that loses it again and again.
  const { feed } = hub;
  let loses = true;
  const apply = feed.apply.bind(feed);
  Object.assign(feed, {
    async apply(...args: Parameters<typeof feed.apply>) {
      const applied = await apply(...args);
      if (loses) await apply([remove(checkpoints, { id: "c3" })], []);
      return applied;
    },
  });
  for (let n = 0; n < 2; n++) {
    const report = await link.run("full");
    expect(report).toMatchObject({
      state: "mismatch",
      compared: { different: 1, differences: [{ rowKey: "c3", what: "lost there" }] },
    });
  }
  expect(await own.find(syncPeers)).toMatchObject([
    {
      state: "mismatch",
      errorMessage: expect.stringMatching(/Rows that differ: 1\.$/) as string,
      errorNext: "loci sync repair",
    },
  ]);
  loses = false;
  expect(await link.run("full")).toMatchObject({ state: "ok", compared: { different: 0, repaired: 1 } });
});
