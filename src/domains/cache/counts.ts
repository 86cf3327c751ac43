import type { Millis } from "../../model/collection.ts";
import type { NearEntry } from "./near.ts";
import type { Reads, Seen, Tier } from "./tier.ts";
import type { PatternRate } from "./ttl.ts";
import type { Attempts } from "./trouble.ts";

/** What this process did. */
export interface CacheCounts {
  /** Read from this process's memory. */
  readonly nearHits: number;
  /** Read from the store. */
  readonly farHits: number;
  readonly misses: number;
  readonly loads: number;
  /** Loads that threw. */
  readonly failedLoads: number;
  /** Callers that waited for a load of somebody else. */
  readonly waits: number;
  /** Expired values that were served. */
  readonly stale: number;
  /** Loads that began before the end. */
  readonly early: number;
}

export interface Counts {
  readonly count: { -readonly [Name in keyof CacheCounts]: CacheCounts[Name] };
  /** A read of a value in memory. */
  readonly read: (entry: NearEntry, at: Millis) => void;
  readonly missed: (pattern: string) => void;
  readonly loaded: (pattern: string, loadMs: number) => void;
  /** How a value that is put again had changed. */
  readonly learned: (pattern: string, learned: PatternRate) => void;
  /** How often values of this pattern change, as all processes have seen it. */
  readonly rate: (pattern: string) => Promise<PatternRate>;
  /** Tells the shared tier what was counted. */
  readonly flush: () => Promise<void>;
}

/** Rows of one write that tells of reads. */
const mostTold = 500;
const mostWaiting = 5_000;
const mostPatterns = 1_000;
/** What other processes learned of a pattern is asked for so often. */
const rateFor = 60_000;

interface CountsParts {
  readonly tier: Tier;
  readonly attempts: Attempts;
  readonly elapsed: () => Millis;
  /** Called when there is something to tell. */
  readonly due: () => void;
}

/** Counts in memory, and tells the shared tier now and then: a hit never writes. */
export function createCounts({ tier, attempts, elapsed, due }: CountsParts): Counts {
  const count = {
    nearHits: 0,
    farHits: 0,
    misses: 0,
    loads: 0,
    failedLoads: 0,
    waits: 0,
    stale: 0,
    early: 0,
  };
  const seen = createSeen(due);
  const rates = new Map<string, { readonly asked: Millis; readonly rate: PatternRate }>();
  const waiting: NearEntry[] = [];
  const waits = (entry: NearEntry): boolean => {
    // Beyond that reads go uncounted: they only inform the time to live.
    if (waiting.length >= mostWaiting) return false;
    waiting.push(entry);
    due();
    return true;
  };
  return {
    count,
    read(entry, at) {
      if (entry.reads === 0 && !waits(entry)) return;
      entry.reads++;
      entry.lastRead = at;
    },
    missed(pattern) {
      count.misses++;
      seen.add(pattern, { misses: 1 });
    },
    loaded: (pattern, loadMs) => seen.add(pattern, { loads: 1, loadMs }),
    learned(pattern, learned) {
      seen.add(pattern, learned);
      const known = rates.get(pattern);
      if (known) rates.set(pattern, { ...known, rate: sumOf(known.rate, learned) });
    },
    async rate(pattern) {
      const known = rates.get(pattern);
      if (known && elapsed() - known.asked < rateFor) return known.rate;
      const told = (await attempts.attempt(() => tier.pattern(pattern))) ?? nothingSeen;
      const rate = sumOf(told, seen.of(pattern));
      if (rates.size >= mostPatterns) rates.clear();
      rates.set(pattern, { asked: elapsed(), rate });
      return rate;
    },
    async flush() {
      while (waiting.length > 0 || seen.size() > 0) {
        const reads = waiting.splice(0, mostTold).map((entry) => tellOf(entry, seen));
        const all = seen.take();
        const done = await attempts.attempt(async () => {
          await tier.tell(reads, all);
          return true;
        });
        if (done === undefined) return;
      }
    },
  };
}

/** What is told of an entry's reads; from then on they are counted anew. */
function tellOf(entry: NearEntry, seen: SeenPatterns): Reads {
  const { id, keyPattern, reads, lastRead } = entry;
  seen.add(keyPattern, { hits: reads });
  entry.reads = 0;
  return { id, count: reads, last: Math.round(lastRead) };
}

interface SeenPatterns {
  readonly add: (pattern: string, more: Partial<Seen>) => void;
  readonly of: (pattern: string) => Seen;
  readonly size: () => number;
  readonly take: () => Seen[];
}

function createSeen(due: () => void): SeenPatterns {
  const seen = new Map<string, Seen>();
  const of = (pattern: string): Seen => seen.get(pattern) ?? nothingSeen;
  return {
    of,
    size: () => seen.size,
    add(pattern, { hits = 0, misses = 0, loads = 0, loadMs = 0, changes = 0, exposure = 0 }) {
      if (!seen.has(pattern) && seen.size >= mostPatterns) return;
      const sum = of(pattern);
      seen.set(pattern, {
        pattern,
        hits: sum.hits + hits,
        misses: sum.misses + misses,
        loads: sum.loads + loads,
        loadMs: sum.loadMs + loadMs,
        changes: sum.changes + changes,
        exposure: sum.exposure + exposure,
      });
      due();
    },
    take() {
      const all = [...seen.values()];
      seen.clear();
      return all;
    },
  };
}

const nothingSeen: Seen = { pattern: "", hits: 0, misses: 0, loads: 0, loadMs: 0, changes: 0, exposure: 0 };

function sumOf(one: PatternRate, other: PatternRate): PatternRate {
  return { changes: one.changes + other.changes, exposure: one.exposure + other.exposure };
}
