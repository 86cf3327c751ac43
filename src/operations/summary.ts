import { sessions as sessionRows } from "../model/session.ts";
import type { Loci } from "../open.ts";
import { roundedUsd, type SessionItem, sessionItem, type Tokens, tokensOf } from "./answers.ts";
import { isoTime, type Millis, type Operation, operation } from "./operation.ts";
import { limitFlag } from "./params.ts";

export interface SummaryAnswer {
  readonly period: {
    readonly since: string;
    readonly until: string;
    /** True where nothing happened in the last 7 days: these are then the last 7 in which something did. */
    readonly past: boolean;
  };
  readonly sessions: number;
  readonly tokens: Tokens;
  readonly costUsd: number;
  readonly costComplete: boolean;
  readonly toolCount: number;
  readonly errorCount: number;
  readonly days: ReadonlyArray<{ readonly day: string; readonly costUsd: number }>;
  /** The newest sessions that are nobody's sub-agent. */
  readonly items: readonly SummaryItem[];
  /** How many more there are. */
  readonly more: number;
  readonly unpriced: ReadonlyArray<{ readonly model: string; readonly calls: number }>;
}

export interface SummaryItem extends SessionItem {
  /** Its sub-agents, and what they cost beside it. */
  readonly agents: { readonly count: number; readonly costUsd: number; readonly costComplete: boolean };
}

const day: Millis = 86_400_000;

export const summarize: Operation = operation({
  name: "summary",
  summary: "the last 7 days in numbers, and the newest sessions",
  access: "read",
  params: { limit: { ...limitFlag, default: 12 } },
  async run(loci, input, { now }): Promise<SummaryAnswer> {
    const page = await loci.sessions.list({ parent: null, limit: input.limit });
    const newest = page.items[0]?.updatedAt ?? now();
    const week = startOfDay(now()) - 6 * day;
    const past = page.items.length > 0 && newest < week;
    const until = past ? startOfDay(newest) + day : now() + 1;
    const since = past ? until - 7 * day : week;
    const [lines, totals, count, all, unpriced] = await Promise.all([
      loci.reports.costBy("day", { since, until }),
      loci.reports.totals({ since, until }),
      countTop(loci, { since, until }),
      countTop(loci),
      loci.reports.unpriced(),
    ]);
    const sum = (pick: (line: (typeof lines)[number]) => number): number =>
      lines.reduce((whole, line) => whole + pick(line), 0);
    return {
      period: { since: isoTime(since), until: isoTime(until), past },
      sessions: count,
      tokens: tokensOf({
        inputTokens: sum((line) => line.inputTokens),
        outputTokens: sum((line) => line.outputTokens),
        cacheReadTokens: sum((line) => line.cacheReadTokens),
        cacheWriteTokens: sum((line) => line.cacheWriteTokens),
      }),
      costUsd: roundedUsd(sum((line) => line.costUsd)),
      costComplete: lines.every((line) => line.costComplete),
      toolCount: totals.toolCount,
      errorCount: totals.errorCount,
      days: daysOf(since, lines),
      items: await withAgents(loci, page.items.map(sessionItem)),
      more: all - page.items.length,
      unpriced,
    };
  },
});

/** Seven days, also those on which nothing was spent. */
function daysOf(
  since: Millis,
  lines: ReadonlyArray<{ readonly key: string; readonly costUsd: number }>,
): Array<{ day: string; costUsd: number }> {
  return Array.from({ length: 7 }, (_, at) => {
    // Noon is on the same day also where the clocks are changed.
    const noon = since + at * day + day / 2;
    const name = new Date(noon - new Date(noon).getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
    return { day: name, costUsd: roundedUsd(lines.find(({ key }) => key === name)?.costUsd ?? 0) };
  });
}

async function withAgents(loci: Loci, items: readonly SessionItem[]): Promise<SummaryItem[]> {
  const groups = await loci.engine.rollup(sessionRows, {
    by: ["parentSessionId", "costComplete"],
    where: { parentSessionId: { anyOf: items.map(({ id }) => id) } },
    measures: { count: "count", costUsd: { sum: "costUsd" } },
  });
  return items.map((item) => {
    const own = groups.filter(({ parentSessionId }) => parentSessionId === item.id);
    const agents = {
      count: own.reduce((sum, { count }) => sum + (count ?? 0), 0),
      costUsd: roundedUsd(own.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), 0)),
      costComplete: own.every(({ costComplete }) => costComplete),
    };
    return { ...item, agents };
  });
}

async function countTop(loci: Loci, span?: { since: Millis; until: Millis }): Promise<number> {
  const [all] = await loci.engine.rollup(sessionRows, {
    by: [],
    where: {
      parentSessionId: null,
      ...(span === undefined ? {} : { updatedAt: { from: span.since, below: span.until } }),
    },
    measures: { count: "count" },
  });
  return all?.count ?? 0;
}

function startOfDay(at: Millis): Millis {
  return new Date(at).setHours(0, 0, 0, 0);
}
