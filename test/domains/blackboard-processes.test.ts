import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { needs } from "../support/needs.ts";
import { startPostgres } from "../support/postgres.ts";

const worker = fileURLToPath(new URL("./blackboard-worker.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "loci-board-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const processes = 8;
const times = 50;

async function countTogether(url: string): Promise<void> {
  const run = promisify(execFile);
  const given = JSON.stringify({ url, times });
  const ended = await Promise.all(
    Array.from({ length: processes }, () => run(process.execPath, [worker, given])),
  );
  const refused = ended.reduce((sum, { stdout }) => sum + Number(JSON.parse(stdout).refused), 0);
  await using loci = await open(url);
  const { blackboard } = loci.swarm("counting");
  const total = processes * times;
  expect(await blackboard.get("count")).toMatchObject({ value: total, version: total });
  const versions = (await blackboard.history("count", { limit: 1_000 })).items;
  expect(versions.map(({ value }) => value)).toEqual(Array.from({ length: total }, (_, i) => total - i));
  // They did get in each other's way.
  expect(refused).toBeGreaterThan(0);
}

test.for(["libsql", "postgres"])(
  "eight processes that count by compare-and-set on %s lose nothing",
  { timeout: 120_000 },
  async (name, context) => {
    needs(context, name === "libsql" || postgres.missing === undefined, postgres.missing ?? "");
    const url = name === "libsql" ? join(folder, "board.db") : await postgres.database();
    await (await open(url)).close();
    await countTogether(url);
  },
);
