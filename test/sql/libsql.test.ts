import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLibsqlSqlDoor, type LibsqlSqlDoor } from "../../dist/engines/libsql/sql-door.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { errorCode } from "../../dist/errors.js";
import { storeSchema } from "../../dist/model/schema.js";
import { inputs } from "./inputs.ts";
import { noisy } from "./noise.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-sql-"));
const path = join(folder, "store.db");
const canary = join(folder, "canary.txt");
const secret = "the canary is alive";
let door: LibsqlSqlDoor;

beforeAll(async () => {
  const engine = await openLibsql(path);
  await engine.prepare(storeSchema);
  await engine.close();
  // What a hostile file may bring along: views that call what reads and writes files.
  const db = new Database(path);
  db.exec(`create table t(a integer primary key, b); create index ti on t(b); insert into t values (1,'x'),(2,'y');
    create view bad_view as select writefile('${canary}', 'dead') as done;
    create view leak_view as select readfile('${canary}') as text;
    insert into sessions (id, agent_type, started_at, status, source, message_count, tool_count, error_count,
      input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, cost_complete, updated_at)
    values ('s1', 'planning', '2026-11-20 10:00:00.000', 'completed', 'loci', 0, 0, 0, 1, 2, 3, 4, 0.5, 1, '2026-11-20 10:01:00.000');
    pragma wal_checkpoint(truncate)`);
  db.close();
  writeFileSync(canary, secret);
  door = createLibsqlSqlDoor(path);
  await door.query("SELECT 1");
});

afterAll(async () => {
  await door.close();
  rmSync(folder, { recursive: true });
});

/** All that a query could have changed: the files' names and contents, but for the readers' own lock table. */
function digest(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) {
    hash.update(name);
    if (!name.endsWith("-shm")) hash.update(readFileSync(join(folder, name)));
  }
  return hash.digest("hex");
}

