import { beforeEach, describe, expect, test } from "vitest";
import { bucketOf, percentile } from "../../dist/engine/histogram.js";
import { createMeter, type Meter } from "../../dist/engine/meter.js";
import { createQueries, type StoredQueries } from "../../dist/domains/queries.js";
import { fingerprint } from "../../dist/engines/sql/fingerprint.js";
import { postgresRules, sqliteRules } from "../../dist/engines/sql/guard-lists.js";
import { queryPerformance } from "../../dist/model/query.js";
import { onEachBackend } from "./backends.ts";

const patternOf = (sql: string): string => sql;

await onEachBackend("queries", ({ it, engine, clock, now }) => {
  let meter: Meter;
  let queries: StoredQueries;
  const begin = (): void => {
    meter = createMeter({ now });
    queries = createQueries(engine(), { meter, now, elapsed: now });
  };
  beforeEach(begin);

  it("what is stored again is added to what is there, and the mean stays one of all", async () => {
    for (const ms of [1, 2, 3]) meter.note("select a", ms, patternOf);
    await queries.flush();
    begin();
    for (const ms of [10, 4]) meter.note("select a", ms, patternOf);
    clock.at += 1_000;
    meter.note("select b", 7, patternOf);
    // Not stored yet, and there all the same.
    const expected = [
      { pattern: "select a", count: 5, totalMs: 20, meanMs: 4, maxMs: 10 },
      { pattern: "select b", count: 1, totalMs: 7, meanMs: 7, p50Ms: 7, maxMs: 7, lastExecuted: clock.at },
    ];
    expect(await queries.top()).toMatchObject(expected);
    await queries.flush();
    await queries.flush();
    expect(await queries.top()).toMatchObject(expected);
    const [row] = await engine().find(queryPerformance, { where: { queryPattern: "select a" } });
    expect(row).toMatchObject({ avgDurationMs: 4, executionCount: 5, sumMs: 20, maxMs: 10 });
    expect(row?.queryHash).toMatch(/^[0-9a-f]{32}$/);
  });

  it("queries are ordered by what was asked for", async () => {
    for (let i = 0; i < 50; i++) meter.note("often", 1, patternOf);
    for (let i = 0; i < 20; i++) meter.note("uneven", i < 2 ? 40 : 0.1, patternOf);
    meter.note("long", 30, patternOf);
    const first = async (by: "total" | "mean" | "p95" | "count") =>
      (await queries.top({ by, limit: 1 }))[0]?.pattern;
    expect([await first("total"), await first("mean"), await first("p95"), await first("count")]).toEqual([
      "uneven",
      "long",
      "uneven",
      "often",
    ]);
    await expect(queries.top({ by: "name" as "mean" })).rejects.toMatchObject({ code: "invalid" });
  });

  it("slow ones are logged from 100 ms on, the newest first, in pages, stored or not", async () => {
    for (const [i, ms] of [99.9, 100, 150, 200].entries()) {
      clock.at += 1_000;
      meter.note(`q${i}`, ms, patternOf);
      if (i === 2) await queries.flush();
    }
    const page = await queries.slow({ limit: 2 });
    expect(page.items).toMatchObject([
      { query: "q3", durationMs: 200, createdAt: clock.at },
      { query: "q2", durationMs: 150 },
    ]);
    const next = await queries.slow({ limit: 2, after: page.next ?? "" });
    expect(next).toMatchObject({ items: [{ query: "q1", durationMs: 100 }], next: null });
    expect((await queries.slow({ since: clock.at })).items).toHaveLength(1);
    await queries.reset();
    expect([await queries.top(), (await queries.slow()).items]).toEqual([[], []]);
  });

  it("old ones go: a slow query after a week, a pattern after a month", async () => {
    meter.note("old", 500, patternOf);
    await queries.flush();
    clock.at += 8 * 86_400_000;
    meter.note("newer", 1, patternOf);
    await queries.flush();
    expect((await queries.slow()).items).toEqual([]);
    expect(await queries.top()).toHaveLength(2);
    clock.at += 23 * 86_400_000;
    meter.note("newest", 1, patternOf);
    await queries.flush();
    expect((await queries.top()).map(({ pattern }) => pattern).sort()).toEqual(["newer", "newest"]);
  });

  it("what could not be stored stays, and is stored the next time", async () => {
    let broken = true;
    const flaky = {
      ...engine(),
      write: (changes: never) => (broken ? Promise.reject(new Error("no disk")) : engine().write(changes)),
    };
    const held = createQueries(flaky, { meter, now, elapsed: now });
    meter.note("select a", 300, patternOf);
    await expect(held.flush()).rejects.toThrow("no disk");
    meter.note("select a", 100, patternOf);
    broken = false;
    await held.flush();
    expect(await queries.top()).toMatchObject([{ count: 2, totalMs: 400, maxMs: 300 }]);
    expect((await queries.slow()).items).toHaveLength(2);
    expect(await engine().find(queryPerformance)).toHaveLength(1);
  });

  it("a process that only reads stores nothing by itself; one that wrote does, if it was slow or lived long", async () => {
    const stored = async (note: () => void, lived: number, always?: boolean): Promise<number> => {
      meter = createMeter({ now });
      queries = createQueries(engine(), { meter, now, elapsed: now, always });
      note();
      clock.at += lived;
      await queries.close();
      await queries.close();
      const rows = await engine().find(queryPerformance);
      await queries.reset();
      return rows.length;
    };
    const read = (ms: number) => () => void meter.note("select a", ms, patternOf);
    const write = (ms: number) => () => {
      meter.note("update a", ms, patternOf);
      meter.noteChange();
    };
    expect(await stored(read(500), 60_000)).toBe(0);
    expect(await stored(write(1), 9_000)).toBe(0);
    expect(await stored(write(1), 10_000)).toBe(1);
    expect(await stored(write(500), 0)).toBe(1);
    expect(await stored(read(1), 0, true)).toBe(1);
  });
});

