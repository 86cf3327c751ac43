import { setTimeout as sleep } from "node:timers/promises";
import { type Change, type Engine, insert, update } from "../engine/engine.ts";
import { bucketCount } from "../engine/histogram.ts";
import { addTally, type QueryTally } from "../engine/meter.ts";
import { LociError } from "../errors.ts";
import { queryPerformance, type QueryPerformance } from "../model/query.ts";

/** Rounds after which the rest is left for the next time: each round, somebody gets through. */
const rounds = 30;

export interface MergeOptions {
  /** Changes of the first write. */
  readonly beside: readonly Change[];
  /** Told after each write what is left. */
  readonly onWritten: (left: readonly QueryTally[]) => void;
}

/**
 * Adds to what other processes stored; nothing of theirs is lost. A mean, a maximum and a histogram cannot be added to
 * in place, so each row is set where its count is still the one that was read, and where it is not, read again.
 */
export async function mergeTallies(
  engine: Engine,
  tallies: readonly QueryTally[],
  { beside, onWritten }: MergeOptions,
): Promise<void> {
  // In one order everywhere: two processes that store the same patterns wait for each other once, in turn.
  let left = tallies.toSorted((a, b) => (a.hash < b.hash ? -1 : 1));
  for (let round = 1; left.length > 0; round++) {
    if (round > rounds)
      throw new LociError("busy", `${left.length} query patterns were changed by others each time.`);
    if (round > 1) await sleep(Math.random() * 10 * Math.min(round, 10));
    const anyOf = left.map(({ hash }) => hash);
    const rows = await engine.find(queryPerformance, { where: { queryHash: { anyOf } } });
    const stored = new Map(rows.map((row) => [row.queryHash, row]));
    const missing = left.filter(({ hash }) => !stored.has(hash));
    const touched = await engine.write([
      insert(queryPerformance, missing.map(emptyRow)),
      ...left.map((tally) => mergeInto(stored.get(tally.hash), tally)),
      ...(round === 1 ? beside : []),
    ]);
    left = left.filter((_, place) => touched[place + 1] === 0);
    onWritten(left);
  }
}

function mergeInto(row: QueryPerformance | undefined, noted: QueryTally): Change {
  const all = tallyOfRow(row ?? emptyRow(noted));
  const before = all.count;
  addTally(all, noted);
  return update(
    queryPerformance,
    { queryHash: noted.hash, executionCount: before },
    {
      // Added, not set: it is not done again where an answer was lost.
      executionCount: { add: noted.count },
      avgDurationMs: all.sumMs / all.count,
      sumMs: all.sumMs,
      maxMs: all.maxMs,
      lastExecuted: all.lastAt,
      buckets: sparse(all.buckets),
    },
  );
}

function emptyRow({ hash, pattern, lastAt }: QueryTally): QueryPerformance {
  return {
    queryHash: hash,
    queryPattern: pattern,
    avgDurationMs: 0,
    executionCount: 0,
    lastExecuted: lastAt,
    sumMs: 0,
    maxMs: 0,
    buckets: {},
  };
}

export function tallyOfRow(row: QueryPerformance): QueryTally {
  const buckets = new Uint32Array(bucketCount);
  if (typeof row.buckets === "object" && row.buckets !== null) {
    for (const [bucket, count] of Object.entries(row.buckets)) buckets[Number(bucket)] = Number(count);
  }
  return {
    hash: row.queryHash,
    pattern: row.queryPattern,
    count: row.executionCount,
    sumMs: row.sumMs,
    maxMs: row.maxMs,
    lastAt: row.lastExecuted,
    buckets,
  };
}

/** `{"24": 3, "30": 1}`: most of the buckets are empty. */
function sparse(buckets: Uint32Array): Readonly<Record<string, number>> {
  return Object.fromEntries([...buckets.entries()].filter(([, count]) => count > 0));
}
