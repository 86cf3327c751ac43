import type { Engine, Where } from "../engine/engine.ts";
import { type AgentMetric, agentMetrics } from "../model/agent-metric.ts";

/** What one agent did of one sort of work. */
export interface MetricLine {
  readonly agentId: string;
  readonly taskType: string;
  readonly taskCount: number;
  /** Mean of those that were timed; null where none was. */
  readonly avgDurationMs: number | null;
  /** Only where percentiles were asked for. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly avgTokens: number | null;
  /** In percent. */
  readonly successRate: number;
}

/**
 * Counts and sums come from the engine, and the divisions are done here: an average that PostgreSQL makes has fewer
 * digits than a double, and the report would differ from store to store.
 */
export async function reportLines(
  engine: Engine,
  where: Where<AgentMetric>,
  percentiles: boolean,
): Promise<MetricLine[]> {
  const [outcomes, durations, tokens] = await Promise.all([
    engine.rollup(agentMetrics, {
      by: ["agentId", "taskType", "success"],
      where,
      measures: { count: "count" },
    }),
    engine.rollup(agentMetrics, {
      // One group for each duration that occurs: then its count is all that percentiles need.
      by: percentiles ? ["agentId", "taskType", "durationMs"] : ["agentId", "taskType"],
      where: { ...where, durationMs: { not: null } },
      measures: { count: "count", sum: { sum: "durationMs" } },
    }),
    engine.rollup(agentMetrics, {
      by: ["agentId", "taskType"],
      where: { ...where, tokensUsed: { not: null } },
      measures: { count: "count", sum: { sum: "tokensUsed" } },
    }),
  ]);
  const lines = new Map<string, Tally>();
  const lineOf = ({ agentId, taskType }: Pick<Tally, "agentId" | "taskType">): Tally => {
    const key = JSON.stringify([agentId, taskType]);
    const known = lines.get(key) ?? { ...nothing(), agentId, taskType };
    lines.set(key, known);
    return known;
  };
  for (const { success, count, ...of } of outcomes) {
    const line = lineOf(of);
    line.count += count ?? 0;
    if (success) line.good += count ?? 0;
  }
  for (const { count, sum, ...of } of durations) {
    const line = lineOf(of);
    line.timed += count ?? 0;
    line.ms += sum ?? 0;
    if (percentiles) line.spread.push([(sum ?? 0) / (count ?? 1), count ?? 0]);
  }
  for (const { count, sum, ...of } of tokens) {
    const line = lineOf(of);
    line.metered += count ?? 0;
    line.tokens += sum ?? 0;
  }
  return [...lines.values()]
    .filter(({ count }) => count > 0)
    .map(toLine)
    .sort((a, b) => order(a.agentId, b.agentId) || order(a.taskType, b.taskType));
}

interface Tally {
  agentId: string;
  taskType: string;
  count: number;
  good: number;
  timed: number;
  ms: number;
  metered: number;
  tokens: number;
  /** Durations, each with how often it occurs. */
  readonly spread: Array<readonly [ms: number, count: number]>;
}

function nothing(): Omit<Tally, "agentId" | "taskType"> {
  return { count: 0, good: 0, timed: 0, ms: 0, metered: 0, tokens: 0, spread: [] };
}

function toLine({ agentId, taskType, ...line }: Tally): MetricLine {
  line.spread.sort(([a], [b]) => a - b);
  return {
    agentId,
    taskType,
    taskCount: line.count,
    avgDurationMs: line.timed === 0 ? null : line.ms / line.timed,
    p50Ms: nearestRank(line.spread, 0.5),
    p95Ms: nearestRank(line.spread, 0.95),
    avgTokens: line.metered === 0 ? null : line.tokens / line.metered,
    successRate: (line.good * 100) / line.count,
  };
}

/** The least duration that at least that share of all did not exceed. */
function nearestRank(spread: Tally["spread"], share: number): number | null {
  const all = spread.reduce((sum, [, count]) => sum + count, 0);
  let passed = 0;
  for (const [ms, count] of spread) {
    passed += count;
    if (passed >= Math.ceil(all * share)) return ms;
  }
  return null;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
