import type { Engine } from "../../engine/engine.ts";
import { edgeCache } from "../../model/cache.ts";
import type { Clock } from "../clock.ts";
import type { Page } from "../sessions.ts";
import {
  type CacheOptions,
  type CacheParts,
  type Core,
  createCore,
  keepNear,
  nameOf,
  outdate,
} from "./core.ts";
import type { CacheCounts } from "./counts.ts";
import { checkOptions, makeEntry, patternOf, placeOf, type SetOptions, textOf } from "./entry.ts";
import { type At, createReader } from "./fetch.ts";
import { type LoadOptions, readShared } from "./load.ts";
import {
  type AccessPattern,
  accessPatterns,
  type CacheItem,
  type CacheQuery,
  type CacheTotals,
  inspectEntry,
  listEntries,
  type Swept,
  sweepRows,
  totalsOf,
} from "./rows.ts";
import { createStoreTier } from "./store-tier.ts";
import { everything, keyMark, tagMark } from "./tier.ts";
import type { Trouble } from "./trouble.ts";

export type {
  AccessPattern,
  CacheItem,
  CacheOptions,
  CacheQuery,
  CacheTotals,
  LoadOptions,
  SetOptions,
  Swept,
};

export const cacheDefaults: CacheOptions = {
  location: "default",
  maxEntries: 10_000,
  maxBytes: 64 * 1024 * 1024,
  storeMaxEntries: 100_000,
  storeMaxBytes: 512 * 1024 * 1024,
  checkEvery: 1_000,
  flushEvery: 10_000,
  patience: 2_000,
  lease: 2_000,
  beta: 1,
};

export interface CacheStats {
  /** What this process did. */
  readonly process: CacheCounts & {
    readonly entries: number;
    readonly bytes: number;
    /** Answers that the store did not give: each was a miss. */
    readonly trouble: Trouble;
  };
  /** Null where the store does not answer. */
  readonly store: CacheTotals | null;
}

/** Which entries to take away; without anything, all. */
export interface ClearOptions {
  /** Only keys that begin so. */
  readonly prefix?: string | undefined;
  readonly location?: string | undefined;
}

/** Values that are dear to get, kept in this process and in the store. See docs/cache.md. */
export interface Cache extends AsyncDisposable {
  /** The value, or undefined. What comes back is what JSON says of it, and cannot be changed. Errors: `invalid`. */
  get<Value = unknown>(key: string, at?: At): Promise<Value | undefined>;
  /** Errors: `invalid`, also for what JSON cannot say. */
  set(key: string, value: unknown, options?: SetOptions): Promise<void>;
  /**
   * The value; where there is none it is loaded, by one of all who ask for it, in whichever process. An error of `load`
   * comes to all who wait for it in this process, and is not kept.
   */
  getOrSet<Value>(key: string, load: () => Promise<Value> | Value, options?: LoadOptions): Promise<Value>;
  /** False: it was not there. What is being loaded just now is not kept. */
  delete(key: string, at?: At): Promise<boolean>;
  /** Takes away all that has one of these tags, also what is being loaded just now. */
  invalidateTags(...tags: readonly string[]): Promise<void>;
  /** Takes entries away, in the store and in every process. Answers how many there were. */
  clear(which?: ClearOptions): Promise<number>;
  /** The entry as the store has it, expired or not; null where there is none. Counts as no read. */
  inspect(key: string, at?: At): Promise<CacheItem | null>;
  /** Entries, read last first. */
  list(query?: CacheQuery): Promise<Page<CacheItem>>;
  /** How keys that begin so are used, by location. */
  patterns(keyPattern: string): Promise<AccessPattern[]>;
  /** What this process did, and what the store holds. */
  stats(): Promise<CacheStats>;
  /** What the store holds, as all processes have told. */
  totals(): Promise<CacheTotals>;
  /** Removes what expired and what is over the caps. A process that puts values does it each minute. */
  sweep(): Promise<Swept>;
  /** Tells the store what was read. It is done each while, and at the end. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Between two sweeps of one process. */
const sweepEvery = 60_000;

export function createCache(
  engine: Engine,
  {
    now,
    options = {},
    ...parts
  }: Omit<CacheParts, "tier" | "now"> & {
    /** The store's clock. */
    readonly now: Clock;
    /** This machine's, for as long as the store's is not known. */
    readonly wall: CacheParts["now"];
    readonly options?: Partial<CacheOptions>;
  },
): Cache {
  const tier = createStoreTier(engine, now);
  const core = createCore({ ...parts, tier, now: parts.wall }, { ...cacheDefaults, ...options });
  const sweep = async (): Promise<Swept> => {
    const { storeMaxEntries, storeMaxBytes } = core.options;
    return sweepRows(engine, { entries: storeMaxEntries, bytes: storeMaxBytes }, await now());
  };
  let swept = core.elapsed();
  core.onTend(async () => {
    await core.counts.flush();
    if (core.elapsed() - swept < sweepEvery) return;
    swept = core.elapsed();
    await core.attempts.attempt(sweep);
  });
  const totals = async (): Promise<CacheTotals> => {
    await core.counts.flush();
    return totalsOf(engine, await now());
  };
  const close = async (): Promise<void> => {
    core.stop();
    await core.counts.flush();
  };
  const cache: Omit<Cache, "get" | "getOrSet"> = {
    set: (key, value, how = {}) => setCached(core, { key, value, options: how }),
    delete: (key, at) => deleteCached(core, key, at),
    invalidateTags: (...tags) => invalidate(core, tags.map(tagMark)),
    clear: (which = {}) => clearRows(core, engine, which),
    async inspect(key, { location = core.options.location } = {}) {
      const { id } = placeOf(key, location);
      return inspectEntry(engine, id, await now());
    },
    list: async (query = {}) => listEntries(engine, query, await now()),
    patterns: async (keyPattern) => accessPatterns(engine, patternOf("", keyPattern), await now()),
    totals,
    async stats() {
      const store = (await core.attempts.attempt(totals)) ?? null;
      const size = core.near()?.size() ?? { entries: 0, bytes: 0 };
      return { process: { ...core.counts.count, ...size, trouble: core.attempts.trouble() }, store };
    },
    sweep,
    flush: () => core.counts.flush(),
    close,
    [Symbol.asyncDispose]: close,
  };
  return { ...cache, ...typed(core) };
}

/** A value is what its caller says it is: it comes back from JSON. */
function typed(core: Core): Pick<Cache, "get" | "getOrSet"> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the caller's type is erased
  return createReader(core) as Pick<Cache, "get" | "getOrSet">;
}

