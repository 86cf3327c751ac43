import type { QueryOrder, QueryStats } from "../domains/queries.ts";
import { LociError } from "../errors.ts";
import type { SlowQuery } from "../model/query.ts";
import type { Page } from "./answers.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag, sinceFlag } from "./params.ts";

export type QueryItem = Omit<QueryStats, "lastExecuted"> & { readonly lastExecuted: string };

export interface TopQueriesAnswer {
  readonly by: QueryOrder;
  readonly items: readonly QueryItem[];
}

export type SlowQueryItem = Omit<SlowQuery, "createdAt"> & { readonly createdAt: string };

export type SlowQueriesAnswer = Page<SlowQueryItem> & { readonly by: "time" };

export const showQueries: Operation = operation({
  name: "queries",
  summary: "show which queries of the store take the time",
  access: "read",
  params: {
    limit: limitFlag,
    by: {
      kind: "enum",
      choices: ["total", "mean", "p95", "count"],
      default: "total",
      summary: "what comes first: the most time in all, the longest mean or p95, the most runs",
    },
    slow: { kind: "boolean", summary: "single slow runs, the newest first" },
    since: { ...sinceFlag, summary: "with --slow, not before this: 2026-08-23, 7d, 12h, yesterday" },
    after: pageFlag,
  },
  async run(loci, { limit, by, slow, since, after }): Promise<TopQueriesAnswer | SlowQueriesAnswer> {
    if (slow) {
      const { items, next } = await loci.queries.slow({ limit, since, after });
      return {
        by: "time",
        items: items.map((row) => ({
          ...row,
          durationMs: rounded(row.durationMs),
          createdAt: isoTime(row.createdAt),
        })),
        next,
      };
    }
    if (since !== undefined || after !== undefined) {
      throw new LociError("invalid", "--since and --after go with --slow: patterns are over all times.", {
        next: "loci queries --slow --since 7d",
      });
    }
    const items = await loci.queries.top({ by, limit });
    return { by, items: items.map(queryItem) };
  },
});

function queryItem(row: QueryStats): QueryItem {
  return {
    ...row,
    totalMs: rounded(row.totalMs),
    meanMs: rounded(row.meanMs),
    p50Ms: rounded(row.p50Ms),
    p95Ms: rounded(row.p95Ms),
    p99Ms: rounded(row.p99Ms),
    maxMs: rounded(row.maxMs),
    lastExecuted: isoTime(row.lastExecuted),
  };
}

/** To a microsecond: digits beyond it mean nothing. */
function rounded(ms: number): number {
  return Number(ms.toFixed(3));
}

export const resetQueries: Operation = operation({
  name: "queries reset",
  summary: "forget how long queries took",
  access: "write",
  params: {},
  async run(loci): Promise<{ readonly reset: true }> {
    await loci.queries.reset();
    return { reset: true };
  },
});
