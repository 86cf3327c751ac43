import { LRUCache } from "lru-cache";
import type { CacheEntry } from "../../model/cache.ts";
import type { Millis } from "../../model/collection.ts";
import { valueOf } from "./entry.ts";
import { everything, type Changes, type Marks, marksOf } from "./tier.ts";

/** A value in this process's memory. */
export interface NearEntry {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly value: unknown;
  /** The value, settled: a hit makes no promise of its own. */
  readonly answer: Promise<unknown>;
  readonly expiresAt: Millis;
  /** From then on it may be loaded again early. */
  readonly earlyFrom: Millis;
  readonly loadMs: number;
  readonly keyPattern: string;
  readonly marks: Marks;
  /** Reads that the shared tier was not told of yet, and the moment of the last one. */
  reads: number;
  lastRead: Millis;
}

/** The first tier: what this process used last, as it was parsed. */
export interface Near {
  readonly get: (name: string) => NearEntry | undefined;
  readonly put: (name: string, entry: CacheEntry) => NearEntry;
  readonly forget: (id: string) => void;
  /** Forgets all that depends on one of these. */
  readonly forgetMarked: (names: readonly string[]) => void;
  /** Forgets what other processes changed. */
  readonly apply: (changes: Changes) => void;
  readonly clear: () => void;
  readonly size: () => { readonly entries: number; readonly bytes: number };
}

export interface NearOptions {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly beta: number;
}

/** Behind 16 loads before its end a value is early with a chance below one in eight million: nobody draws for it. */
const earlyLoads = 16;

export function createNear({ maxEntries, maxBytes, beta }: NearOptions): Near {
  const names = new Map<string, string>();
  const entries = new LRUCache<string, NearEntry>({
    max: maxEntries,
    maxSize: maxBytes,
    dispose: ({ id }, name) => {
      if (names.get(id) === name) names.delete(id);
    },
  });
  const forget = (id: string): void => {
    const name = names.get(id);
    if (name !== undefined) entries.delete(name);
  };
  const forgetWhere = (gone: (entry: NearEntry) => boolean): void => {
    for (const [name, entry] of [...entries.entries()]) if (gone(entry)) entries.delete(name);
  };
  return {
    get: (name) => entries.get(name),
    put(name, row) {
      const value = valueOf(row.cacheValue);
      const entry: NearEntry = {
        name,
        id: row.id,
        version: row.version,
        value,
        answer: Promise.resolve(value),
        expiresAt: row.expiresAt,
        earlyFrom: row.expiresAt - earlyLoads * beta * row.loadMs,
        loadMs: row.loadMs,
        keyPattern: row.keyPattern,
        marks: marksOf(row.tags),
        reads: 0,
        lastRead: 0,
      };
      // What parsing makes of a text is larger than the text.
      entries.set(name, entry, { size: 200 + 2 * row.size });
      if (entries.has(name)) names.set(row.id, name);
      return entry;
    },
    forget,
    forgetMarked: (marked) => forgetWhere(({ marks }) => marked.some((name) => name in marks)),
    apply({ entries: changed, marks, more }) {
      if (more || (marks[everything] ?? 0) > 0) {
        return forgetWhere((entry) => more || outdated(entry, marks));
      }
      for (const { id, version } of changed) {
        const name = names.get(id);
        if (name !== undefined && entries.peek(name)?.version !== version) entries.delete(name);
      }
      if (Object.keys(marks).length > 0) forgetWhere((entry) => outdated(entry, marks));
    },
    clear: () => entries.clear(),
    size: () => ({ entries: entries.size, bytes: entries.calculatedSize }),
  };
}

function outdated({ id, marks }: NearEntry, current: Marks): boolean {
  return Object.entries({ [everything]: 0, [`key:${id}`]: 0, ...marks }).some(
    ([name, version]) => current[name] !== undefined && current[name] !== version,
  );
}
