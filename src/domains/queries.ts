import { type Engine, insert, remove } from "../engine/engine.ts";
import { percentile } from "../engine/histogram.ts";
import { addTally, type Meter, type QueryTally } from "../engine/meter.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { queryLog, queryPerformance, type SlowQuery } from "../model/query.ts";
import type { Clock } from "./clock.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import { mergeTallies, tallyOfRow } from "./query-merge.ts";
import type { Page } from "./sessions.ts";

/** One pattern of queries, over all processes that stored what they measured. */
export interface QueryStats {
  readonly hash: string;
  /** The query without its values. */
  readonly pattern: string;
  readonly count: number;
  readonly totalMs: number;
  readonly meanMs: number;
  /** Percentiles come from a histogram: at most 16 % off. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly lastExecuted: Millis;
}

export type QueryOrder = "total" | "mean" | "p95" | "count";

export interface Queries {
  /** The patterns that stand out, with what this process has not stored yet. `limit`: 1 to 1,000; 20 when left out. */
  readonly top: (query?: {
    readonly by?: QueryOrder | undefined;
    readonly limit?: number | undefined;
  }) => Promise<QueryStats[]>;
  /** Runs of 100 ms and more, the newest first. */
  readonly slow: (query?: SlowQueryQuery) => Promise<Page<SlowQuery>>;
  /** Stores now what this process has measured. */
  readonly flush: () => Promise<void>;
  /** Forgets all that was stored, and what this process has measured. */
  readonly reset: () => Promise<void>;
}

export interface SlowQueryQuery {
  readonly since?: Millis | undefined;
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface StoredQueries extends Queries {
  /** Stores what is to be stored, and ends it; twice is fine. */
  readonly close: () => Promise<void>;
}

export interface QueriesParts {
  /** Absent where there is nothing to measure. */
  readonly meter?: Meter | undefined;
  /** The store's clock. */
  readonly now: Clock;
  /** Time passed, by a clock that nobody sets. */
  readonly elapsed: () => Millis;
  /** All that is measured is stored, also by a process that only reads and at once when it closes. */
  readonly always?: boolean | undefined;
}

const flushEvery = 10_000;
const slowKeptFor = 7 * 86_400_000;
const patternsKeptFor = 30 * 86_400_000;

/**
 * Which queries of the store take the time. A meter counts in memory; every 10 s that is added to what all processes
 * stored. A process that only reads stores nothing by itself, because reading must not write; and one that ends sooner
 * than that does so only where a query was slow, or a command would write only to tell about itself.
 */
export function createQueries(
  engine: Engine,
  { meter, now, elapsed, always = false }: QueriesParts,
): StoredQueries {
  const began = elapsed();
  let running: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;

  const flush = (): Promise<void> => {
    const turn = running.then(() => storeNoted(engine, meter, now));
    running = turn.catch(() => undefined);
    return turn;
  };
  /** The numbers are not worth an error in somebody else's work: what could not be stored stays for the next time. */
  const flushQuietly = (): Promise<void> => flush().catch(() => undefined);
  const timer =
    meter &&
    setInterval(() => {
      if (always || meter.read().changed) void flushQuietly();
    }, flushEvery);
  timer?.unref();

  const end = async (): Promise<void> => {
    clearInterval(timer);
    await running;
    const noted = meter?.read();
    const worth = noted?.changed === true && (noted.slow.length > 0 || elapsed() - began >= flushEvery);
    if (always || worth) await flushQuietly();
  };
  return {
    top: (query = {}) => topQueries(engine, meter, query),
    slow: (query = {}) => slowQueries(engine, meter?.read().slow ?? [], query),
    flush,
    async reset() {
      meter?.take();
      await running;
      await engine.write([remove(queryPerformance, {}), remove(queryLog, {})]);
    },
    close: () => (closed ??= end()),
  };
}

async function storeNoted(engine: Engine, meter: Meter | undefined, now: Clock): Promise<void> {
  const noted = meter?.take();
  if (noted === undefined || noted.tallies.length === 0) return;
  let left = noted.tallies;
  let { slow } = noted;
  try {
    const at = await now();
    const beside = [
      insert(queryLog, slow),
      remove(queryLog, { createdAt: { below: at - slowKeptFor } }),
      remove(queryPerformance, { lastExecuted: { below: at - patternsKeptFor } }),
    ];
    const onWritten = (rest: readonly QueryTally[]): void => {
      left = rest;
      slow = [];
    };
    await mergeTallies(engine, noted.tallies, { beside, onWritten });
  } finally {
    if (left.length > 0) meter?.restore({ tallies: left, slow });
  }
}

const orders: Readonly<Record<QueryOrder, (stats: QueryStats) => number>> = {
  total: ({ totalMs }) => totalMs,
  mean: ({ meanMs }) => meanMs,
  p95: ({ p95Ms }) => p95Ms,
  count: ({ count }) => count,
};

async function topQueries(
  engine: Engine,
  meter: Meter | undefined,
  { by = "total", limit = 20 }: { readonly by?: QueryOrder | undefined; readonly limit?: number | undefined },
): Promise<QueryStats[]> {
  const size = pageSize(limit, 1_000);
  if (!Object.hasOwn(orders, by)) {
    const known = Object.keys(orders).join(", ");
    throw new LociError("invalid", `Queries are ordered by ${known}, not ${JSON.stringify(by)}.`);
  }
  const all = new Map<string, QueryTally>();
  for (const row of await engine.find(queryPerformance)) all.set(row.queryHash, tallyOfRow(row));
  for (const tally of meter?.read().tallies ?? []) {
    const stored = all.get(tally.hash);
    if (stored) addTally(stored, tally);
    else all.set(tally.hash, tally);
  }
  const order = orders[by];
  return [...all.values()]
    .filter(({ count }) => count > 0)
    .map(statsOf)
    .sort((a, b) => order(b) - order(a) || (a.hash < b.hash ? -1 : 1))
    .slice(0, size);
}

function statsOf({ hash, pattern, count, sumMs, maxMs, lastAt, buckets }: QueryTally): QueryStats {
  const at = (share: number): number => percentile(buckets, share, maxMs) ?? maxMs;
  return {
    hash,
    pattern,
    count,
    totalMs: sumMs,
    meanMs: sumMs / count,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs,
    lastExecuted: lastAt,
  };
}

async function slowQueries(
  engine: Engine,
  noted: readonly SlowQuery[],
  { since, limit = 20, after }: SlowQueryQuery,
): Promise<Page<SlowQuery>> {
  const size = pageSize(limit, 1_000);
  const [at, id] = after === undefined ? [] : fromCursor(after);
  const behind = at === undefined || id === undefined ? undefined : { createdAt: at, id };
  const stored = await engine.find(queryLog, {
    where: since === undefined ? {} : { createdAt: { from: since } },
    orderBy: [["createdAt", "down"]],
    limit: size + 1,
    ...(behind && { after: behind }),
  });
  const fresh = noted.filter(
    (row) =>
      (since === undefined || row.createdAt >= since) &&
      (behind === undefined || newestFirst(behind, row) < 0),
  );
  const items = [...stored, ...fresh].sort(newestFirst);
  const last = items.length > size ? items[size - 1] : undefined;
  return {
    items: items.slice(0, size),
    next: last === undefined ? null : toCursor(last.createdAt, last.id),
  };
}

type Place = Pick<SlowQuery, "createdAt" | "id">;

function newestFirst(a: Place, b: Place): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
