import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SqlDoor } from "../../dist/engine/engine.js";
import { createPostgresEngine } from "../../dist/engines/postgres/postgres.js";
import { createPostgresSqlDoor } from "../../dist/engines/postgres/sql-door.js";
import { open } from "../../dist/index.js";
import { errorCode } from "../../dist/errors.js";
import { storeSchema } from "../../dist/model/schema.js";
import { needs } from "../support/needs.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { inputs } from "./inputs.ts";
import { noisy } from "./noise.ts";

let server: PostgresServer;
let url = "";
let door: SqlDoor;
let admin: pg.Client;
const folder = mkdtempSync(join(tmpdir(), "loci-sql-pg-"));

beforeAll(async () => {
  server = await startPostgres();
  if (server.missing !== undefined) return;
  url = await server.database();
  const engine = await createPostgresEngine(url);
  await engine.prepare(storeSchema);
  await engine.close();
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  // The owner of the database, who is a superuser here: the worst case.
  await admin.query(`create table t(a int primary key, b text); insert into t values (1,'x'),(2,'y'); create sequence s;
    create function harm() returns int language plpgsql security definer as $$ begin delete from t; return 1; end $$;
    create role reader login password 'reading'; grant select on all tables in schema public to reader`);
  door = createPostgresSqlDoor(url);
});

