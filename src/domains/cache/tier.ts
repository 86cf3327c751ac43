import type { CacheEntry } from "../../model/cache.ts";
import type { Millis } from "../../model/collection.ts";
import type { PatternRate } from "./ttl.ts";

/** Tags, keys and `*`, each with the version it has; one that was never invalidated is not there, and is 0. */
export type Marks = Readonly<Record<string, number>>;

/** What was read of one key. */
export interface Held {
  /** The row that stands there, expired or not: what {@link Tier.put} may replace. */
  readonly entry: CacheEntry | null;
  /** False where something it depends on was invalidated since. */
  readonly valid: boolean;
  /** Of the key, of everything, and of the tags asked for. */
  readonly marks: Marks;
}

/** The right to load a value: for so long the others wait. */
export interface Claim {
  readonly id: string;
  readonly owner: string;
}

/** What was put or invalidated since a moment. */
export interface Changes {
  readonly entries: ReadonlyArray<Pick<CacheEntry, "id" | "version">>;
  readonly marks: Marks;
  /** More was changed than was read: everything may have. */
  readonly more: boolean;
}

/** Reads of one entry that were counted in memory. */
export interface Reads {
  readonly id: string;
  readonly count: number;
  readonly last: Millis;
}

/** What was seen of one pattern since it was last told. */
export interface Seen extends PatternRate {
  readonly pattern: string;
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  readonly loadMs: number;
}

/**
 * The shared tier, behind the one in each process's memory: what the policy of the cache needs of it and no more, so
 * that another store than an engine can be one. Moments are of its own clock, {@link Tier.now}.
 */
export interface Tier {
  readonly now: () => Millis | Promise<Millis>;
  readonly read: (id: string, tags: readonly string[]) => Promise<Held>;
  /**
   * Puts an entry where the row is still the one of this version (null: there was none; undefined: whatever is there),
   * and ends the claim in the same step. False: another one was put meanwhile.
   */
  readonly put: (entry: CacheEntry, over: string | null | undefined, claim?: Claim) => Promise<boolean>;
  /** Null: somebody else is loading it. */
  readonly claim: (id: string, lease: Millis) => Promise<Claim | null>;
  readonly renew: (claim: Claim, lease: Millis) => Promise<boolean>;
  readonly release: (claim: Claim) => Promise<void>;
  /** Whether somebody loads it now; `dead`: its lease ended, and nothing came. */
  readonly loading: (id: string) => Promise<"live" | "dead" | "none">;
  readonly changes: (since: Millis) => Promise<Changes>;
  /** Makes what depends on these invalid. */
  readonly mark: (names: readonly string[]) => Promise<void>;
  readonly remove: (ids: readonly string[]) => Promise<number>;
  readonly pattern: (pattern: string) => Promise<PatternRate>;
  readonly tell: (reads: readonly Reads[], seen: readonly Seen[]) => Promise<void>;
}

export const everything = "*";

export function keyMark(id: string): string {
  return `key:${id}`;
}

export function tagMark(tag: string): string {
  return `tag:${tag}`;
}

/** The marks of an entry, as they are kept. */
export function marksOf(tags: unknown): Marks {
  if (typeof tags !== "object" || tags === null) return {};
  return Object.fromEntries(Object.entries(tags).filter((pair) => typeof pair[1] === "number"));
}

export function agree(mine: Marks, current: Marks): boolean {
  return Object.entries(mine).every(([name, version]) => (current[name] ?? 0) === version);
}
