import { createHash } from "node:crypto";
import { LociError } from "../../errors.ts";
import { type CacheEntry } from "../../model/cache.ts";
import type { Millis } from "../../model/collection.ts";
import { newId, stableId } from "../../model/id.ts";
import { everything, type Held, keyMark, type Marks, tagMark } from "./tier.ts";
import { bestTtl, type Estimate, nothingKnown, observe, type PatternRate, readRate } from "./ttl.ts";

export interface SetOptions {
  /** How long it lives. Without it the cache finds out what is best: docs/cache.md. */
  readonly ttl?: Millis | undefined;
  /** What it depends on: `invalidateTags` takes away all that has one of them. */
  readonly tags?: readonly string[] | undefined;
  /** Where it is used, for example a region. Each location has its own value. Default: the cache's own. */
  readonly location?: string | undefined;
  /** The beginning that keys of its sort share: they change alike. Default: up to the last `:` or `/`. */
  readonly pattern?: string | undefined;
  /** Kept with it, to be seen by people. */
  readonly context?: unknown;
  /** What a miss costs, in stale reads: the higher, the longer it lives. Default 1. */
  readonly costRatio?: number | undefined;
  /** Bounds of the time to live that is found out. Default 1 s and a day. */
  readonly minTtl?: Millis | undefined;
  readonly maxTtl?: Millis | undefined;
  /** So long behind its end it may still be served while it is loaded again. Default 0. */
  readonly staleWhileRevalidate?: Millis | undefined;
  /** So long behind its end it may still be served where loading it again fails. Default 0. */
  readonly staleIfError?: Millis | undefined;
}

/** One key at one location. */
export interface Place {
  readonly id: string;
  readonly cacheKey: string;
  readonly location: string;
}

const longestKey = 400;
/** A hundred years: a moment behind it may be one that no backend can keep. */
const forever = 100 * 365 * 86_400_000;

/** Errors: `invalid`. */
export function placeOf(key: string, location: string): Place {
  if (typeof key !== "string" || key === "") {
    throw new LociError("invalid", `A cache key is a text that is not empty, not ${JSON.stringify(key)}.`);
  }
  if (typeof location !== "string" || location === "" || location.length > 100) {
    throw new LociError(
      "invalid",
      `A location is a text of 1 to 100 characters, not ${JSON.stringify(location)}.`,
    );
  }
  return { id: stableId(0, "cache", location, key), cacheKey: shortened(key, longestKey), location };
}

/** What an index of every backend can hold. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most)}…${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}

/** Keys up to the last `:` or `/` are of one sort, unless the caller knows better. */
export function patternOf(key: string, given?: string): string {
  const beginning = given ?? key.slice(0, Math.max(key.lastIndexOf(":"), key.lastIndexOf("/")) + 1);
  return beginning.replace(/\*$/, "").slice(0, longestKey);
}

/** Errors: `invalid`. */
export function checkOptions(options: SetOptions & { readonly negativeTtl?: Millis | undefined }): void {
  const { ttl, minTtl, maxTtl, costRatio, tags = [], context } = options;
  const { staleWhileRevalidate, staleIfError, negativeTtl } = options;
  textOf(context);
  for (const [name, value] of Object.entries({ staleWhileRevalidate, staleIfError, negativeTtl })) {
    if (value === undefined || (Number.isFinite(value) && value >= 0)) continue;
    throw new LociError("invalid", `${name} is a number from 0, not ${value}.`);
  }
  for (const [name, value] of Object.entries({ ttl, minTtl, maxTtl, costRatio })) {
    if (value === undefined || (Number.isFinite(value) && value > 0)) continue;
    throw new LociError("invalid", `${name} is a number above 0, not ${value}.`);
  }
  for (const tag of tags) {
    if (typeof tag === "string" && tag !== "" && tag.length <= longestKey) continue;
    throw new LociError(
      "invalid",
      `A tag is a text of 1 to ${longestKey} characters, not ${JSON.stringify(tag)}.`,
    );
  }
}

/** What is to be kept: its JSON text, null for `undefined`. What JSON cannot say is thrown. */
export function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  try {
    // For a function, or a symbol, JSON says nothing.
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (cause) {
    throw new LociError("invalid", "What is cached is what JSON can say: no bigint, no cycle.", { cause });
  }
  throw new LociError("invalid", `What is cached is what JSON can say, not a ${typeof value}.`);
}

