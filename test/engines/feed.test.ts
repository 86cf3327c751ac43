import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, type Feed, insert } from "../../dist/engine/engine.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { createPostgresEngine } from "../../dist/engines/postgres/postgres.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { open } from "../../dist/index.js";
import { agentMemory } from "../../dist/model/memory.js";
import { sessions } from "../../dist/model/session.js";
import type { RowVersion } from "../../dist/model/sync.js";
import { suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startChild } from "../support/child.ts";
import { startPostgres } from "../support/postgres.ts";
import { startSqld } from "../support/sqld.ts";

const server = await startPostgres();
const sqld = await startSqld();
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loci-feed-"));
});
afterAll(async () => {
  await Promise.all([server.stop(), sqld.stop()]);
  await rm(folder, { recursive: true, force: true });
});

const noted = { collection: things, fields: ["name", "note", "shelf"], session: null };

function feedOf({ feed, name }: Engine): Feed {
  if (feed) return feed;
  throw new Error(`${name} has no feed.`);
}

const places = {
  file: [undefined, async () => join(folder, `${Math.random()}.db`)],
  postgres: [server.missing, () => server.database()],
  remote: [sqld.missing, () => sqld.database()],
} as const;

const openers = {
  file: (url: string) => openLibsql(url),
  postgres: (url: string) => createPostgresEngine(url, { max: 4 }),
  remote: async (url: string) => createRemoteEngine(url),
} as const;

describe.each(["file", "postgres", "remote"] as const)("the feed of a %s store", (name) => {
  const [missing, place] = places[name];
  const openAt = openers[name];
  test("skips nothing while 8 processes write", async ({ skip }) => {
    if (missing) return skip(missing);
    const url = await place();
    await using engine = await openAt(url);
    await engine.prepare(suiteSchema);
    const feed = feedOf(engine);
    await feed.start([noted]);
    const rows = 12;
    const children = Array.from({ length: 8 }, (_, n) => startChild("change", { url, name: `w${n}`, rows }));
    await Promise.all(children.map(({ ready }) => ready));
    for (const child of children) child.go();

    // What a reader that never looks back knows of each row in the end is what the store knows.
    const known = new Map<string, RowVersion>();
    let after: string | null = null;
    let running = true;
    let pages = 0;
    const ended = Promise.all(children.map(({ result }) => result)).then(() => (running = false));
    for (let last = false; !last; ) {
      last = !running;
      const page: Awaited<ReturnType<Feed["read"]>> = await feed.read({ after, limit: 7 });
      for (const version of page.versions) known.set(version.id, version);
      expect(page.anew).toBe(false);
      after = page.cursor;
      if (page.versions.length > 0) last = false;
      pages++;
    }
    await ended;
    const { versions } = await feed.read({ after: null, limit: 1_000 });
    expect(versions).toHaveLength(8 * rows);
    expect(new Map(versions.map((version) => [version.id, version]))).toEqual(known);
    expect(versions.filter(({ removed, born }) => removed !== null && removed > born)).toHaveLength(8 * 4);
    expect(versions.every(({ clocks }) => Object.keys(clocks ?? {}).join() === "name")).toBe(true);
    expect(pages).toBeGreaterThan(10);
  });

  test("is switched on by 4 at once, as one store, with the rows of before", async ({ skip }) => {
    if (missing) return skip(missing);
    const url = await place();
    await using engine = await openAt(url);
    await engine.prepare(suiteSchema);
    const rows = Array.from({ length: 2_500 }, (_, n) => thing({ id: `t${n}` }));
    await engine.write([insert(things, rows)]);
    const others = await Promise.all([1, 2, 3, 4].map(() => openAt(url)));
    const ids = await Promise.all(others.map((other) => feedOf(other).start([noted])));
    expect(new Set(ids).size).toBe(1);
    const { versions } = await feedOf(engine).read({ after: null, limit: 10_000 });
    expect(versions).toHaveLength(2_500);
    expect(new Set(versions.map(({ seq }) => seq)).size).toBe(2_500);
    await Promise.all(others.map((other) => other.close()));
  });
});

