import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { createPostgresEngine } from "../../dist/engines/postgres/postgres.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { agentMemory } from "../../dist/model/memory.js";
import { searchSchema, storeSchema } from "../../dist/model/schema.js";
import { cards, firstSchema, secondSchema, suiteSchema, thirdSchema } from "../../dist/testing/index.js";
import { startChild, together } from "../support/child.ts";
import { startPostgres } from "../support/postgres.ts";
import { startSqld } from "../support/sqld.ts";

const written = Array.from({ length: 50 }, (_, n) => ({
  id: `c${n}`,
  title: `card ${n}`,
  color: n % 2 ? "red" : null,
}));

/** The store's schema as version 3 had it: no column had a default, and a decision's context was jsonb. */
const thirdStore = {
  table: storeSchema.table,
  migrations: storeSchema.migrations.slice(0, 3).map((step) => ({
    ...step,
    create: (step.create ?? []).map(({ bySql: _, ...collection }) =>
      collection.name === "agent_memory"
        ? {
            ...collection,
            fields: { ...collection.fields, context: { kind: "json", optional: true } as const },
          }
        : collection,
    ),
  })),
};

const decision = {
  id: "d1",
  agentId: "a",
  decisionType: "t",
  decisionData: { n: 1 },
  context: { why: "so" },
  createdAt: 1_000,
  sessionId: null,
  messageId: null,
  scope: "agent",
  supersedes: null,
};

const withoutId =
  "INSERT INTO agent_memory (agent_id, decision_type, context) VALUES ('a', 't', 'plain words')";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loci-migrations-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function olderStore(name: string): Promise<string> {
  const path = join(folder, name);
  await using engine = await openLibsql(path);
  await engine.prepare(secondSchema);
  await engine.write([insert(cards, written)]);
  return path;
}

async function eightPrepare(url: string): Promise<Array<Record<string, unknown>>> {
  return together(Array.from({ length: 8 }, () => startChild("prepare", { url })));
}

describe("a file", () => {
  test("eight processes make one new store", async () => {
    for (let round = 0; round < 3; round++) {
      const results = await eightPrepare(join(folder, `new-${round}`, "deep", "store.db"));
      expect(results).toEqual(Array(8).fill({ rows: 0 }));
    }
  });

  test("eight processes bring one older store forward, and one copy of it is kept", async () => {
    for (let round = 0; round < 3; round++) {
      const path = await olderStore(`older-${round}.db`);
      expect(await eightPrepare(path)).toEqual(Array(8).fill({ rows: 50 }));
      const files = (await readdir(folder)).filter((name) => name.startsWith(`older-${round}.db`));
      expect(files.toSorted()).toEqual(expect.arrayContaining([`older-${round}.db.backup-v2`]));
      expect(files.filter((name) => /part|new/.test(name))).toEqual([]);
      await using copy = await openLibsql(`${path}.backup-v2`);
      await copy.prepare(secondSchema);
      expect(await copy.find(cards)).toHaveLength(50);
    }
  });

  test("a migration that is killed at any statement leaves the rows, and goes on the next time", async () => {
    const original = await olderStore("killed.db");
    const whole = join(folder, "whole.db");
    await cp(original, whole);
    const { calls } = await startChild("dieAt", { url: whole, n: 0 }).result;
    expect(calls).toBeGreaterThan(8);
    const points = Array.from({ length: Number(calls) }, (_, n) => n + 1);
    const results = await Promise.all(
      points.map(async (n) => {
        const path = join(folder, `killed-${n}.db`);
        await cp(original, path);
        expect((await startChild("dieAt", { url: path, n }).ended).signal).toBe("SIGKILL");
        await using engine = await openLibsql(path);
        expect(await engine.check()).toEqual([]);
        await engine.prepare(thirdSchema);
        return engine.find(cards);
      }),
    );
    const expected = written.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    for (const rows of results) expect(rows).toEqual(expected);
  });

  test("a newer store is refused with the version it needs", async () => {
    const path = await olderStore("newer.db");
    await using engine = await openLibsql(path);
    await engine.prepare(thirdSchema);
    await expect(engine.prepare(secondSchema)).rejects.toMatchObject({
      code: "schema",
      where: path,
      message: expect.stringMatching(/suite_cards_version is 3, this Loci knows 2\. Data untouched/),
      next: expect.stringContaining("npm install"),
    });
  });

  test("the store's tables have the indexes that others ask for by name", async () => {
    await using engine = await openLibsql(join(folder, "named.db"));
    await engine.prepare(storeSchema);
    await engine.prepare(searchSchema);
    await engine.close();
    const { default: Database } = await import("libsql");
    const rows = new Database(join(folder, "named.db"))
      .prepare(
        "select name, tbl_name from sqlite_master where name like 'idx_%' or name like '%schema_version'",
      )
      .raw()
      .all([]) as string[][];
    const names = rows.map(([name]) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "schema_version",
        "search_schema_version",
        "idx_messages_session",
        "idx_messages_created",
        "idx_tool_executions_session",
        "idx_tool_executions_started",
        "idx_sessions_agent_type",
        "idx_sessions_status",
        "idx_sessions_started",
      ]),
    );
  });
});