/** All who read it share it, so nobody can change it. */
export function valueOf(text: string | null): unknown {
  if (text === null) return undefined;
  const value: unknown = JSON.parse(text);
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    Object.freeze(next);
    for (const inner of Object.values(next))
      if (typeof inner === "object" && inner !== null) open.push(inner);
  }
  return value;
}

interface KnownOfKey extends Estimate {
  /** Reads of the row that are in `reads` already. */
  readonly counted: number;
}

function knownOf(estimate: unknown): KnownOfKey {
  const known: KnownOfKey = { ...nothingKnown, counted: 0 };
  if (typeof estimate !== "object" || estimate === null) return known;
  const numbers = Object.entries(estimate).filter(([, value]) => Number.isFinite(value));
  return { ...known, ...Object.fromEntries(numbers) };
}

export interface Making {
  readonly place: Place;
  readonly key: string;
  readonly text: string | null;
  readonly options: SetOptions;
  /** Instead of what the options and the estimate say. */
  readonly ttl?: Millis | undefined;
  /** What stood there when the load began; undefined where the shared tier was away. */
  readonly held: Held | undefined;
  /** Reads of it that the shared tier was not told of yet. */
  readonly reads: number;
  readonly rate: PatternRate;
  readonly loadMs: number;
  readonly at: Millis;
}

export interface Made {
  readonly entry: CacheEntry;
  /** What this taught about its pattern. */
  readonly learned: PatternRate;
}

export function makeEntry(making: Making): Made {
  const { place, key, text, options, held, reads, rate, at } = making;
  const before = held?.entry ?? null;
  const known = knownOf(before?.estimate);
  const after = before === null ? known : seenAgain(before, known, making);
  const auto = making.ttl === undefined && options.ttl === undefined;
  const ttl =
    making.ttl ??
    options.ttl ??
    1_000 *
      bestTtl(after, rate, {
        costRatio: options.costRatio ?? 1,
        least: (options.minTtl ?? 1_000) / 1_000,
        most: (options.maxTtl ?? 86_400_000) / 1_000,
      });
  const { staleWhileRevalidate = 0, staleIfError = 0, context, tags = [] } = options;
  const expiresAt = Math.round(at + Math.min(ttl, forever));
  // What is known of a key is kept with it for a while: the next value says whether it changed.
  const kept = Math.max(staleWhileRevalidate, staleIfError, Math.min(ttl, 3_600_000), 60_000);
  const keyPattern = patternOf(key, options.pattern);
  const entry: CacheEntry = {
    id: place.id,
    cacheKey: place.cacheKey,
    cacheValue: text,
    edgeLocation: place.location,
    ttlSeconds: ttl / 1_000,
    metadata: {
      predicted_access_pattern: predicted(readRate(after)),
      auto_ttl: auto,
      creation_context: context ?? { keyPattern, region: place.location },
    },
    lastAccessed: at,
    createdAt: at,
    expiresAt,
    keptUntil: Math.round(expiresAt + Math.min(kept, forever)),
    keyPattern,
    tags: marksFor(place.id, tags, held?.marks ?? {}),
    size: Buffer.byteLength(text ?? "") + Buffer.byteLength(place.cacheKey),
    loadMs: making.loadMs,
    version: newId(at),
    accessCount: 0,
    estimate: { ...after, counted: (before?.accessCount ?? 0) + reads },
    updatedAt: at,
  };
  const learned = { changes: after.changes - known.changes, exposure: after.exposure - known.exposure };
  return { entry, learned };
}

function seenAgain(before: CacheEntry, known: KnownOfKey, { text, held, reads, at }: Making): Estimate {
  const {
    reads: counted,
    readTime,
    changes,
    exposure,
  } = observe(known, {
    reads: Math.max(0, before.accessCount - known.counted) + reads + 1,
    age: Math.max(0, at - before.createdAt) / 1_000,
    // One that was invalidated did change, and nobody was served the old one: that says nothing of a time to live.
    changed: held?.valid === true ? before.cacheValue !== text : null,
  });
  return { reads: counted, readTime, changes, exposure };
}

/** Reads a second, in a word. */
function predicted(rate: number): "high" | "medium" | "low" {
  return rate >= 1 / 60 ? "high" : rate >= 1 / 3_600 ? "medium" : "low";
}

function marksFor(id: string, tags: readonly string[], current: Marks): Marks {
  const always = [everything, keyMark(id)].filter((name) => current[name] !== undefined);
  const names = [...always, ...tags.map(tagMark)];
  return Object.fromEntries(names.map((name) => [name, current[name] ?? 0]));
}
