import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMetrics, type MetricGiven, type Metrics } from "../../dist/domains/metrics.js";
import { createSwarm } from "../../dist/domains/swarm.js";
import { createTasks, type Tasks } from "../../dist/domains/tasks/tasks.js";
import { type Loci, open } from "../../dist/index.js";
import { onEachBackend } from "./backends.ts";

const minute = 60_000;
const hour = 60 * minute;

await onEachBackend("metrics", ({ it, engine, clock, now }) => {
  let metrics: Metrics;
  let tasks: Tasks;
  beforeEach(() => {
    metrics = createMetrics(engine(), { now });
    tasks = createTasks(engine(), { now });
  });

  it("a metric keeps what was given, and fills in what follows from it", async () => {
    const row = await metrics.record({
      agent: "a",
      taskType: "refactor",
      startTime: clock.at - 5_200,
      endTime: clock.at,
      tokensUsed: 1_800,
      filesModified: 3,
      region: "fra",
      metadata: { model: "opus" },
      swarm: "s",
      sessionId: "k3f9",
    });
    expect(row).toMatchObject({ durationMs: 5_200, success: true, createdAt: clock.at, edgeRegion: "fra" });
    await metrics.record({ agent: "a", taskType: "refactor", durationMs: 1.6, error: "no disk" });
    const { items } = await metrics.list();
    expect(items).toHaveLength(2);
    expect(items).toContainEqual(row);
    expect(items).toContainEqual(
      expect.objectContaining({ durationMs: 2, success: false, errorMessage: "no disk", tokensUsed: null }),
    );
    expect((await metrics.list({ success: false })).items).toHaveLength(1);
  });

  it.for([
    [{ agent: "", taskType: "t" }, /agent/],
    [{ agent: "a", taskType: " " }, /taskType/],
    [{ agent: "a", taskType: "t", durationMs: -1 }, /durationMs is a whole number from 0/],
    [{ agent: "a", taskType: "t", tokensUsed: 1.5 }, /tokensUsed is a whole number from 0/],
  ] as ReadonlyArray<readonly [MetricGiven, RegExp]>)(
    "refuses %j, and records nothing of the batch",
    async ([given, said]) => {
      const batch = metrics.recordAll([{ agent: "good", taskType: "t" }, given]);
      await expect(batch).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(said) });
      expect((await metrics.list()).items).toEqual([]);
    },
  );

  it("the report is that of a plain program over the same rows", async () => {
    const given = sample(clock.at);
    for (const { at, ...one } of given) {
      clock.at = at;
      await metrics.record(one);
    }
    clock.at = Math.max(...given.map(({ at }) => at));
    const kept = given.filter(({ at }) => at >= clock.at - 24 * hour);
    expect(kept.length).toBeGreaterThan(50);
    expect(kept.length).toBeLessThan(given.length);
    expect(await metrics.report({ percentiles: true })).toEqual(reference(kept));
    const some = kept.filter(
      ({ agent, taskType, swarm }) => agent === "b" && taskType === "x" && swarm === "s",
    );
    expect(some.length).toBeGreaterThan(0);
    expect(await metrics.report({ agent: "b", taskType: "x", swarm: "s", percentiles: true })).toEqual(
      reference(some),
    );
    expect((await metrics.report())[0]).toMatchObject({ p50Ms: null, p95Ms: null });
  });

  it("pages of the list go on behind each other", async () => {
    await metrics.recordAll(Array.from({ length: 5 }, (_, i) => ({ agent: "a", taskType: `t${i}` })));
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await metrics.list({ limit: 2, after });
      seen.push(...page.items.map(({ taskType }) => taskType));
      after = page.next ?? undefined;
    } while (after !== undefined);
    expect(seen).toEqual(["t4", "t3", "t2", "t1", "t0"]);
  });

  it("old metrics are cleaned away, and no others", async () => {
    await metrics.record({ agent: "a", taskType: "old" });
    clock.at += 2 * hour;
    await metrics.record({ agent: "a", taskType: "new" });
    expect(await metrics.clean({ olderThan: hour })).toBe(1);
    expect((await metrics.list()).items.map(({ taskType }) => taskType)).toEqual(["new"]);
  });

  it("a task's attempt is recorded once, and counts once as activity", async () => {
    await createSwarm(engine(), "s", { now }).register({ agent: "a", region: "fra" });
    await tasks.create({ swarm: "s", title: "t", kind: "review", region: "fra" });
    const [task] = await tasks.claim({ swarm: "s", agent: "a", region: "fra" });
    if (task === undefined) throw new Error("nothing to claim");
    clock.at += 4_000;
    await tasks.complete(task);
    for (let i = 0; i < 2; i++) await metrics.fromTask(task, { tokensUsed: 700 });
    expect((await metrics.list()).items).toMatchObject([
      {
        agentId: "a",
        taskType: "review",
        taskId: task.id,
        swarmId: "s",
        durationMs: 4_000,
        edgeRegion: "fra",
      },
    ]);
    expect(await metrics.activity()).toMatchObject([
      { agentId: "a", tasksCompleted: 1, tasksFailed: 0, avgTaskDurationMs: 4_000 },
    ]);
    const [unclaimed] = await tasks.createAll([{ swarm: "s", title: "t2" }]);
    if (unclaimed === undefined) throw new Error("nothing was made");
    await expect(metrics.fromTask(unclaimed.task)).rejects.toMatchObject({ code: "invalid" });
  });

  it("an agent is active for 5 minutes, idle until 15, then inactive and still listed", async () => {
    await createSwarm(engine(), "s", { now }).register([
      { agent: "busy", region: "fra" },
      { agent: "silent" },
    ]);
    await metrics.record({ agent: "busy", taskType: "t", durationMs: 100 });
    const start = clock.at;
    const seen: Array<readonly [number, unknown]> = [];
    for (const after of [0, 5 * minute - 1, 5 * minute, 15 * minute - 1, 15 * minute, 180 * minute]) {
      clock.at = start + after;
      const [busy, silent] = await metrics.activity();
      seen.push([after, busy?.activity]);
      expect(busy).toMatchObject({ agentId: "busy", edgeRegion: "fra", lastActivity: start });
      expect(silent).toMatchObject({
        agentId: "silent",
        activity: "inactive",
        lastActivity: null,
        tasksCompleted: 0,
        avgTaskDurationMs: null,
      });
    }
    expect(seen).toEqual([
      [0, "active"],
      [5 * minute - 1, "active"],
      [5 * minute, "idle"],
      [15 * minute - 1, "idle"],
      [15 * minute, "inactive"],
      [180 * minute, "inactive"],
    ]);
    expect((await metrics.activity())[0]).toMatchObject({ tasksCompleted: 0, avgTaskDurationMs: null });
    const limits = { idle: 200 * minute };
    expect((await metrics.activity({ limits }))[0]?.activity).toBe("idle");
  });

  it("activity is over all swarms and regions, and knows who never registered", async () => {
    await createSwarm(engine(), "one", { now }).register({ agent: "a", region: "fra" });
    await createSwarm(engine(), "two", { now }).register([{ agent: "a" }, { agent: "b", region: "iad" }]);
    await metrics.recordAll([
      { agent: "a", taskType: "t", durationMs: 100, swarm: "one" },
      { agent: "a", taskType: "t", durationMs: 200, swarm: "two" },
      { agent: "a", taskType: "t", error: "no" },
      { agent: "guest", taskType: "t" },
    ]);
    const all = await metrics.activity();
    expect(all).toMatchObject([
      { agentId: "a", edgeRegion: "fra", tasksCompleted: 3, tasksFailed: 1, avgTaskDurationMs: 150 },
      { agentId: "b", edgeRegion: "iad", tasksCompleted: 0 },
      { agentId: "guest", edgeRegion: null, tasksCompleted: 1, lastHeartbeat: null },
    ]);
    expect((await metrics.activity({ region: "iad" })).map(({ agentId }) => agentId)).toEqual(["b"]);
    expect((await createSwarm(engine(), "one", { now }).agents())[0]).toMatchObject({
      tasksCompleted: 1,
      avgTaskDurationMs: 100,
      activity: "active",
    });
  });
});

