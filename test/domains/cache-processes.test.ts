import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { cacheLoads } from "../../dist/model/cache.js";
import { needs } from "../support/needs.ts";
import { startPostgres } from "../support/postgres.ts";

const worker = fileURLToPath(new URL("./cache-worker.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "loci-stampede-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const processes = 8;
const total = 500;

interface Said {
  readonly loading?: number;
  readonly got?: number;
  readonly distinct?: number[];
}

/** 500 gets on a cold key from 8 processes; with `kill`, the first that loads is killed in the middle of it. */
async function stampede(
  url: string,
  kill: boolean,
): Promise<{ loads: number; got: number; from: Set<number> }> {
  const result = { loads: 0, got: 0, from: new Set<number>() };
  const started: ChildProcess[] = [];
  const ready: Array<Promise<void>> = [];
  const ends: Array<Promise<void>> = [];
  let killed = false;
  for (let n = 0; n < processes; n++) {
    const gets = Math.floor(total / processes) + (n < total % processes ? 1 : 0);
    const given = JSON.stringify({ url, gets, loadMs: 200, lease: kill ? 2_000 : 10_000 });
    const child = spawn(process.execPath, [worker, given], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    started.push(child);
    ready.push(new Promise((done) => void child.once("message", () => done())));
    ends.push(new Promise((done) => void child.once("exit", () => done())));
    child.on("message", (said: Said) => {
      if (said.loading !== undefined) {
        result.loads++;
        if (kill && !killed) killed = child.kill("SIGKILL");
      }
      result.got += said.got ?? 0;
      for (const pid of said.distinct ?? []) result.from.add(pid);
    });
  }
  await Promise.all(ready);
  for (const child of started) child.send("go");
  await Promise.all(ends);
  return result;
}

test.for([
  ["libsql", false],
  ["libsql", true],
  ["postgres", false],
  ["postgres", true],
] as const)(
  "on %s, 500 gets on a cold key from 8 processes load it once, or twice where the loader is killed (%s)",
  { timeout: 120_000 },
  async ([name, kill], context) => {
    if (name === "postgres") needs(context, postgres.missing === undefined, postgres.missing ?? "");
    const url = name === "postgres" ? await postgres.database() : join(folder, `${String(kill)}.db`);
    const loci = await open(url);
    const { loads, got, from } = await stampede(url, kill);
    expect(loads).toBe(kill ? 2 : 1);
    expect(from.size).toBe(1);
    // The killed one had an eighth of them.
    expect(got).toBeGreaterThanOrEqual(kill ? total - Math.ceil(total / processes) : total);
    expect(await loci.engine.find(cacheLoads)).toEqual([]);
    await loci.close();
  },
);
