import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { swarmMembers } from "../../dist/model/agent.js";
import { taskAssignments, tasks } from "../../dist/model/task.js";
import { needs } from "../support/needs.ts";
import { startPostgres } from "../support/postgres.ts";

const worker = fileURLToPath(new URL("./task-worker.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "loci-workers-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const lease = 1_000;
const total = Number(process.env["LOCI_TEST_TASKS"] ?? 2_000);
const processes = 8;

interface Line {
  readonly name: string;
  readonly completed?: string;
  readonly refused?: string;
  readonly fence?: number;
  readonly code?: string;
  readonly lock?: number;
  readonly from?: number;
  readonly until?: number;
  readonly counts?: { readonly completed: number };
}

type Way = "claim and complete" | "work";

/** Eight workers; one after the other is killed, and frozen past its lease, in the middle of a task. */
async function runWorkers(url: string, log: string, way: Way): Promise<{ kills: number; freezes: number }> {
  let started = 0;
  const running = new Set<ChildProcess>();
  const ends: Array<Promise<unknown>> = [];
  const start = (): ChildProcess => {
    const given = JSON.stringify({ url, name: `w${++started}`, log, lease, total, way });
    const child = spawn(process.execPath, [worker, given], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    running.add(child);
    ends.push(once(child, "exit").then(() => running.delete(child)));
    return child;
  };
  const held = async (child: ChildProcess): Promise<boolean> => {
    child.send("hold", () => undefined);
    const [message] = (await Promise.race([once(child, "message"), once(child, "exit")])) as unknown[];
    return typeof message === "object" && message !== null;
  };
  const first = Array.from({ length: processes }, start);
  const [doomed, frozen] = [first.slice(0, 4), first.slice(4)];
  let [kills, freezes] = [0, 0];
  await Promise.all([
    ...doomed.map(async (child) => {
      if (!(await held(child))) return;
      child.kill("SIGKILL");
      kills++;
      start();
    }),
    ...frozen.map(async (child) => {
      if (!(await held(child))) return;
      child.kill("SIGSTOP");
      freezes++;
      // As long as the lease and what others need to take the task: this is the fault, not a wait for a result.
      await new Promise((done) => setTimeout(done, 2.5 * lease));
      child.kill("SIGCONT");
    }),
  ]);
  while (running.size > 0) await Promise.all(ends);
  return { kills, freezes };
}

/** They begin together: short tasks would all be done before the last process is there. */
async function createTasks(loci: Loci, way: Way): Promise<void> {
  while (way === "work" && (await loci.engine.find(swarmMembers)).length < processes) await sleep(20);
  for (let at = 0; at < total; at += 2_000) {
    await loci.tasks.createAll(
      Array.from({ length: Math.min(2_000, total - at) }, (_, n) => ({
        title: `t${at + n}`,
        priority: n % 3,
        maxAttempts: 20,
      })),
    );
  }
}

test.for([
  ["libsql", "claim and complete"],
  ["postgres", "claim and complete"],
  ["libsql", "work"],
  ["postgres", "work"],
] as const)(
  "on %s, 8 processes that %s, with kills and freezes, complete each task once",
  { timeout: 240_000 },
  async ([name, way], context) => {
    needs(context, name === "libsql" || postgres.missing === undefined, postgres.missing ?? "");
    const url = name === "libsql" ? join(folder, `${way}.db`) : await postgres.database();
    const log = join(folder, `${name} ${way}.log`);
    writeFileSync(log, "");
    await using loci = await open(url);
    if (way !== "work") await createTasks(loci, way);
    const began = performance.now();
    const running = runWorkers(url, log, way);
    if (way === "work") await createTasks(loci, way);
    const { kills, freezes } = await running;
    const took = performance.now() - began;

    const lines = readFileSync(log, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
    const rows = await loci.engine.find(tasks);
    const attempts = await loci.engine.find(taskAssignments, { orderBy: [["fence", "up"]] });
    const done = attempts.filter(({ outcome }) => outcome === "done");
    const expired = attempts.filter(({ outcome }) => outcome === "expired");
    expect(rows.filter(({ status }) => status === "done")).toHaveLength(total);
    expect(new Set(done.map(({ taskId }) => taskId)).size).toBe(total);
    expect(done).toHaveLength(total);

    const accepted = lines.filter(({ completed }) => completed !== undefined);
    expect(new Set(accepted.map(({ completed }) => completed)).size).toBe(accepted.length);
    const fences = new Map(rows.map(({ id, fence }) => [id, fence]));
    const stale = accepted.filter(({ completed = "", fence }) => fences.get(completed) !== fence);
    expect(stale).toEqual([]);
    // What the loop counts as completed is stored, and nothing else of that agent.
    const counted = lines.filter(({ counts }) => counts !== undefined);
    expect(counted).toHaveLength(way === "work" ? processes : 0);
    const doneBy = (agent: string): number => done.filter(({ agentId }) => agentId === agent).length;
    expect(counted.map(({ name: agent }) => doneBy(agent))).toEqual(
      counted.map(({ counts }) => counts?.completed),
    );
    const refused = lines.filter(({ refused: id }) => id !== undefined);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(["lease-lost"]));
    // A worker that was frozen may notice by itself that its lease is over, and send nothing.
    expect(refused.length).toBeGreaterThanOrEqual(way === "work" ? 1 : freezes);

    const claimedAt = new Map(attempts.map((row) => [`${row.taskId} ${row.fence}`, row.assignedAt]));
    const waits = expired.map((row) => {
      const next = claimedAt.get(`${row.taskId} ${row.fence + 1}`) ?? Number.POSITIVE_INFINITY;
      return next - (row.assignedAt + lease);
    });
    expect(kills).toBe(4);
    expect(freezes).toBe(4);
    expect(waits.length).toBeGreaterThanOrEqual(kills + freezes);
    // Two processes agree on the server's clock as far as half of a question's way, which is long on a busy machine.
    const apart = name === "libsql" ? 0 : 50;
    // Who takes one may have waited, for a frozen process too, since the moment that it writes down: nobody calls a lease
    // over before its end.
    const over = expired.map(({ assignedAt, endedAt }) => endedAt - (assignedAt + lease));
    expect(Math.min(...over)).toBeGreaterThanOrEqual(-apart);
    expect(Math.max(...waits)).toBeLessThanOrEqual(2_000);

    const holds = lines
      .filter(({ lock }) => lock !== undefined)
      .sort((a, b) => (a.lock ?? 0) - (b.lock ?? 0));
    expect(holds.length).toBeGreaterThan(20);
    expect(new Set(holds.map(({ lock }) => lock)).size).toBe(holds.length);
    for (const [at, hold] of holds.entries()) {
      const before = holds[at - 1];
      if (before) expect(hold.from).toBeGreaterThanOrEqual((before.until ?? 0) - apart);
    }
    console.log(
      `${name}, ${way}: ${total} tasks by ${processes} processes in ${(took / 1000).toFixed(1)} s, ${kills} kills, ` +
        `${freezes} freezes: ${done.length} completed, ${refused.length} stale completions refused, ` +
        `${expired.length} leases ended, taken again after ${Math.max(...waits)} ms at most; ` +
        `${holds.length} locks held, one at a time`,
    );
  },
);