interface Given extends MetricGiven {
  readonly at: number;
}

/** Two hundred rows over two days; some without a duration or tokens, some failed, some of awkward size. */
function sample(start: number): Given[] {
  return Array.from({ length: 200 }, (_, i): Given => {
    const base = {
      at: start + Math.floor((i * 48 * hour) / 200),
      agent: "abc".charAt(i % 3),
      taskType: "xy".charAt(i % 2),
    };
    return {
      ...base,
      ...(i % 5 === 0 ? {} : { durationMs: (i * 7_919_777) % 86_400_001 }),
      ...(i % 7 === 0 ? {} : { tokensUsed: (i * 104_729) % 3_000_017 }),
      ...(i % 4 === 0 ? { success: false } : {}),
      ...(i % 8 < 4 ? { swarm: "s" } : {}),
    };
  });
}

/** The report of seed 000, in JavaScript. */
function reference(rows: readonly Given[]): unknown[] {
  const groups = new Map<string, Given[]>();
  for (const row of rows) {
    const key = `${row.agent} ${row.taskType}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => {
      const numbers = (name: "durationMs" | "tokensUsed"): number[] =>
        group.flatMap((row) => (row[name] === undefined ? [] : [row[name]])).sort((a, b) => a - b);
      const mean = (list: readonly number[]): number | null =>
        list.length === 0 ? null : list.reduce((sum, one) => sum + one, 0) / list.length;
      const rank = (list: readonly number[], share: number): number | null =>
        list[Math.ceil(list.length * share) - 1] ?? null;
      const ms = numbers("durationMs");
      return {
        agentId: group[0]?.agent,
        taskType: group[0]?.taskType,
        taskCount: group.length,
        avgDurationMs: mean(ms),
        p50Ms: rank(ms, 0.5),
        p95Ms: rank(ms, 0.95),
        avgTokens: mean(numbers("tokensUsed")),
        successRate: (group.filter(({ success }) => success !== false).length * 100) / group.length,
      };
    });
}

describe("agent_metrics in plain SQL", () => {
  let loci: Loci;
  afterEach(() => loci.close());

  test("the report of the seed document answers as written", async () => {
    const { mkdtempSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    loci = await open(join(mkdtempSync(join(tmpdir(), "loci-metrics-")), "m.db"));
    await loci.metrics.recordAll([
      { agent: "a", taskType: "t", durationMs: 100, tokensUsed: 10 },
      { agent: "a", taskType: "t", durationMs: 200, tokensUsed: 20 },
      { agent: "a", taskType: "t", durationMs: 300, tokensUsed: 30, success: false },
    ]);
    const answer = await loci.sql?.query(`SELECT
      agent_id,
      task_type,
      COUNT(*) as task_count,
      AVG(duration_ms) as avg_duration,
      AVG(tokens_used) as avg_tokens,
      SUM(CASE WHEN success THEN 1 ELSE 0 END) * 100.0 / COUNT(*) as success_rate
    FROM agent_metrics
    WHERE created_at > datetime('now', '-24 hours')
    GROUP BY agent_id, task_type;`);
    expect(answer?.columns).toEqual([
      "agent_id",
      "task_type",
      "task_count",
      "avg_duration",
      "avg_tokens",
      "success_rate",
    ]);
    expect(answer?.rows).toEqual([["a", "t", 3, 200, 20, 200 / 3]]);
    expect(await loci.metrics.report()).toMatchObject([
      { agentId: "a", taskType: "t", taskCount: 3, avgDurationMs: 200, avgTokens: 20, successRate: 200 / 3 },
    ]);
  });
});
