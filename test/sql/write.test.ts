import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorCode, type Loci, open } from "../../dist/index.js";
import { storeSchema } from "../../dist/model/schema.js";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { inputs } from "./inputs.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-write-"));
const canary = join(folder, "canary.txt");
const secret = "the canary is alive";
const server: PostgresServer = await startPostgres();
const { missing } = server;
writeFileSync(canary, secret);

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const own = storeSchema.migrations.flatMap(({ create = [] }) => create);

/** Everything of Loci's that a statement could have changed. */
async function digest(loci: Loci): Promise<string> {
  const hash = createHash("sha256");
  for (const collection of own) hash.update(JSON.stringify(await loci.engine.find(collection as never)));
  const catalog =
    loci.engine.name === "postgres"
      ? "select indexname, indexdef from pg_indexes where schemaname = current_schema() order by 1"
      : "select name, sql from sqlite_master where name not like 'u^_%' escape '^' order by 1";
  const { rows } = (await loci.sql?.query(catalog)) ?? { rows: [] };
  const names = new Set(own.map(({ name }) => name));
  hash.update(
    JSON.stringify(rows.filter(([name]) => names.has(String(name)) || String(name).startsWith("idx_"))),
  );
  return hash.digest("hex");
}

describe.each([
  ["libsql", async () => join(folder, `${Math.random()}.db`), "hostile-sqlite"],
  ["postgres", () => server.database(), "hostile-postgres"],
])("SQL that writes, on %s", (name, url, list) => {
  let loci: Loci;
  const execute = (sql: string, params: readonly unknown[] = []) => {
    if (loci.sql?.execute === undefined) throw new Error("This store takes no statements.");
    return loci.sql.execute(sql, { params });
  };
  const code = async (sql: string, params: readonly unknown[] = []): Promise<string | undefined> => {
    try {
      await execute(sql, params);
      return undefined;
    } catch (error) {
      return errorCode(error) ?? `not ours: ${String(error)}`;
    }
  };

  const it = name === "postgres" ? test.skipIf(missing !== undefined) : test;

  beforeAll(async () => {
    if (name === "postgres" && missing !== undefined) return;
    // What is measured of queries is stored every 10 s, by us: here nobody but the statements may change anything.
    loci = await open(await url(), { queries: false });
    await loci.add([{ kind: "message", id: "m1", sessionId: "s1", role: "user", content: "hello" }]);
  });
  afterAll(() => loci?.close());

  it("keeps a decision as the seed document writes it, and the typed API reads it, with an id and a moment", async () => {
    const statement = `INSERT INTO agent_memory
      (agent_id, decision_type, decision_data, context)
      VALUES (?, ?, ?, ?)`;
    const data = JSON.stringify({ routes: 3 });
    const done = await execute(statement, ["backend-dev-001", "api-design", data, "one file, no server"]);
    expect(done).toMatchObject({ rowsAffected: 1, rows: [] });
    const { items } = await loci.memory.list({ agentId: "backend-dev-001" });
    expect(items).toMatchObject([
      {
        decisionType: "api-design",
        decisionData: { routes: 3 },
        context: "one file, no server",
        scope: "agent",
      },
    ]);
    const [kept] = items;
    expect(kept?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(Date.now() - (kept?.createdAt ?? 0))).toBeLessThan(60_000);
    // The id says when, as those of the typed API do.
    expect(Number.parseInt((kept?.id ?? "").replaceAll("-", "").slice(0, 12), 16)).toBeCloseTo(
      kept?.createdAt ?? 0,
      -3,
    );
    const newer = await loci.memory.supersede(kept?.id ?? "", { decisionData: { routes: 4 } });
    expect((await loci.memory.history(newer.id)).map(({ id }) => id)).toEqual([newer.id, kept?.id]);
    const history = await execute(
      "SELECT * FROM agent_memory WHERE agent_id = ? ORDER BY created_at DESC LIMIT 10",
      ["backend-dev-001"],
    );
    expect(history.rows).toHaveLength(2);
    expect(history.rows[1]?.[history.columns.indexOf("context")]).toBe("one file, no server");
  });

  it("inserts many rows with one statement into a table of the user's own", async () => {
    await execute("CREATE TABLE batch_data (id TEXT PRIMARY KEY, data TEXT, timestamp BIGINT)");
    const records = Array.from({ length: 200 }, (_, n) => ({ id: `r${n}`, data: `d${n}`, timestamp: n }));
    const places = records.map(() => "(?, ?, ?)").join(", ");
    const values = records.flatMap((one) => [one.id, one.data, one.timestamp]);
    const done = await execute(`INSERT INTO batch_data (id, data, timestamp) VALUES ${places}`, values);
    expect(done.rowsAffected).toBe(200);
    expect((await execute("SELECT count(*) FROM batch_data")).rows).toEqual([[200]]);
    expect(
      (await execute("UPDATE batch_data SET data = ? WHERE timestamp < ?", ["x", 10])).rowsAffected,
    ).toBe(10);
    const gone = await execute("DELETE FROM batch_data WHERE id = ? RETURNING id, data", ["r0"]);
    expect([gone.columns, gone.rows, gone.rowsAffected]).toEqual([["id", "data"], [["r0", "x"]], 1]);
  });

  it("undoes what would change more rows than are let through", async () => {
    await execute("CREATE TABLE many (n INTEGER)");
    const values = Array.from({ length: 1_001 }, () => "(1)").join(", ");
    expect(await code(`INSERT INTO many VALUES ${values}`)).toBe("too-large");
    expect((await execute("SELECT count(*) FROM many")).rows).toEqual([[0]]);
    const more = await loci.sql?.execute?.(`INSERT INTO many VALUES ${values}`, { maxChanges: 2_000 });
    expect(more?.rowsAffected).toBe(1_001);
  });

  it("makes, alters and drops what is the user's, and takes a table of ours for made", async () => {
    await execute(
      "CREATE TABLE IF NOT EXISTS u_one (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL DEFAULT 'x')",
    );
    await execute("CREATE INDEX u_one_name ON u_one (name)");
    await execute("ALTER TABLE u_one ADD COLUMN note TEXT");
    await execute("CREATE VIEW u_names AS SELECT name FROM u_one");
    await execute("DROP VIEW u_names");
    await execute("DROP INDEX u_one_name");
    await execute("DROP TABLE u_one");
    expect(
      (await execute("CREATE TABLE IF NOT EXISTS swarm_coordination (swarm_id TEXT)")).rowsAffected,
    ).toBe(0);
    expect((await execute("CREATE TABLE IF NOT EXISTS conversations (id INTEGER)")).rowsAffected).toBe(0);
  });

  it("does nothing to what is Loci's own, and says what helps", async () => {
    const before = await digest(loci);
    const refused = [
      "DROP TABLE sessions",
      'DROP TABLE IF EXISTS "sessions"',
      "DELETE FROM messages",
      "DELETE FROM messages WHERE id = 'm1' RETURNING *",
      "UPDATE sessions SET title = 'x'",
      "UPDATE schema_version SET version = 99",
      "INSERT INTO messages (id, session_id, sequence, role, created_at) VALUES ('x', 's1', 9, 'user', '2026-01-01')",
      "WITH gone AS (DELETE FROM messages RETURNING id) INSERT INTO batch_data (id) SELECT id FROM gone",
      "INSERT INTO batch_data (id) VALUES ('z'); DROP TABLE sessions",
      "ALTER TABLE messages ADD COLUMN x TEXT",
      "CREATE INDEX u_x ON messages (role)",
      "DROP INDEX idx_messages_session",
      "CREATE TABLE u_y (id TEXT REFERENCES sessions (id))",
      "CREATE TRIGGER u_t AFTER INSERT ON batch_data BEGIN SELECT 1; END",
      "UPDATE agent_memory SET agent_id = 'somebody else'",
      "DELETE FROM agent_memory",
      "CREATE TEMP TABLE u_z (a TEXT)",
      "VACUUM",
      "BEGIN",
    ];
    for (const sql of refused) expect(`${await code(sql)}: ${sql}`).toMatch(/^(read-only|invalid): /);
    expect(await digest(loci)).toBe(before);
    await expect(execute("DELETE FROM messages")).rejects.toMatchObject({
      message: "messages is Loci's own: SQL does not delete from it.",
      next: expect.stringContaining("add_conversation"),
    });
    await expect(
      execute("INSERT INTO agent_memory (agent_id, decision_type, created_at) VALUES ('a', 'b', 'soon')"),
    ).rejects.toMatchObject({
      code: "invalid",
    });
  });

  it("a view does not write through to what it shows", async () => {
    await execute("CREATE VIEW u_through AS SELECT * FROM sessions");
    expect(await code("UPDATE u_through SET title = 'x'")).toMatch(/^(read-only|invalid)$/);
    await execute("DROP VIEW u_through");
  });

  it("no hostile statement of the read-only list changes what is ours, writes or shows a file, or stays", async () => {
    await execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)").catch(() => undefined);
    const before = await digest(loci);
    const files = readdirSync(folder).length;
    const attacks = inputs(list).filter(({ kind }) => kind !== "bomb");
    const holes: string[] = [];
    for (const { sql } of attacks) {
      const text = await execute(sql.replaceAll("CANARY", canary)).then(JSON.stringify, String);
      if (text.includes(secret) || /^(TypeError|Error: (?!LociError))/.test(text))
        holes.push(`${sql}: ${text}`);
    }
    expect(attacks.length).toBeGreaterThan(180);
    expect(holes).toEqual([]);
    expect(await digest(loci)).toBe(before);
    expect(readFileSync(canary, "utf8")).toBe(secret);
    expect(readdirSync(folder).length).toBe(files);
    expect(await code("SELECT 1")).toBeUndefined();
  }, 120_000);

  it("a statement without an end is stopped, and its lock is let go", async () => {
    const endless =
      "INSERT INTO many WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c";
    const start = performance.now();
    await expect(loci.sql?.execute?.(endless, { deadline: 500 })).rejects.toMatchObject({
      code: "interrupted",
    });
    expect(performance.now() - start).toBeLessThan(4_000);
    expect((await execute("INSERT INTO many VALUES (7)")).rowsAffected).toBe(1);
  });
});
