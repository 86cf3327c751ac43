import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine, SqlDoor } from "../../dist/engine/engine.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { errorCode } from "../../dist/errors.js";
import { storeSchema } from "../../dist/model/schema.js";
import { startSqld } from "../support/sqld.ts";
import { inputs } from "./inputs.ts";

const sqld = await startSqld({ namespaces: false });
const folder = mkdtempSync(join(tmpdir(), "loci-sql-remote-"));
const canary = join(folder, "canary.txt");
const secret = "the canary is alive";
let url = "";
let engine: Engine;
let door: SqlDoor;

afterAll(async () => {
  await engine?.close();
  await sqld.stop();
  rmSync(folder, { recursive: true });
});

/** Straight to the server. */
async function raw(...statements: string[]): Promise<string> {
  const requests = statements.map((sql) => ({ type: "execute", stmt: { sql, want_rows: true } }));
  const response = await fetch(`${url}/v3/pipeline`, {
    method: "POST",
    body: JSON.stringify({ requests: [...requests, { type: "close" }] }),
  });
  const { results } = (await response.json()) as {
    results: Array<{ response?: { result?: { rows: unknown } } }>;
  };
  return JSON.stringify(results.map((one) => one.response?.result?.rows ?? one));
}

/** What a statement could have changed. */
const digest = async (): Promise<string> =>
  `${await raw(
    "select type, name, sql from sqlite_master order by 1, 2",
    "select * from t",
    "select * from sessions",
    "select * from schema_version",
    "select user_version from pragma_user_version",
    "select application_id from pragma_application_id",
  )} ${readFileSync(canary, "utf8")}`;

async function ask(
  sql: string,
  deadline = 5_000,
): Promise<{ code: string | undefined; text: string; ms: number }> {
  const start = performance.now();
  const done = (code: string | undefined, text: string) => ({ code, text, ms: performance.now() - start });
  try {
    return done(undefined, JSON.stringify(await door.query(sql.replaceAll("CANARY", canary), { deadline })));
  } catch (error) {
    return done(errorCode(error) ?? `not ours: ${String(error)}`, String(error));
  }
}

describe.skipIf(sqld.missing)("read-only SQL on a libSQL server", () => {
  beforeAll(async () => {
    url = await sqld.database();
    engine = createRemoteEngine(url);
    await engine.prepare(storeSchema);
    await raw("create table t(a integer primary key, b)", "insert into t values (1,'x'),(2,'y')");
    writeFileSync(canary, secret);
    if (!engine.sql) throw new Error("it has no SQL");
    door = engine.sql;
  });

  test("changes nothing and shows nothing from outside for each hostile statement", async () => {
    const attacks = inputs("hostile-sqlite").filter(({ kind }) => kind !== "bomb");
    const before = await digest();
    const holes: string[] = [];
    for (const { kind, sql } of attacks) {
      const { code, text, ms } = await ask(sql);
      const refused = code === "read-only" || code === "invalid";
      if (!refused || ms > 6_000 || text.includes(secret)) holes.push(`${kind}: ${sql}: ${code} ${text}`);
    }
    expect(attacks.length).toBeGreaterThanOrEqual(230);
    expect(holes).toEqual([]);
    expect(await digest()).toBe(before);
    expect((await ask("SELECT a, b FROM t")).text).toContain('[[1,"x"],[2,"y"]]');
  });

  test("what passed the words all the same is rolled back", async () => {
    const before = await digest();
    // The door's own transaction, with a statement that its guard would have refused.
    const steps = [
      { stmt: { sql: "begin" } },
      { stmt: { sql: "delete from t" } },
      { condition: { type: "not", cond: { type: "is_autocommit" } }, stmt: { sql: "rollback" } },
    ];
    const body = JSON.stringify({ requests: [{ type: "batch", batch: { steps } }, { type: "close" }] });
    expect((await fetch(`${url}/v3/pipeline`, { method: "POST", body })).status).toBe(200);
    expect(await digest()).toBe(before);
  });

  test("answers harmless statements", async () => {
    const refused: string[] = [];
    const benign = inputs("benign-sqlite");
    for (const { sql } of benign) {
      const { code, text } = await ask(sql);
      if (code !== undefined) refused.push(`${sql}: ${text}`);
    }
    expect(benign.length).toBeGreaterThanOrEqual(40);
    expect(refused).toEqual([]);
  });

  test("cuts rows, and answers the views for people, values and the columns' names", async () => {
    const many = await door.query(
      "with n(i) as (select 1 union all select i + 1 from n where i < 5000) select i from n",
    );
    expect([many.rows.length, many.truncated]).toEqual([1_000, true]);
    const seen = await door.query("select id, title from v_sessions where id = ?", { params: ["none"] });
    expect(seen).toEqual({ columns: ["id", "title"], rows: [], truncated: false });
    const same = await door.query("select 1 as a, 2 as a, ?1 as b", { params: [true] });
    expect(same).toEqual({ columns: ["a", "a", "b"], rows: [[1, 2, 1]], truncated: false });
    await expect(door.query("select nothing_here from t")).rejects.toMatchObject({ code: "invalid" });
    await expect(door.query("select * from nowhere_at_all")).rejects.toMatchObject({ code: "invalid" });
    expect(door.execute).toBeUndefined();
  });
});

test("a token that only reads is used for the door alone", async ({ skip }) => {
  const server = await startSqld({ tokens: true });
  try {
    if (server.missing) return skip(server.missing);
    const at = await server.database();
    const reads = server.token({ a: "ro" });
    await using store = createRemoteEngine(at, { authToken: server.token(), readOnlyToken: reads });
    await store.prepare(storeSchema);
    expect(await store.sql?.query("select count(*) from v_sessions")).toMatchObject({ rows: [[0]] });
    await using other = createRemoteEngine(at, { authToken: server.token(), readOnlyToken: "spoiled" });
    await expect(other.sql?.query("select 1")).rejects.toMatchObject({ code: "permission" });
  } finally {
    await server.stop();
  }
});
