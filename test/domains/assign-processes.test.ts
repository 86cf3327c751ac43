import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { swarmMembers } from "../../dist/model/agent.js";
import { taskAssignments, tasks } from "../../dist/model/task.js";
import { needs } from "../support/needs.ts";
import { startPostgres } from "../support/postgres.ts";

const worker = fileURLToPath(new URL("./assign-worker.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "loci-assign-"));
const postgres = await startPostgres();
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const total = 500;
const processes = 8;
const agents = Array.from({ length: 20 }, (_, n) => `a${n}`);

interface Line {
  readonly name: string;
  readonly task?: string;
  readonly agent?: string;
  readonly fence?: number;
  readonly from?: number;
  readonly until?: number;
  readonly codes?: Readonly<Record<string, number>>;
  readonly nobody?: number;
}

test.for(["libsql", "postgres"])(
  "on %s, 8 processes assign 500 tasks to 20 agents: no agent has two, no task has two",
  { timeout: 300_000 },
  async (name, context) => {
    needs(context, name === "libsql" || postgres.missing === undefined, postgres.missing ?? "");
    const url = name === "libsql" ? join(folder, "assign.db") : await postgres.database();
    const log = join(folder, `${name}.log`);
    writeFileSync(log, "");
    await using loci = await open(url, { region: "fra" });
    for (const [n, region] of ["fra", "lhr", "iad"].entries()) {
      await loci.edge.register(region);
      loci.edge.observe(region, 5 + 40 * n);
    }
    await loci.edge.flush();
    const regionOf = (n: number): string => ["fra", "lhr", "iad"][n % 3] ?? "";
    await loci.swarm("s").register(agents.map((agent, n) => ({ agent, region: regionOf(n) })));
    await loci.tasks.createAll(
      Array.from({ length: total }, (_, n) => ({ id: `t${n}`, swarm: "s", title: `t${n}` })),
    );
    const began = performance.now();
    const children = Array.from({ length: processes }, (_, n) =>
      spawn(process.execPath, [worker, JSON.stringify({ url, name: `p${n}`, log, agents })], {
        stdio: ["ignore", "inherit", "inherit"],
      }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as number));
    const took = performance.now() - began;
    expect(codes).toEqual(children.map(() => 0));

    const rows = await loci.engine.find(tasks);
    const settled = rows.filter(
      ({ status, fence, attempts }) => status === "done" && fence === 1 && attempts === 1,
    );
    expect(settled).toHaveLength(total);
    const attempts = await loci.engine.find(taskAssignments);
    expect(attempts).toHaveLength(total);
    expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(["done"]));
    const members = await loci.engine.find(swarmMembers);
    expect(members).toHaveLength(agents.length);
    for (const { status, currentTask } of members) {
      expect(currentTask).toBeNull();
      expect(["idle", "ready"]).toContain(status);
    }

    const lines = readFileSync(log, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
    const holds = lines.filter(({ task }) => task !== undefined);
    expect(holds).toHaveLength(total);
    expect(new Set(holds.map(({ task }) => task)).size).toBe(total);
    expect(new Set(holds.map((hold) => hold.name)).size).toBe(processes);
    let compared = 0;
    for (const agent of agents) {
      const mine = holds.filter((hold) => hold.agent === agent).sort((a, b) => (a.from ?? 0) - (b.from ?? 0));
      for (const [at, hold] of mine.entries()) {
        const before = mine[at - 1];
        if (!before) continue;
        compared++;
        expect(hold.from).toBeGreaterThanOrEqual(before.until ?? Number.POSITIVE_INFINITY);
      }
    }
    expect(compared).toBeGreaterThan(total - 2 * agents.length);
    const near = attempts.filter(({ edgeRegion }) => edgeRegion === "fra").length;
    const busy = lines.reduce(
      (sum, { codes: met }) => sum + (met?.["busy"] ?? 0) + (met?.["invalid"] ?? 0),
      0,
    );
    const nobody = lines.reduce((sum, line) => sum + (line.nobody ?? 0), 0);
    // The processes met; on a busy machine the agents are never all taken.
    expect(busy + nobody).toBeGreaterThan(0);
    console.log(
      `${name}: ${total} tasks to ${agents.length} agents by ${processes} processes in ${(took / 1000).toFixed(1)} s; ` +
        `${busy} were somebody else's, ${nobody} times nobody was idle; ${near} in the nearest region`,
    );
  },
);