/** The largest memory that a child of this process had, looked at every few milliseconds. */
function watchChildren(): { stop(): number } {
  let peak = 0;
  const look = (): void => {
    try {
      for (const pid of readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")
        .trim()
        .split(" ")) {
        peak = Math.max(peak, Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096);
      }
    } catch {
      // It ended between the two reads.
    }
  };
  const timer = setInterval(look, 3);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** The answer, or the code of the refusal; anything else is a failure. */
async function ask(
  sql: string,
  deadline = 5_000,
): Promise<{ code: string | undefined; text: string; ms: number }> {
  const start = performance.now();
  try {
    const text = JSON.stringify(await door.query(sql.replaceAll("CANARY", canary), { deadline }));
    return { code: undefined, text, ms: performance.now() - start };
  } catch (error) {
    return {
      code: errorCode(error) ?? `not ours: ${String(error)}`,
      text: String(error),
      ms: performance.now() - start,
    };
  }
}

describe("read-only SQL on a file", () => {
  const hostile = inputs("hostile-sqlite");

  test("changes nothing, shows nothing from outside and keeps its protection for each hostile statement", async () => {
    const attacks = hostile.filter(({ kind }) => kind !== "bomb");
    const before = digest();
    const holes: string[] = [];
    for (const { kind, sql } of attacks) {
      const { code, text, ms } = await ask(sql);
      const refused = code === "read-only" || code === "invalid";
      if (!refused || ms > 6_000 || digest() !== before || text.includes(secret))
        holes.push(`${kind}: ${sql}: ${code} ${text}`);
    }
    expect(attacks.length).toBeGreaterThanOrEqual(230);
    expect(holes).toEqual([]);
    expect((await ask("SELECT a, b FROM t")).text).toContain('[[1,"x"],[2,"y"]]');
  });

  test("is not misled by comments, spaces, letters and what stands before and behind", async () => {
    const attacks = hostile.filter(({ kind, sql }) => kind !== "bomb" && !/[-/]\*?-|[\0\ufeff]/.test(sql));
    const before = digest();
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(noisy(attacks.map(({ sql }) => sql)), async (sql) => {
        const { code, text } = await ask(sql);
        seen++;
        expect(code, `${sql} ${text}`).toMatch(/^(read-only|invalid)$/);
        expect(digest()).toBe(before);
      }),
      { numRuns: 1_000 },
    );
    expect(attacks.length).toBeGreaterThan(200);
    expect(seen).toBeGreaterThanOrEqual(1_000);
  });

  test("ends each bomb in time, with an error that says so, and answers the next question", async () => {
    const bombs = hostile.filter(({ kind }) => kind === "bomb");
    const before = digest();
    const holes: string[] = [];
    const memory = watchChildren();
    for (const { sql } of bombs) {
      const { code, text, ms } = await ask(sql, 1_000);
      const fine =
        code === undefined ? text.length < 300_000 : /^(too-large|interrupted|invalid)$/.test(code);
      const next = await ask("SELECT 1");
      if (!fine || ms > 3_000 || next.code !== undefined || next.ms > 1_500)
        holes.push(`${sql}: ${code} ${ms} ms; then ${next.code} ${next.ms} ms`);
    }
    const peak = memory.stop();
    console.log(`largest process: ${Math.round(peak / 2 ** 20)} MB`);
    expect(bombs.length).toBeGreaterThanOrEqual(20);
    // Its start (about 60 MB), the cap of 256 MB, and what can be taken between two looks.
    if (process.platform === "linux") expect(peak).toBeGreaterThan(20 * 2 ** 20);
    expect(peak).toBeLessThan(448 * 2 ** 20);
    expect(holes).toEqual([]);
    expect(digest()).toBe(before);
  }, 120_000);

  test("answers harmless statements", async () => {
    const benign = inputs("benign-sqlite");
    const refused: string[] = [];
    for (const { sql } of benign) {
      const { code, text } = await ask(sql);
      if (code !== undefined) refused.push(`${sql}: ${text}`);
    }
    expect(benign.length).toBeGreaterThanOrEqual(40);
    expect(refused).toEqual([]);
  });

  test("refuses a text that is too long or too deep", async () => {
    expect((await ask(`SELECT '${"x".repeat(100_001)}'`)).code).toBe("invalid");
    expect((await ask(`SELECT ${"(".repeat(101)}1${")".repeat(101)}`)).code).toBe("invalid");
    expect((await ask(`SELECT ${"(".repeat(60)}1${")".repeat(60)}`)).code).toBeUndefined();
    expect((await ask(`SELECT 1${"+1".repeat(40_000)}`)).code).toBe("invalid");
    expect((await ask(")(")).code).toBe("invalid");
    expect((await ask("")).code).toBe("invalid");
    expect((await ask("/* nothing */ ;")).code).toBe("invalid");
  });

  test("cuts rows, bytes and cells, and says so where it cut", async () => {
    const rows = await door.query("SELECT value FROM generate_series(1, 5000)");
    expect(rows.rows.length).toBe(1_000);
    expect(rows.truncated).toBe(true);
    const exact = await door.query("SELECT value FROM generate_series(1, 1000)");
    expect([exact.rows.length, exact.truncated]).toEqual([1_000, false]);
    const cells = await door.query("SELECT hex(zeroblob(20000)), zeroblob(20000)");
    expect(cells.truncated).toBe(true);
    expect(cells.rows[0]?.[0]).toMatch(/^0{16384} … \[cut: 40000 characters in all\]$/);
    expect(cells.rows[0]?.[1]).toMatch(/ … \[cut: 40003 characters in all\]$/);
    const bytes = await door.query("SELECT hex(zeroblob(5000)) FROM generate_series(1, 500)");
    expect(JSON.stringify(bytes.rows).length).toBeLessThan(256 * 1024);
    expect([bytes.rows.length > 20, bytes.truncated]).toEqual([true, true]);
    const wide = await door.query(
      `SELECT ${Array.from({ length: 500 }, () => "hex(zeroblob(5000))").join(",")}`,
    );
    expect([wide.rows.length, wide.truncated, JSON.stringify(wide.rows).length < 256 * 1024]).toEqual([
      1,
      true,
      true,
    ]);
    expect((await door.query("SELECT 1", { maxRows: 0 })).truncated).toBe(true);
  });

  test("binds values, whatever their class, and counts them", async () => {
    const bound = await door.query("SELECT ?1 || ?2, typeof(?3), ?4 IS NULL, length(?5)", {
      params: ["a", "b", true, null, new Uint8Array([1, 2])],
    });
    expect(bound.rows).toEqual([["ab", "real", 1, 2]]);
    await expect(door.query("SELECT ?", { params: [] })).rejects.toMatchObject({ code: "invalid" });
    await expect(door.query("SELECT ?", { params: [{}] })).rejects.toMatchObject({ code: "invalid" });
  });

  test("says what was perhaps meant, and what there is", async () => {
    await expect(door.query("SELECT titel FROM v_sessions")).rejects.toThrow(
      /no column titel\. Did you mean title\? v_sessions has id, title/,
    );
    await expect(door.query("SELECT * FROM v_session")).rejects.toThrow(
      /no table v_session\. Did you mean v_sessions\? Views: v_costs_daily/,
    );
    await expect(door.query("SELECT 1 FROM")).rejects.toThrow(/SQL: incomplete input/);
  });

  test("sees what was written after its process started, also while one of its answers was cut, and holds no log open", async () => {
    const db = new Database(path, { timeout: 2000 });
    await door.query("SELECT value FROM generate_series(1, 5000), t");
    db.exec("insert into t values (3, 'z')");
    for (const sql of ["SELECT count(*) FROM t", "EXPLAIN SELECT count(*) FROM t", "SELECT count(*) FROM t"])
      await door.query(sql);
    expect((await door.query("SELECT count(*) FROM t")).rows).toEqual([[3]]);
    db.exec("delete from t where a = 3");
    // Busy, pages in the log, pages moved.
    expect(db.prepare("pragma wal_checkpoint(truncate)").raw().all([])).toEqual([[0, 0, 0]]);
    db.close();
  });

  test("answers several at once, each within its own limits", async () => {
    const slow = ask(
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c",
      500,
    );
    const others = await Promise.all(Array.from({ length: 8 }, () => ask("SELECT count(*) FROM t")));
    expect(others.map(({ code }) => code)).toEqual(Array.from({ length: 8 }, () => undefined));
    expect((await slow).code).toBe("interrupted");
  });

  test("leaves no process behind when it is closed", async () => {
    const own = createLibsqlSqlDoor(path);
    await own.query("SELECT 1");
    await own.close();
    await own.close();
    await expect(own.query("SELECT 1")).rejects.toMatchObject({ code: "closed" });
    const missing = createLibsqlSqlDoor(join(folder, "nowhere.db"));
    await expect(missing.query("SELECT 1")).rejects.toMatchObject({ code: "not-found" });
    writeFileSync(
      join(folder, "text.db"),
      "this is not a database, and long enough to be taken for one ".repeat(20),
    );
    const broken = createLibsqlSqlDoor(join(folder, "text.db"));
    await expect(broken.query("SELECT 1")).rejects.toMatchObject({ code: "corrupt" });
    rmSync(join(folder, "text.db"));
  });
});