interface Setting {
  readonly key: string;
  readonly value: unknown;
  readonly options: SetOptions;
}

async function setCached(core: Core, { key, value, options }: Setting): Promise<void> {
  checkOptions(options);
  const place = placeOf(key, options.location ?? core.options.location);
  const text = textOf(value);
  const name = nameOf(core, key, options.location);
  const near = await core.ready();
  outdate(core, ({ id }) => id === place.id);
  const pattern = patternOf(key, options.pattern);
  const [held, rate] = await Promise.all([readShared(core, { place, options }), core.counts.rate(pattern)]);
  const reads = near.get(name)?.reads ?? 0;
  const at = Math.round(core.now());
  const { entry, learned } = makeEntry({ place, key, text, options, held, reads, rate, loadMs: 0, at });
  core.counts.learned(pattern, learned);
  await core.attempts.attempt(() => core.tier.put(entry, undefined));
  outdate(core, ({ id }) => id === place.id);
  keepNear(core, name, entry);
}

async function deleteCached(core: Core, key: string, at: At = {}): Promise<boolean> {
  const { id } = placeOf(key, at.location ?? core.options.location);
  const near = await core.ready();
  // Whoever loads it now began before: its value carries the mark of before, and is invalid.
  await core.tier.mark([keyMark(id)]);
  const removed = await core.tier.remove([id]);
  outdate(core, (running) => running.id === id);
  near.forget(id);
  return removed > 0;
}

async function invalidate(core: Core, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const near = await core.ready();
  await core.tier.mark(names);
  outdate(core, ({ marks }) => marks.some((name) => names.includes(name)));
  near.forgetMarked(names);
}

async function clearRows(
  core: Core,
  engine: Engine,
  { prefix = "", location }: ClearOptions,
): Promise<number> {
  const near = await core.ready();
  const all = prefix === "" && location === undefined;
  if (all) await core.tier.mark([everything]);
  let removed = 0;
  for (;;) {
    const rows = await engine.find(edgeCache, {
      where: {
        ...(prefix === "" ? {} : { cacheKey: { startsWith: prefix } }),
        ...(location === undefined ? {} : { edgeLocation: location }),
      },
      fields: ["id"],
      limit: 500,
    });
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0) break;
    if (!all) await core.tier.mark(ids.map(keyMark));
    removed += await core.tier.remove(ids);
    for (const id of ids) near.forget(id);
    outdate(core, ({ id }) => ids.includes(id));
  }
  if (all) near.clear();
  outdate(core, () => all);
  return removed;
}
