import { type Collection, id, integer, json, type Millis, optional, real, text, time } from "./collection.ts";

/** What the cache keeps for one key at one location. */
export interface CacheEntry {
  /** Made of the key and the location. */
  readonly id: string;
  /** As it was given; of a key above 400 characters its beginning and a hash. */
  readonly cacheKey: string;
  /** The value as JSON text; null where there was found to be nothing (`undefined`). */
  readonly cacheValue: string | null;
  /** Where it was put: a region, or `default`. */
  readonly edgeLocation: string;
  readonly ttlSeconds: number;
  /** `predicted_access_pattern`, `auto_ttl`, `creation_context`. */
  readonly metadata: unknown;
  readonly lastAccessed: Millis;
  readonly createdAt: Millis;
  readonly expiresAt: Millis;
  /** Until then an expired value is kept: to be served stale, and to see whether the next one differs. */
  readonly keptUntil: Millis;
  /** The beginning that keys of its sort share: they change alike. */
  readonly keyPattern: string;
  /** The marks it depends on, each with the version it had: one that has another version now makes it invalid. */
  readonly tags: unknown;
  /** Bytes, roughly: of the key and the value. */
  readonly size: number;
  /** How long its value took to load. */
  readonly loadMs: number;
  /** Another with each value that is set. */
  readonly version: string;
  /** Reads, as far as the processes have told. */
  readonly accessCount: number;
  /** What is known of its reads and changes: `reads`, `readTime`, `changes`, `exposure`, `counted`. */
  readonly estimate: unknown;
  /** When the value was set: by it other processes see that it changed. */
  readonly updatedAt: Millis;
}

export const edgeCache: Collection<CacheEntry> = {
  name: "edge_cache",
  key: "id",
  fields: {
    id,
    cacheKey: id,
    cacheValue: optional(text),
    edgeLocation: id,
    ttlSeconds: real,
    metadata: json,
    lastAccessed: time,
    createdAt: time,
    expiresAt: time,
    keptUntil: time,
    keyPattern: id,
    tags: json,
    size: integer,
    loadMs: real,
    version: id,
    accessCount: integer,
    estimate: json,
    updatedAt: time,
  },
  unique: [["cacheKey", "edgeLocation"]],
  indexes: [["keptUntil"], ["lastAccessed"], ["updatedAt"]],
};

/** A tag, one key (`key:` and its id) or everything (`*`): what was cached under an earlier version of it is invalid. */
export interface CacheMark {
  readonly name: string;
  readonly version: number;
  readonly changedAt: Millis;
}

export const cacheMarks: Collection<CacheMark> = {
  name: "cache_marks",
  key: "name",
  fields: { name: id, version: integer, changedAt: time },
  unique: [],
  indexes: [["changedAt"]],
};

/** A value that a process is loading just now: the others wait for it. */
export interface CacheLoad {
  /** The entry's id. */
  readonly id: string;
  readonly owner: string;
  readonly expiresAt: Millis;
}

export const cacheLoads: Collection<CacheLoad> = {
  name: "cache_loads",
  key: "id",
  fields: { id, owner: id, expiresAt: time },
  unique: [],
  indexes: [["expiresAt"]],
};

/** What was seen of the keys with one beginning, by all processes. */
export interface CachePattern {
  readonly pattern: string;
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  /** How long the loads took, together. */
  readonly loadMs: number;
  /** Values that were another one when they were loaded again. */
  readonly changes: number;
  /** Seconds for which it is known whether the value changed. */
  readonly exposure: number;
  readonly updatedAt: Millis;
}

export const cachePatterns: Collection<CachePattern> = {
  name: "cache_patterns",
  key: "pattern",
  fields: {
    pattern: id,
    hits: integer,
    misses: integer,
    loads: integer,
    loadMs: real,
    changes: integer,
    exposure: real,
    updatedAt: time,
  },
  unique: [],
  indexes: [],
};
