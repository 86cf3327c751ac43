import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { queryLog, queryPerformance } from "../../dist/model/query.js";
import { sessions } from "../../dist/model/session.js";
import { startPostgres } from "../support/postgres.ts";

const worker = fileURLToPath(new URL("./query-worker.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "loci-queries-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const file = async (): Promise<string> => join(folder, `${Math.random()}.db`);
const onPostgres = postgres.missing === undefined ? test : test.skip;
const backends: ReadonlyArray<readonly [string, typeof test, () => Promise<string>]> = [
  ["libsql", test, file],
  ["postgres", onPostgres as typeof test, () => postgres.database()],
];

const processes = 8;
const rounds = 6;
const asks = 20;

for (const [name, on, place] of backends) {
  on(`8 processes that store the same pattern at once lose nothing, on ${name}`, async () => {
    const url = await place();
    await using loci = await open(url);
    const children = Array.from({ length: processes }, () =>
      spawn(process.execPath, [worker, JSON.stringify({ url, rounds, asks })], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      }),
    );
    const ends = children.map((child) => once(child, "exit"));
    await Promise.all(children.map((child) => once(child, "message")));
    for (const child of children) child.send("go");
    expect((await Promise.all(ends)).map(([code]) => code as number)).toEqual(children.map(() => 0));
    const total = processes * rounds * asks;
    const row = (await loci.engine.find(queryPerformance)).find(({ queryPattern }) =>
      /"locks"/.test(queryPattern),
    );
    expect(row?.executionCount).toBe(total);
    expect(row?.avgDurationMs).toBeCloseTo((row?.sumMs ?? 0) / total);
    const counted = Object.values(row?.buckets as Record<string, number>);
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(total);
    const logged = await loci.engine.find(queryLog);
    expect(logged.filter(({ queryHash }) => queryHash === row?.queryHash)).toHaveLength(total);
    expect(Math.max(...logged.map(({ durationMs }) => durationMs))).toBeGreaterThanOrEqual(row?.maxMs ?? 0);
  });

  on(
    `queries of the engine and of read-only SQL are measured, without their values, on ${name}`,
    async () => {
      await using loci = await open(await place(), { slowQuery: 0 });
      for (const status of ["running", "completed"] as const)
        await loci.engine.find(sessions, { where: { status, title: "hunter2" }, limit: 7 });
      await loci.tasks.create({ title: "hunter2" });
      for (const n of [1, 2, 3])
        await loci.sql?.query(`SELECT ${n} AS n, 'hunter2' AS s FROM sessions LIMIT 5`);
      await loci.sql?.query("select * from nothing_here").catch(() => undefined);
      await loci.queries.flush();
      const top = await loci.queries.top({ limit: 1_000 });
      const countOf = (part: RegExp): number[] =>
        top.filter(({ pattern }) => part.test(pattern)).map(({ count }) => count);
      expect(countOf(/from "sessions" where "status" = .* and "title" = .* limit \?$/)).toEqual([2]);
      expect(countOf(/^select \? as n, \? as s from sessions limit \?$/)).toEqual([3]);
      expect(countOf(/insert into "tasks"/)).toEqual([1]);
      expect(countOf(/^begin; commit$/)[0]).toBeGreaterThan(0);
      expect(countOf(/query_performance|query_log|schema_version|create table/)).toEqual([]);
      const slow = await loci.queries.slow({ limit: 1_000 });
      expect(slow.items.length).toBeGreaterThan(5);
      expect(JSON.stringify([top, slow])).not.toContain("hunter2");
      const stored = await loci.sql?.query(
        "select query_pattern, avg_duration_ms from query_performance where execution_count = 3",
      );
      expect(stored?.rows).toHaveLength(1);
    },
  );
}

test("the first question to read-only SQL is not as slow as the start of its process", async () => {
  await using loci = await open(await file());
  const began = performance.now();
  await loci.sql?.query("select count(*) from sessions");
  const lasted = performance.now() - began;
  const [first] = await loci.queries
    .top({ limit: 1_000 })
    .then((top) => top.filter(({ pattern }) => pattern === "select count(*) from sessions"));
  // No process starts sooner than in 20 ms.
  expect(first?.maxMs).toBeLessThan(lasted - 20);
});

test("a program that only reads does not write, and one that asks for it does", async () => {
  const path = await file();
  const using = async (options: object, work: (loci: Loci) => Promise<unknown>): Promise<number> => {
    const loci = await open(path, options);
    await work(loci);
    await loci.close();
    await using after = await open(path, { queries: false });
    expect(await after.queries.top()).toHaveLength(
      await after.engine.find(queryPerformance).then((all) => all.length),
    );
    return (await after.engine.find(queryPerformance)).length;
  };
  const read = async (loci: Loci): Promise<void> => {
    await loci.sessions.list();
    await loci.sql?.query("select count(*) from sessions");
    expect((await loci.queries.top()).length).toBeGreaterThan(1);
  };
  expect(await using({}, async () => undefined)).toBe(0);
  const before = readFileSync(path);
  expect(await using({ slowQuery: 0 }, read)).toBe(0);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(await using({ slowQuery: 0 }, (loci) => loci.tasks.create({ title: "t" }))).toBeGreaterThan(1);
  const reset = await open(path);
  await reset.queries.reset();
  await reset.close();
  expect(await using({ queries: true }, read)).toBeGreaterThan(1);
});
