import type { Engine } from "../engine/engine.ts";
import { agentMetrics } from "../model/agent-metric.ts";
import type { Millis } from "../model/collection.ts";
import { type Outcome, taskAssignments } from "../model/task.ts";

export type Activity = "active" | "idle" | "inactive";

export interface ActivityLimits {
  /** Active until that long after its last finished work; default 5 min. */
  readonly active: Millis;
  /** Then idle, until that; default 15 min. From then on, and where it finished nothing, inactive. */
  readonly idle: Millis;
}

export const activityLimits: ActivityLimits = { active: 300_000, idle: 900_000 };

export function activityOf(
  since: Millis | null,
  { active, idle }: ActivityLimits = activityLimits,
): Activity {
  return since === null || since >= idle ? "inactive" : since >= active ? "idle" : "active";
}

/** What one agent finished. */
export interface Work {
  /** In the span asked for, failed work too. */
  readonly completed: number;
  readonly failed: number;
  /** Mean duration of what was completed and was timed. */
  readonly meanMs: number | null;
  /** When it last finished something, also before the span. */
  readonly last: Millis;
}

export interface WorkQuery {
  readonly swarmId?: string | undefined;
  /** Not before this. */
  readonly since: Millis;
  /** For these it is also looked up when they last finished something before. */
  readonly agents: readonly string[];
}

/** What an agent ended by its own word; an attempt that expired or was cancelled is no work of its own. */
const finished: readonly Outcome[] = ["done", "failed"];

/**
 * What agents finished, by agent: attempts of tasks, and the metrics that are of no task. Agents that finished nothing
 * are not in it.
 */
export async function finishedWork(engine: Engine, query: WorkQuery): Promise<Map<string, Work>> {
  const { swarmId, since, agents } = query;
  const swarm = swarmId === undefined ? {} : { swarmId };
  const ofTasks = { ...swarm, outcome: { anyOf: finished } };
  const ofMetrics = { ...swarm, taskId: null };
  const created = { ...ofMetrics, createdAt: { from: since } };
  const [attempts, metrics, timed] = await Promise.all([
    engine.rollup(taskAssignments, {
      by: ["agentId", "outcome"],
      where: { ...ofTasks, endedAt: { from: since } },
      measures: { count: "count", sum: { sum: "durationMs" }, last: { max: "endedAt" } },
    }),
    engine.rollup(agentMetrics, {
      by: ["agentId", "success"],
      where: created,
      measures: { count: "count", last: { max: "createdAt" } },
    }),
    engine.rollup(agentMetrics, {
      by: ["agentId"],
      where: { ...created, durationMs: { not: null } },
      measures: { count: "count", sum: { sum: "durationMs" } },
    }),
  ]);
  const tallies = new Map<string, Tally>();
  const tally = (agentId: string): Tally => {
    const known = tallies.get(agentId) ?? { completed: 0, failed: 0, timed: 0, sum: 0, last: 0 };
    tallies.set(agentId, known);
    return known;
  };
  for (const { agentId, outcome, count, sum, last } of attempts) {
    note(tally(agentId), { count, failed: outcome !== "done", last });
    time(tally(agentId), { count, sum });
  }
  for (const { agentId, success, count, last } of metrics)
    note(tally(agentId), { count, failed: !success, last });
  for (const { agentId, count, sum } of timed) time(tally(agentId), { count, sum });
  // Those who finished something in the span have it as their last: only the silent ones are looked up further back.
  const anyOf = agents.filter((agentId) => !tallies.has(agentId));
  if (anyOf.length > 0) {
    const [before, earlier] = await Promise.all([
      engine.rollup(taskAssignments, {
        by: ["agentId"],
        where: { ...ofTasks, agentId: { anyOf } },
        measures: { last: { max: "endedAt" } },
      }),
      engine.rollup(agentMetrics, {
        by: ["agentId"],
        where: { ...ofMetrics, agentId: { anyOf } },
        measures: { last: { max: "createdAt" } },
      }),
    ]);
    for (const { agentId, last } of [...before, ...earlier])
      note(tally(agentId), { count: 0, failed: false, last });
  }
  return new Map(Array.from(tallies, ([agentId, all]) => [agentId, workOf(all)]));
}

interface Tally {
  completed: number;
  failed: number;
  timed: number;
  sum: number;
  last: Millis;
}

type Rolled = number | null;

function note(
  tally: Tally,
  { count, failed, last }: { readonly count: Rolled; readonly failed: boolean; readonly last: Rolled },
): void {
  tally.completed += count ?? 0;
  if (failed) tally.failed += count ?? 0;
  tally.last = Math.max(tally.last, last ?? 0);
}

function time(tally: Tally, { count, sum }: { readonly count: Rolled; readonly sum: Rolled }): void {
  tally.timed += count ?? 0;
  tally.sum += sum ?? 0;
}

function workOf({ completed, failed, timed, sum, last }: Tally): Work {
  return { completed, failed, meanMs: timed === 0 ? null : sum / timed, last };
}