describe("the meter", () => {
  test("asks for a pattern once a text, and counts texts of one pattern together", () => {
    const asked: string[] = [];
    const meter = createMeter({ now: () => 1 });
    const pattern = (sql: string): string | undefined => {
      asked.push(sql);
      return sql === "own" ? undefined : "one";
    };
    for (let i = 0; i < 3; i++) for (const sql of ["a", "b", "own"]) meter.note(sql, 1, pattern);
    expect(asked).toEqual(["a", "b", "own"]);
    expect(meter.read().tallies).toMatchObject([{ pattern: "one", count: 6 }]);
  });

  test("counts what it is given, whatever number of texts and patterns there are", () => {
    const meter = createMeter({ now: () => 1 });
    for (let i = 0; i < 20_000; i++) meter.note(`q${i % 7_000}`, 200, (sql) => sql);
    const { tallies, slow } = meter.read();
    expect(tallies.length).toBeLessThanOrEqual(1_001);
    expect(tallies.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
    expect(slow).toHaveLength(200);
    expect(tallies.find(({ pattern }) => pattern === "(other queries)")?.count).toBeGreaterThan(10_000);
  });

  test("a percentile is at most 16 % off", () => {
    const durations = Array.from({ length: 5_000 }, (_, i) => 0.002 * 1.003 ** i);
    const buckets = new Uint32Array(64);
    for (const ms of durations) buckets[bucketOf(ms)] = (buckets[bucketOf(ms)] ?? 0) + 1;
    for (const share of [0.01, 0.5, 0.95, 0.99]) {
      const exact = durations[Math.ceil(durations.length * share) - 1] ?? 0;
      const told = percentile(buckets, share, durations.at(-1) ?? 0) ?? 0;
      expect(Math.abs(told / exact - 1)).toBeLessThan(exact < 100_000 ? 0.16 : 1);
    }
    expect([0, 0.0001, 1e9].map(bucketOf)).toEqual([0, 0, 63]);
    expect(percentile(new Uint32Array(64), 0.5, 0)).toBeNull();
  });
});

describe("a fingerprint", () => {
  const names = new Set(["messages", "content"]);
  test.each([
    ["SELECT  *\nFROM t -- now\nWHERE a = 'x''y' AND b > -12.5e3;", "select * from t where a = ? and b > ?"],
    ["select * from t where id in (1, 2, ?, 'x')", "select * from t where id in (?)"],
    ["select * from t where id in (9)", "select * from t where id in (?)"],
    ["insert into t (a, b) values (?, ?), (?, ?), (3, 'x')", "insert into t (a, b) values (?)"],
    [
      "select x'00ff', :name, @v, ?1, 0x1F from t /* secret */ limit 5",
      "select ?, ?, ?, ?, ? from t limit ?",
    ],
    [
      'select "content" from "messages" where "content" = "hunter2"',
      'select "content" from "messages" where "content" = "?"',
    ],
    ["select [content] from messages where a = `hunter2`", 'select "content" from messages where a = "?"'],
    ["select 'never ends", "(a statement that cannot be read)"],
    ["select 1hunter2", "(a statement that cannot be read)"],
    ["", ""],
  ])("of %j is %j", (sql, pattern) => {
    expect(fingerprint(sql, sqliteRules.lexis, { names })).toBe(pattern);
  });

  test.each([
    ["select $1::text, E'hunter2\\'', $tag$hunter2$tag$ from t", "select ?::text, ?, ? from t"],
    [
      "select * from t where a = any($1) and b = 'hunter2' /* a /* b */ */",
      "select * from t where a = any(?) and b = ?",
    ],
  ])("of %j on PostgreSQL is %j", (sql, pattern) => {
    expect(fingerprint(sql, postgresRules.lexis)).toBe(pattern);
  });
});
