import { type Engine, remove } from "../../engine/engine.ts";
import { type CacheEntry, cacheLoads, cacheMarks, cachePatterns, edgeCache } from "../../model/cache.ts";
import type { Millis } from "../../model/collection.ts";
import { fromCursor, pageSize, toCursor } from "../cursor.ts";
import type { Page } from "../sessions.ts";
import { agree, type Marks, marksOf } from "./tier.ts";

/** An entry as people ask for it. */
export interface CacheItem {
  readonly key: string;
  readonly location: string;
  /** The value; undefined where there was found to be nothing. */
  readonly value: unknown;
  readonly tags: readonly string[];
  readonly pattern: string;
  readonly bytes: number;
  readonly ttl: Millis;
  /** The cache found the time to live out. */
  readonly autoTtl: boolean;
  readonly loadMs: number;
  readonly accessCount: number;
  readonly createdAt: Millis;
  readonly expiresAt: Millis;
  readonly lastAccessed: Millis;
  /** `invalidated`: a tag that it has was taken away since it was put. */
  readonly state: "fresh" | "expired" | "invalidated";
  readonly metadata: unknown;
}

export interface CacheQuery {
  /** Only keys that begin so. */
  readonly prefix?: string | undefined;
  readonly location?: string | undefined;
  /** 1 to 1,000; 20 when left out. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

/** How the keys of one beginning are used at one location. */
export interface AccessPattern {
  readonly edgeLocation: string;
  readonly entries: number;
  readonly accessCount: number;
  /** Since the entries were read last, on average. */
  readonly daysSinceAccess: number;
}

/** What the store holds, over all processes, as far as they have told. */
export interface CacheTotals {
  readonly entries: number;
  readonly expired: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  /** Null where nothing was asked for. */
  readonly hitRate: number | null;
  /** Time that loading again would have taken. */
  readonly savedMs: number;
  readonly locations: readonly AccessPattern[];
  /** The patterns that are hit most, at most 20. */
  readonly patterns: readonly PatternTotals[];
}

export interface PatternTotals {
  readonly pattern: string;
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  /** Seconds; null where there is no entry. */
  readonly meanTtl: number | null;
  /** Seconds between two changes of one key, on average; null where none was seen. */
  readonly changesEach: number | null;
}

export interface Swept {
  readonly expired: number;
  /** What was read longest ago, over the caps. */
  readonly evicted: number;
}

const hour = 3_600_000;
const batch = 500;

async function itemsOf(engine: Engine, rows: readonly CacheEntry[], now: Millis): Promise<CacheItem[]> {
  const names = [...new Set(rows.flatMap(({ tags }) => Object.keys(marksOf(tags))))];
  const marks =
    names.length === 0 ? [] : await engine.find(cacheMarks, { where: { name: { anyOf: names } } });
  const current = Object.fromEntries(marks.map(({ name, version }) => [name, version]));
  return rows.map((row) => itemOf(row, current, now));
}

/** The entry with this id as it stands there. */
export async function inspectEntry(engine: Engine, id: string, now: Millis): Promise<CacheItem | null> {
  const rows = await engine.find(edgeCache, { where: { id }, limit: 1 });
  return (await itemsOf(engine, rows, now))[0] ?? null;
}

function itemOf(row: CacheEntry, current: Marks, now: Millis): CacheItem {
  const { metadata } = row;
  const auto =
    typeof metadata === "object" && metadata !== null && "auto_ttl" in metadata && metadata.auto_ttl;
  const value: unknown = row.cacheValue === null ? undefined : JSON.parse(row.cacheValue);
  return {
    key: row.cacheKey,
    location: row.edgeLocation,
    value,
    tags: Object.keys(marksOf(row.tags)).flatMap((name) => (name.startsWith("tag:") ? [name.slice(4)] : [])),
    pattern: row.keyPattern,
    bytes: row.size,
    ttl: row.ttlSeconds * 1_000,
    autoTtl: auto === true,
    loadMs: row.loadMs,
    accessCount: row.accessCount,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    lastAccessed: row.lastAccessed,
    state: !agree(marksOf(row.tags), current) ? "invalidated" : row.expiresAt <= now ? "expired" : "fresh",
    metadata,
  };
}

/** Those that were read last come first. */
export async function listEntries(engine: Engine, query: CacheQuery, now: Millis): Promise<Page<CacheItem>> {
  const { prefix = "", location, after } = query;
  const limit = pageSize(query.limit ?? 20, 1_000);
  const place = after === undefined ? undefined : fromCursor(after);
  const rows = await engine.find(edgeCache, {
    where: {
      ...(prefix === "" ? {} : { cacheKey: { startsWith: prefix } }),
      ...(location === undefined ? {} : { edgeLocation: location }),
    },
    orderBy: [["lastAccessed", "down"]],
    limit: limit + 1,
    ...(place === undefined ? {} : { after: { lastAccessed: place[0], id: place[1] } }),
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: await itemsOf(engine, page, now),
    next: last !== undefined && rows.length > limit ? toCursor(last.lastAccessed, last.id) : null,
  };
}

export async function accessPatterns(engine: Engine, prefix: string, now: Millis): Promise<AccessPattern[]> {
  const groups = await engine.rollup(edgeCache, {
    by: ["edgeLocation"],
    where: prefix === "" ? {} : { cacheKey: { startsWith: prefix } },
    measures: {
      count: "count",
      reads: { sum: "accessCount" },
      first: { min: "lastAccessed" },
      last: { max: "lastAccessed" },
    },
    // No backend means moments: within an hour the middle of the first and the last stands for all.
    bucket: { field: "lastAccessed", size: hour },
  });
  const found = new Map<string, { entries: number; accessCount: number; since: number }>();
  for (const { edgeLocation, count, reads, first, last } of groups) {
    const sum = found.get(edgeLocation) ?? { entries: 0, accessCount: 0, since: 0 };
    const entries = count ?? 0;
    const middle = ((first ?? now) + (last ?? now)) / 2;
    found.set(edgeLocation, {
      entries: sum.entries + entries,
      accessCount: sum.accessCount + (reads ?? 0),
      since: sum.since + entries * Math.max(0, now - middle),
    });
  }
  return [...found]
    .map(([edgeLocation, { entries, accessCount, since }]) => ({
      edgeLocation,
      entries,
      accessCount,
      daysSinceAccess: since / entries / 86_400_000,
    }))
    .toSorted((a, b) => b.accessCount - a.accessCount || (a.edgeLocation < b.edgeLocation ? -1 : 1));
}

export async function totalsOf(engine: Engine, now: Millis): Promise<CacheTotals> {
  const sums = {
    hits: { sum: "hits" },
    misses: { sum: "misses" },
    loads: { sum: "loads" },
    loadMs: { sum: "loadMs" },
  } as const;
  const [[held], [expired], [done], locations, known, groups] = await Promise.all([
    engine.rollup(edgeCache, { by: [], measures: { count: "count", bytes: { sum: "size" } } }),
    engine.rollup(edgeCache, { by: [], where: { expiresAt: { upTo: now } }, measures: { count: "count" } }),
    engine.rollup(cachePatterns, { by: [], measures: sums }),
    accessPatterns(engine, "", now),
    engine.find(cachePatterns, { orderBy: [["hits", "down"]], limit: 20 }),
    engine.rollup(edgeCache, {
      by: ["keyPattern"],
      measures: { count: "count", ttl: { avg: "ttlSeconds" } },
    }),
  ]);
  const byPattern = new Map(groups.map((group) => [group.keyPattern, group]));
  const hits = done?.hits ?? 0;
  const misses = done?.misses ?? 0;
  const loads = done?.loads ?? 0;
  return {
    entries: held?.count ?? 0,
    expired: expired?.count ?? 0,
    bytes: held?.bytes ?? 0,
    hits,
    misses,
    loads,
    hitRate: hits + misses === 0 ? null : hits / (hits + misses),
    savedMs: loads === 0 ? 0 : ((done?.loadMs ?? 0) / loads) * hits,
    locations,
    patterns: known.map(({ pattern, changes, exposure, ...seen }) => ({
      pattern,
      entries: byPattern.get(pattern)?.count ?? 0,
      hits: seen.hits,
      misses: seen.misses,
      loads: seen.loads,
      meanTtl: byPattern.get(pattern)?.ttl ?? null,
      changesEach: changes === 0 ? null : exposure / changes,
    })),
  };
}

/** Removes what is kept no longer, and what is over the caps, read longest ago first. */
export async function sweepRows(
  engine: Engine,
  caps: { readonly entries: number; readonly bytes: number },
  now: Millis,
): Promise<Swept> {
  const [expired] = await engine.write([
    remove(edgeCache, { keptUntil: { upTo: now } }),
    remove(cacheLoads, { expiresAt: { upTo: now - hour } }),
  ]);
  await removeOldMarks(engine, now);
  let evicted = 0;
  for (;;) {
    const [held] = await engine.rollup(edgeCache, {
      by: [],
      measures: { count: "count", bytes: { sum: "size" } },
    });
    const over = Math.max((held?.count ?? 0) - caps.entries, 0);
    let overBytes = (held?.bytes ?? 0) - caps.bytes;
    if (over === 0 && overBytes <= 0) return { expired: expired ?? 0, evicted };
    const oldest = await engine.find(edgeCache, {
      orderBy: [["lastAccessed", "up"]],
      fields: ["id", "size"],
      limit: batch,
    });
    const gone: string[] = [];
    for (const { id, size } of oldest) {
      if (gone.length >= over && overBytes <= 0) break;
      gone.push(id);
      overBytes -= size;
    }
    const [removed] = await engine.write([remove(edgeCache, { id: { anyOf: gone } })]);
    evicted += removed ?? 0;
  }
}

/**
 * A mark that was set before the oldest entry was put, and before any load that still runs, is known to all entries:
 * without it those that carry it are loaded once more, and none is valid that was not.
 */
async function removeOldMarks(engine: Engine, now: Millis): Promise<void> {
  const [held] = await engine.rollup(edgeCache, { by: [], measures: { oldest: { min: "createdAt" } } });
  const before = Math.min(held?.oldest ?? now, now) - hour;
  await engine.write([remove(cacheMarks, { changedAt: { below: before } })]);
}