afterAll(async () => {
  await admin?.end();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Everything a query could have changed in the database, and in the folder of files. */
async function digest(): Promise<string> {
  const { rows } = await admin.query(`select
    (select string_agg(t::text, ',' order by a) from t) as t,
    (select last_value || ' ' || is_called from s) as s,
    (select count(*) from pg_class) as tables, (select count(*) from pg_proc) as functions,
    (select count(*) from pg_largeobject_metadata) as objects, (select count(*) from pg_roles) as roles,
    (select count(*) from pg_prepared_xacts) as prepared, (select count(*) from pg_locks where locktype = 'advisory') as locks,
    (select string_agg(setconfig::text, ',') from pg_db_role_setting) as settings,
    (select md5(string_agg(rolpassword, ',' order by rolname)) from pg_authid) as passwords`);
  return JSON.stringify([rows, readdirSync(folder)]);
}

async function ask(
  sql: string,
  deadline = 5_000,
): Promise<{ code: string | undefined; text: string; ms: number }> {
  const start = performance.now();
  try {
    const text = JSON.stringify(
      await door.query(sql.replaceAll("CANARY", join(folder, "canary")), { deadline }),
    );
    return { code: undefined, text, ms: performance.now() - start };
  } catch (error) {
    return {
      code: errorCode(error) ?? `not ours: ${String(error)}`,
      text: String(error),
      ms: performance.now() - start,
    };
  }
}

describe("read-only SQL on PostgreSQL", () => {
  test("changes nothing and shows nothing from outside for each hostile statement, even as superuser", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const attacks = inputs("hostile-postgres").filter(({ kind }) => kind !== "bomb");
    const before = await digest();
    const holes: string[] = [];
    for (const { kind, sql } of attacks) {
      const { code, text } = await ask(sql);
      const refused = code === "read-only" || code === "invalid";
      if (!refused || (await digest()) !== before) holes.push(`${kind}: ${sql}: ${code} ${text}`);
    }
    expect(attacks.length).toBeGreaterThanOrEqual(180);
    expect(holes).toEqual([]);
  });

  test("is not misled by comments, spaces, letters and what stands before and behind", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const attacks = inputs("hostile-postgres").filter(
      ({ kind, sql }) => kind !== "bomb" && !/[-/]\*?-|\*\/|\$|[\0\ufeff]/.test(sql),
    );
    const before = await digest();
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(noisy(attacks.map(({ sql }) => sql)), async (sql) => {
        const { code, text } = await ask(sql);
        seen++;
        expect(code, `${sql} ${text}`).toMatch(/^(read-only|invalid)$/);
      }),
      { numRuns: 1_000 },
    );
    expect(attacks.length).toBeGreaterThan(150);
    expect(seen).toBeGreaterThanOrEqual(1_000);
    expect(await digest()).toBe(before);
  });

  test("ends each bomb in time, here and on the server", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const bombs = inputs("hostile-postgres").filter(({ kind }) => kind === "bomb");
    const holes: string[] = [];
    for (const { sql } of bombs) {
      const { code, text, ms } = await ask(sql, 1_000);
      const fine =
        code === undefined ? text.length < 300_000 : /^(too-large|interrupted|invalid|read-only)$/.test(code);
      const next = await ask("SELECT 1");
      if (!fine || ms > 3_000 || next.code !== undefined || next.ms > 1_500)
        holes.push(`${sql}: ${code} ${ms} ms ${text}`);
    }
    expect(bombs.length).toBeGreaterThanOrEqual(20);
    expect(holes).toEqual([]);
    await expect
      .poll(
        async () =>
          (
            await admin.query(
              "select count(*)::int as n from pg_stat_activity where application_name = 'loci-sql'",
            )
          ).rows[0].n,
        { timeout: 10_000 },
      )
      .toBe(0);
  }, 120_000);

  test("answers harmless statements", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const benign = inputs("benign-postgres");
    const refused: string[] = [];
    for (const { sql } of benign) {
      const { code, text } = await ask(sql);
      if (code !== undefined) refused.push(`${sql}: ${text}`);
    }
    expect(benign.length).toBeGreaterThanOrEqual(40);
    expect(refused).toEqual([]);
  });

  test("cuts rows, bytes and cells, and says so where it cut", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const rows = await door.query("SELECT * FROM generate_series(1, 5000)");
    expect([rows.rows.length, rows.truncated]).toEqual([1_000, true]);
    const exact = await door.query("SELECT * FROM generate_series(1, 1000)");
    expect([exact.rows.length, exact.truncated]).toEqual([1_000, false]);
    const cell = await door.query("SELECT repeat('x', 10000) || repeat('x', 10000)");
    expect(cell.rows[0]?.[0]).toMatch(/^x{16384} … \[cut: 20000 characters in all\]$/);
    const bytes = await door.query("SELECT repeat('x', 10000) FROM generate_series(1, 500)");
    expect([bytes.rows.length, bytes.truncated]).toEqual([26, true]);
    const none = await door.query("SELECT a FROM t WHERE a > 5");
    expect(none).toEqual({ columns: ["a"], rows: [], truncated: false });
  });

  test("answers in plain values and binds them", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const values = await door.query(
      "SELECT 1::int, 2::bigint, 9007199254740993::bigint, 1.5::float8, 2.50::numeric, true, null, 'a', '\\x0102'::bytea, timestamptz '2026-01-02 03:04:05Z', $1::text, $2::int",
      { params: ["x", 7] },
    );
    expect(values.rows).toEqual([
      [1, 2, "9007199254740993", 1.5, 2.5, true, null, "a", "x'0102'", "2026-01-02 03:04:05+00", "x", 7],
    ]);
    await expect(door.query("SELECT $1::int", { params: [] })).rejects.toMatchObject({ code: "invalid" });
  });

  test("says what was perhaps meant, and what there is", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    await expect(door.query("SELECT titel FROM v_sessions")).rejects.toThrow(
      /no column titel\. Did you mean title\? v_sessions has id, title/,
    );
    await expect(door.query("SELECT * FROM v_session")).rejects.toThrow(
      /no table v_session\. Did you mean v_sessions\? Views: v_costs_daily/,
    );
    await expect(door.query("SELECT 1 FROM")).rejects.toMatchObject({ code: "invalid" });
    await expect(door.query("SELECT 1/0")).rejects.toMatchObject({ code: "invalid" });
  });

  test("uses the role that may only read, where one is given", async (context) => {
    needs(context, server.missing === undefined, server.missing ?? "");
    const readOnlyUrl = url.replace("loci:secret", "reader:reading");
    const reading = createPostgresSqlDoor(url, { readOnlyUrl });
    expect(
      (await reading.query("SELECT current_user::text, (SELECT count(*) FROM v_sessions)")).rows,
    ).toEqual([["reader", 0]]);
    process.env["LOCI_URL"] = url;
    process.env["LOCI_SQL_URL"] = readOnlyUrl;
    await using loci = await open();
    expect((await loci.sql?.query("SELECT current_user::text"))?.rows).toEqual([["reader"]]);
    await using elsewhere = await open(await server.database());
    expect((await elsewhere.sql?.query("SELECT current_user::text"))?.rows).toEqual([["loci"]]);
    const wrong = createPostgresSqlDoor(url, { readOnlyUrl: url.replace("loci:secret", "reader:wrong") });
    await expect(wrong.query("SELECT 1")).rejects.toMatchObject({ code: "permission" });
  });

  test("says when a server does not answer, in time", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as { port: number };
    const start = performance.now();
    await expect(
      createPostgresSqlDoor(`postgres://u:p@127.0.0.1:${port}/d`).query("SELECT 1", { deadline: 500 }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/unreachable|interrupted/) });
    expect(performance.now() - start).toBeLessThan(6_000);
    silent.close();
    await expect(
      createPostgresSqlDoor("postgres://u:p@127.0.0.1:1/d").query("SELECT 1"),
    ).rejects.toMatchObject({ code: "unreachable" });
  });
});
