import type { CacheEntry } from "../../model/cache.ts";
import type { Millis } from "../../model/collection.ts";
import { createCounts } from "./counts.ts";
import type { LoadParts } from "./load.ts";
import type { Near, NearEntry } from "./near.ts";
import type { Tier } from "./tier.ts";
import { createAttempts } from "./trouble.ts";
import { createWatch, type Watch } from "./watch.ts";

/** How a cache works in one process. */
export interface CacheOptions {
  /** Where this process is: values are kept for each location. Default `default`. */
  readonly location: string;
  /** Of this process's memory. Default 10,000 entries and 64 MiB. */
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Of the store, over all processes. Default 100,000 entries and 512 MiB: what was read longest ago goes first. */
  readonly storeMaxEntries: number;
  readonly storeMaxBytes: number;
  /** How often a process looks at what others changed: so old a value in memory may be. Default 1 s. */
  readonly checkEvery: Millis;
  /** How often reads are told to the store. Default 10 s. */
  readonly flushEvery: Millis;
  /** So long an answer of the store is waited for; then it is a miss. Default 2 s. */
  readonly patience: Millis;
  /** How long a loader that died holds others up. Default 2 s. */
  readonly lease: Millis;
  /** How early values are loaded again before their end: 0 is never, 1 is what was found to be best. */
  readonly beta: number;
}

export interface CacheParts {
  readonly tier: Tier;
  /** This machine's clock, a clock that nobody sets, and chance. */
  readonly now: () => Millis;
  readonly elapsed: () => Millis;
  /** A cheaper one, where there is one: createTick. */
  readonly tick?: () => Millis;
  readonly random: () => number;
}

/** A load of this process. */
export interface Running {
  readonly id: string;
  readonly marks: readonly string[];
  /** False from the moment on when what it loads must not be kept any more. */
  current: boolean;
}

/** One that all callers of this process share. */
export interface Flight {
  readonly running: Running;
  readonly answer: Promise<unknown>;
}

/** What the calls of one cache share. */
export interface Core extends LoadParts {
  readonly options: CacheOptions;
  readonly random: () => number;
  readonly watch: Watch;
  /** By the name in memory. */
  readonly flights: Map<string, Flight>;
  /** Names that are loaded again while their old value is served. */
  readonly refreshing: Map<string, Running>;
  /** This process's memory, from the first call on. */
  readonly near: () => Near | undefined;
  /** Ready to answer: memory is there, and what others changed is known. */
  readonly ready: () => Promise<Near>;
  /** What is done each while when something was counted: called once. */
  readonly onTend: (tend: () => Promise<void>) => void;
  readonly stop: () => void;
}

export function createCore(
  { tier, now, elapsed, tick = elapsed, random }: CacheParts,
  options: CacheOptions,
): Core {
  let near: Near | undefined;
  let making: Promise<Near> | undefined;
  let tend = async (): Promise<void> => undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const attempts = createAttempts(elapsed, options.patience);
  const due = (): void => {
    if (timer !== undefined || stopped) return;
    timer = setTimeout(() => {
      timer = undefined;
      tend().catch(attempts.count);
    }, options.flushEvery);
    timer.unref();
  };
  const watch = createWatch({
    tier,
    attempts,
    elapsed,
    tick,
    wall: now,
    every: options.checkEvery,
    apply: (changes) => near?.apply(changes),
  });
  return {
    tier,
    attempts,
    elapsed,
    random,
    options,
    watch,
    counts: createCounts({ tier, attempts, elapsed, due }),
    now: watch.now,
    lease: options.lease,
    flights: new Map(),
    refreshing: new Map(),
    near: () => near,
    async ready() {
      making ??= import("./near.ts").then(({ createNear }) => createNear(options));
      near ??= await making;
      await watch.look();
      return near;
    },
    onTend(next) {
      tend = next;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** What a key at a location is called in memory: a text of its own for each. */
export function nameOf({ options }: Core, key: string, location?: string): string {
  if ((location === undefined || location === options.location) && key.charCodeAt(0) !== 0) return key;
  return `\u0000${location ?? options.location}\u0000${key}`;
}

export function hit({ counts }: Core, entry: NearEntry, at: Millis): void {
  counts.count.nearHits++;
  counts.read(entry, at);
}

/** A value that came from the store, or was loaded, into memory. */
export function keepNear(core: Core, name: string, entry: CacheEntry): NearEntry | undefined {
  return core.near()?.put(name, entry);
}

/** What is being loaded under these marks is answered to who waits, and not kept. */
export function outdate({ flights, refreshing }: Core, isMeant: (running: Running) => boolean): void {
  for (const running of refreshing.values()) if (isMeant(running)) running.current = false;
  for (const [name, { running }] of flights) {
    if (!isMeant(running)) continue;
    running.current = false;
    flights.delete(name);
  }
}