test("a store of version 3 keeps its decisions, and its tables gain the database's defaults", async () => {
  const server = await startPostgres();
  try {
    const files = [join(folder, "third.db"), ...(server.missing ? [] : [await server.database()])];
    for (const url of files) {
      await using engine = url.startsWith("postgres")
        ? await createPostgresEngine(url)
        : await openLibsql(url);
      await engine.prepare(thirdStore);
      const [third = agentMemory] = thirdStore.migrations[2]?.create ?? [];
      await engine.write([insert(third as typeof agentMemory, [decision])]);
      await expect(engine.sql?.execute?.(withoutId)).rejects.toMatchObject({ code: "invalid" });
      await engine.prepare(storeSchema);
      await engine.prepare(storeSchema);
      expect(await engine.find(agentMemory)).toEqual([decision]);
      expect(await engine.sql?.execute?.(withoutId)).toMatchObject({ rowsAffected: 1 });
      expect(await engine.find(agentMemory, { where: { id: { not: "d1" } } })).toMatchObject([
        { agentId: "a", context: "plain words", scope: "agent", supersedes: null },
      ]);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith("third.db.backup"))).toEqual([]);
  } finally {
    await server.stop();
  }
});

describe("postgres", () => {
  test("eight processes make one store, and bring an older one forward", async ({ skip }) => {
    const server = await startPostgres();
    try {
      if (server.missing) return skip(server.missing);
      const empty = await server.database();
      expect(await eightPrepare(empty)).toEqual(Array(8).fill({ rows: 0 }));

      const older = await server.database();
      await using engine = await createPostgresEngine(older);
      await engine.prepare(firstSchema);
      await engine.prepare(secondSchema);
      await engine.prepare(suiteSchema);
      await engine.write([insert(cards, written)]);
      expect(await eightPrepare(older)).toEqual(Array(8).fill({ rows: 50 }));
      const copy = await engine.find({ ...cards, name: "suite_cards_before_v3" });
      expect(copy).toHaveLength(50);
      await expect(engine.prepare(secondSchema)).rejects.toMatchObject({ code: "schema" });
    } finally {
      await server.stop();
    }
  });
});

describe("remote", () => {
  test("eight processes make one store, and bring an older one forward", async ({ skip }) => {
    const server = await startSqld();
    try {
      if (server.missing) return skip(server.missing);
      expect(await eightPrepare(await server.database())).toEqual(Array(8).fill({ rows: 0 }));

      const older = await server.database();
      await using engine = createRemoteEngine(older);
      await engine.prepare(secondSchema);
      await engine.prepare(suiteSchema);
      await engine.write([insert(cards, written)]);
      expect(await eightPrepare(older)).toEqual(Array(8).fill({ rows: 50 }));
      expect(await engine.find({ ...cards, name: "suite_cards_before_v3" })).toHaveLength(50);
      await expect(engine.prepare(secondSchema)).rejects.toMatchObject({ code: "schema" });
    } finally {
      await server.stop();
    }
  });

  test("a server's own store is prepared whole", async ({ skip }) => {
    const server = await startSqld();
    try {
      if (server.missing) return skip(server.missing);
      await using engine = createRemoteEngine(await server.database());
      await engine.prepare(thirdStore);
      await engine.prepare(storeSchema);
      await engine.prepare(searchSchema);
      const [third = agentMemory] = thirdStore.migrations[2]?.create ?? [];
      await engine.write([insert(third as typeof agentMemory, [decision])]);
      expect(await engine.find(agentMemory)).toEqual([decision]);
    } finally {
      await server.stop();
    }
  });
});
