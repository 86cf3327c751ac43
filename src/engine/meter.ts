import { createHash } from "node:crypto";
import type { Millis } from "../model/collection.ts";
import { newId } from "../model/id.ts";
import type { SlowQuery } from "../model/query.ts";
import { bucketCount, bucketOf } from "./histogram.ts";
import { createTexts } from "./query-texts.ts";

/** What was noted of one pattern of queries. */
export interface QueryTally {
  readonly hash: string;
  readonly pattern: string;
  count: number;
  sumMs: number;
  maxMs: number;
  lastAt: Millis;
  readonly buckets: Uint32Array;
}

/** What was noted since it was taken last. */
export interface Noted {
  readonly tallies: readonly QueryTally[];
  readonly slow: readonly SlowQuery[];
  /** This process has written to the store itself. */
  readonly changed: boolean;
}

/** The pattern of a query, without its values; undefined for one that does not count. */
export type PatternOf = (sql: string) => string | undefined;

export interface Meter {
  /** From that long on a query is slow. */
  readonly slowFrom: Millis;
  /** Notes one run. The pattern is asked for once a text. Answers whether it counts. */
  readonly note: (sql: string, ms: number, patternOf: PatternOf) => boolean;
  readonly noteChange: () => void;
  readonly read: () => Noted;
  /** And begins anew. */
  readonly take: () => Noted;
  /** Puts back what was taken and could not be stored. */
  readonly restore: (noted: Pick<Noted, "tallies" | "slow">) => void;
}

export interface MeterOptions {
  readonly now: () => Millis;
  /** Default 100 ms. */
  readonly slowFrom?: Millis | undefined;
}

/** Texts remembered with their pattern, twice this at most. A longer text than that is not remembered. */
const texts = 500;
const longText = 4_096;
/** Patterns counted one by one; what comes beyond counts as one. */
const patterns = 1_000;
/** Slow queries kept until they are stored; of more, the newest. Their patterns' counts have them all. */
const slowKept = 200;
const longPattern = 2_000;

const others = "(other queries)";

/** Counts queries in memory: at most a microsecond each (`node bench/queries.mjs`). */
export function createMeter({ now, slowFrom = 100 }: MeterOptions): Meter {
  const tallies = new Map<string, QueryTally>();
  const known = createTexts<QueryTally | undefined>(texts);
  let slow: SlowQuery[] = [];
  let changed = false;

  const lookUp = (sql: string, patternOf: PatternOf): QueryTally | undefined => {
    const pattern = patternOf(sql);
    const tally = pattern === undefined ? undefined : tallyOf(tallies, pattern);
    if (sql.length <= longText) known.add(sql, tally);
    return tally;
  };
  const read = (): Noted => ({ tallies: [...tallies.values()], slow, changed });
  return {
    slowFrom,
    note(sql, ms, patternOf) {
      const found = known.find(sql);
      const tally = found ? found.value : lookUp(sql, patternOf);
      if (tally === undefined) return false;
      const at = now();
      noteIn(tally, ms, at);
      if (ms >= slowFrom) {
        const { hash, pattern } = tally;
        slow.push({ id: newId(at), query: pattern, queryHash: hash, durationMs: ms, createdAt: at });
        if (slow.length > slowKept) slow.shift();
      }
      return true;
    },
    noteChange() {
      changed = true;
    },
    read,
    take() {
      const taken = read();
      tallies.clear();
      // The texts too: they point to tallies that are handed out now.
      known.clear();
      slow = [];
      changed = false;
      return taken;
    },
    restore(noted) {
      changed = true;
      for (const tally of noted.tallies) {
        const there = tallies.get(tally.hash);
        if (there) addTally(there, tally);
        else tallies.set(tally.hash, tally);
      }
      slow = [...noted.slow, ...slow].slice(-slowKept);
    },
  };
}

function tallyOf(tallies: Map<string, QueryTally>, pattern: string): QueryTally {
  const full = hashOf(pattern);
  const known = tallies.get(full);
  if (known) return known;
  const many = tallies.size >= patterns;
  const hash = many ? hashOf(others) : full;
  const made = tallies.get(hash) ?? emptyTally(hash, many ? others : shortened(pattern));
  tallies.set(hash, made);
  return made;
}

function noteIn(tally: QueryTally, ms: number, at: Millis): void {
  tally.count++;
  tally.sumMs += ms;
  if (ms > tally.maxMs) tally.maxMs = ms;
  tally.lastAt = at;
  const bucket = bucketOf(ms);
  tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1;
}

function emptyTally(hash: string, pattern: string): QueryTally {
  return { hash, pattern, count: 0, sumMs: 0, maxMs: 0, lastAt: 0, buckets: new Uint32Array(bucketCount) };
}

export function addTally(to: QueryTally, from: QueryTally): void {
  to.count += from.count;
  to.sumMs += from.sumMs;
  to.maxMs = Math.max(to.maxMs, from.maxMs);
  to.lastAt = Math.max(to.lastAt, from.lastAt);
  for (const [i, count] of from.buckets.entries()) to.buckets[i] = (to.buckets[i] ?? 0) + count;
}

function hashOf(pattern: string): string {
  return createHash("sha256").update(pattern).digest("hex").slice(0, 32);
}

function shortened(pattern: string): string {
  return pattern.length > longPattern ? `${pattern.slice(0, longPattern)} …` : pattern;
}
