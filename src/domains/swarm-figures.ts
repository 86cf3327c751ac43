import type { Engine } from "../engine/engine.ts";
import type { SwarmMember } from "../model/agent.ts";
import type { Millis } from "../model/collection.ts";
import { sessions } from "../model/session.ts";
import { tasks } from "../model/task.ts";

export interface UnmatchedRegion {
  readonly region: string;
  readonly tasks: number;
  /** When the first of them may run anywhere. */
  readonly spillAt: Millis;
}

/** Only sessions that went on since somebody joined are looked at: they stand in an index by that moment. */
export async function costsOf(
  engine: Engine,
  members: readonly SwarmMember[],
): Promise<ReadonlyMap<string | null, number | null>> {
  if (members.length === 0) return new Map();
  const rows = await engine.rollup(sessions, {
    by: ["agentId"],
    where: {
      updatedAt: { from: members.reduce((first, one) => Math.min(first, one.registeredAt), Infinity) },
      agentId: { anyOf: members.map(({ agentId }) => agentId) },
    },
    measures: { cost: { sum: "costUsd" } },
  });
  return new Map(rows.map(({ agentId, cost }) => [agentId, cost]));
}

export async function unmatchedRegions(
  engine: Engine,
  swarmId: string,
  agents: ReadonlyArray<{ readonly region: string | null; readonly health: string }>,
): Promise<UnmatchedRegion[]> {
  const wanted = await engine.rollup(tasks, {
    by: ["region"],
    where: { swarmId, status: "ready", region: { not: null } },
    measures: { count: "count", spill: { min: "spillAt" } },
  });
  const there = new Set(agents.filter(({ health }) => health !== "unhealthy").map(({ region }) => region));
  return wanted
    .flatMap(({ region, count, spill }) =>
      region === null || there.has(region) ? [] : [{ region, tasks: count ?? 0, spillAt: spill ?? 0 }],
    )
    .sort((a, b) => (a.region < b.region ? -1 : 1));
}
