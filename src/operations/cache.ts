import type {
  CacheItem as Entry,
  CacheStats,
  CacheTotals,
  ClearOptions,
  Swept,
} from "../domains/cache/cache.ts";
import { LociError } from "../errors.ts";
import type { Page } from "./answers.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag, tagFlag } from "./params.ts";

export type CacheItem = Omit<Entry, "createdAt" | "expiresAt" | "lastAccessed" | "value"> & {
  /** Null also where there was found to be nothing. */
  readonly value: unknown;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastAccessed: string;
};

export interface CacheAnswer {
  readonly entry: CacheItem;
}

export interface Cleared {
  /** So many entries; null where they were told by tags: they are not counted. */
  readonly cleared: number | null;
  readonly tags: readonly string[];
}

const locationFlag = { kind: "string", summary: "only of this location", placeholder: "NAME" } as const;
const prefixParam = { kind: "string", positional: true, summary: "only keys that begin so" } as const;

function itemOf(entry: Entry): CacheItem {
  return {
    ...entry,
    value: entry.value ?? null,
    createdAt: isoTime(entry.createdAt),
    expiresAt: isoTime(entry.expiresAt),
    lastAccessed: isoTime(entry.lastAccessed),
  };
}

export const showCacheStats: Operation = operation({
  name: "cache stats",
  summary: "show what the cache holds, how often it helps and how long values live",
  access: "read",
  params: {},
  run: (loci): Promise<CacheTotals> => loci.cache.totals(),
});

export const listCache: Operation = operation({
  name: "cache ls",
  summary: "list cached values, read last first",
  access: "read",
  params: { prefix: prefixParam, location: locationFlag, limit: limitFlag, after: pageFlag },
  async run(loci, { prefix, location, limit, after }): Promise<Page<CacheItem>> {
    const { items, next } = await loci.cache.list({ prefix, location, limit, after });
    return { items: items.map(itemOf), next };
  },
});

export const showCached: Operation = operation({
  name: "cache get",
  summary: "show a cached value, expired or not",
  access: "read",
  params: {
    key: { kind: "string", positional: true, required: true, summary: "its key" },
    location: { ...locationFlag, summary: "of this location" },
  },
  async run(loci, { key, location }): Promise<CacheAnswer> {
    const entry = await loci.cache.inspect(key, { location });
    if (entry !== null) return { entry: itemOf(entry) };
    const { items } = await loci.cache.list({ prefix: key, limit: 5 });
    const at = location === undefined ? "" : ` at ${location}`;
    throw new LociError("not-found", `Nothing is cached under ${JSON.stringify(key)}${at}.`, {
      next: items[0] === undefined ? "loci cache ls" : `loci cache get ${hinted(items[0])}`,
    });
  },
});

function hinted({ key, location }: Entry): string {
  return `'${key.replaceAll("'", "'\\''")}' --location ${location}`;
}

export const clearCache: Operation = operation({
  name: "cache clear",
  summary: "take cached values away, from all processes: all, some keys, a location, or tags",
  access: "write",
  params: { prefix: prefixParam, location: locationFlag, tag: tagFlag },
  async run(loci, { prefix, location, tag }): Promise<Cleared> {
    if (tag.length > 0) {
      if (prefix !== undefined || location !== undefined) {
        throw new LociError("invalid", "A tag is taken away from all keys and locations.", {
          next: "loci cache clear --tag TAG",
        });
      }
      await loci.cache.invalidateTags(...tag);
      return { cleared: null, tags: tag };
    }
    const which: ClearOptions = { prefix, location };
    return { cleared: await loci.cache.clear(which), tags: [] };
  },
});

export const sweepCache: Operation = operation({
  name: "cache sweep",
  summary: "remove what expired, and what is over the cache's size",
  access: "write",
  params: {},
  run: (loci): Promise<Swept> => loci.cache.sweep(),
});

export type { CacheStats, CacheTotals, Swept };