describe("a long transaction on postgres", () => {
  test("delays the feed and hides nothing", async ({ skip }) => {
    if (server.missing) return skip(server.missing);
    const url = await server.database();
    await using engine = await createPostgresEngine(url);
    await engine.prepare(suiteSchema);
    const feed = feedOf(engine);
    await feed.start([noted]);
    await engine.write([insert(things, [thing({ id: "late" })])]);
    const first = await feed.read({ after: null, limit: 10 });
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query("begin");
    await other.query("update suite_things set name = 'late' where id = 'late'");
    await engine.write([insert(things, [thing({ id: "soon" })])]);
    const waiting = await feed.read({ after: first.cursor, limit: 10 });
    expect(waiting.versions).toEqual([]);
    await other.query("commit");
    await other.end();
    const { versions } = await feed.read({ after: waiting.cursor, limit: 10 });
    expect(versions.map(({ rowKey }) => rowKey).toSorted()).toEqual(["late", "soon"]);
  });
});

const tables = [
  { collection: sessions, fields: ["title", "status"], session: "id" },
  { collection: agentMemory, fields: ["decisionData", "context"], session: "sessionId" },
];

describe.each(["file", "postgres"] as const)("sync that is on in a %s store", (name) => {
  const [missing, place] = places[name];
  test("notes what SQL writes", async ({ skip }) => {
    if (missing) return skip(missing);
    await using loci = await open(await place());
    const feed = feedOf(loci.engine);
    await feed.start(tables);
    const sql = `insert into agent_memory (agent_id, decision_type, decision_data, context) values ('a', 'b', '["c"]', 'd')`;
    expect(await loci.sql?.execute?.(sql)).toMatchObject({ rowsAffected: 1 });
    const { versions } = await feed.read({ after: null, limit: 10 });
    expect(versions).toMatchObject([{ collection: "agent_memory", removed: null }]);
    for (const table of ["sync_versions", "sync_self"])
      await expect(loci.sql?.execute?.(`delete from ${table}`)).rejects.toMatchObject({ code: "read-only" });
    expect((await loci.sql?.query("select count(*) from sync_versions"))?.rows).toHaveLength(1);
  });
});

describe.each(["file", "postgres", "remote"] as const)("sync that is on in a %s store", (name) => {
  const [missing, place] = places[name];
  test("a store that was taken back from a copy is another one, with the versions of the copy", async ({
    skip,
  }) => {
    if (missing) return skip(missing);
    await using loci = await open(await place());
    const { engine } = loci;
    const feed = feedOf(engine);
    const { copies } = engine;
    if (copies === undefined) throw new Error("No copies.");
    const id = await feed.start(tables);
    const memory = { decisionType: "t", decisionData: "d", scope: "agent", createdAt: Date.now() };
    const nulls = { context: null, sessionId: null, messageId: null, supersedes: null };
    const row = (key: string) => ({ ...memory, ...nulls, id: key, agentId: "a" });
    await engine.write([insert(agentMemory, [row("kept")] as never)]);
    const before = await feed.read({ after: null, limit: 10 });
    const path = join(folder, `${Math.random()}.copy`);
    await copies.make(path);
    await engine.write([insert(agentMemory, [row("lost")] as never)]);
    await copies.restore(path, `${path}.aside`);
    const after = await feed.read({ after: before.cursor, limit: 10 });
    expect(after.versions).toEqual(before.versions);
    expect(after).toMatchObject({ anew: true });
    expect(after.store).not.toBe(id);
    expect(await feed.start(tables)).toBe(after.store);
    await engine.write([insert(agentMemory, [row("new")] as never)]);
    const { versions } = await feed.read({ after: after.cursor, limit: 10 });
    expect(versions.map(({ rowKey }) => rowKey)).toEqual(["new"]);
    expect(versions[0]?.clock).toContain(after.store);
  });
});
