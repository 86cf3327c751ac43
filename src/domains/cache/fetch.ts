import type { CacheEntry } from "../../model/cache.ts";
import { type Core, type Flight, hit, keepNear, nameOf, type Running } from "./core.ts";
import { checkOptions, patternOf, type Place, placeOf, type SetOptions, valueOf } from "./entry.ts";
import { isFresh, type Job, type LoadOptions, loadShared, type Outcome, readShared } from "./load.ts";
import type { NearEntry } from "./near.ts";
import { type Held, tagMark } from "./tier.ts";
import { isEarly } from "./ttl.ts";

export type At = Pick<SetOptions, "location">;
export type Load = () => unknown;

const none: LoadOptions = {};

export interface Reader {
  readonly get: (key: string, at?: At) => Promise<unknown>;
  readonly getOrSet: (key: string, load: Load, options?: LoadOptions) => Promise<unknown>;
}

/** A hit in memory makes no promise of its own and asks nobody: docs/cache.md has what it takes. */
export function createReader(core: Core): Reader {
  // Looked up once: a hit is worth some 100 ns, and each look costs one or two.
  const { near: memory, watch, counts } = core;
  const { time } = watch;
  const { count, read } = counts;
  return {
    get(key, at) {
      const near = memory();
      const entry = near?.get(nameOf(core, key, at?.location));
      const now = time();
      if (entry === undefined || !(entry.expiresAt > now)) return getSlowly(core, key, at?.location);
      count.nearHits++;
      read(entry, now);
      return entry.answer;
    },
    getOrSet(key, load, options = none) {
      const near = memory();
      const entry = near?.get(nameOf(core, key, options.location));
      const now = time();
      if (entry === undefined || !(entry.expiresAt > now)) return fetchSlowly(core, { key, load, options });
      count.nearHits++;
      read(entry, now);
      if (now > entry.earlyFrom) considerEarly(core, entry, { key, load, options });
      return entry.answer;
    },
  };
}

async function getSlowly(core: Core, key: string, location = core.options.location): Promise<unknown> {
  const place = placeOf(key, location);
  const name = nameOf(core, key, location);
  const near = await core.ready();
  const known = near.get(name);
  const now = core.now();
  if (known !== undefined && known.expiresAt > now) {
    hit(core, known, now);
    return known.value;
  }
  const held = await readShared(core, { place, options: none });
  if (isFresh(held, core.now())) return farHit(core, name, held.entry);
  core.counts.missed(patternOf(key));
  return undefined;
}

interface Asked {
  readonly key: string;
  readonly load: Load;
  readonly options: LoadOptions;
}

function considerEarly(core: Core, entry: NearEntry, asked: Asked): void {
  const left = entry.expiresAt - core.now();
  if (!isEarly({ left, loadMs: entry.loadMs, beta: core.options.beta }, 1 - core.random())) return;
  if (refresh(core, asked, entry.version)) core.counts.count.early++;
}

async function fetchSlowly(core: Core, asked: Asked): Promise<unknown> {
  const { key, options } = asked;
  checkOptions(options);
  const name = nameOf(core, key, options.location);
  const place = placeOf(key, options.location ?? core.options.location);
  const near = await core.ready();
  const known = near.get(name);
  const now = core.now();
  if (known !== undefined && known.expiresAt > now) {
    hit(core, known, now);
    return known.value;
  }
  if (known !== undefined && known.expiresAt + (options.staleWhileRevalidate ?? 0) > now) {
    return served(core, asked, known);
  }
  const flying = core.flights.get(name);
  if (flying !== undefined) {
    core.counts.count.waits++;
    return flying.answer;
  }
  const running = runningOf(place, options);
  const flight: Flight = { running, answer: fly(core, { ...asked, name }, () => running.current) };
  core.flights.set(name, flight);
  try {
    return await flight.answer;
  } finally {
    if (core.flights.get(name) === flight) core.flights.delete(name);
  }
}

function runningOf({ id }: Place, { tags = [] }: LoadOptions): Running {
  return { id, marks: tags.map(tagMark), current: true };
}

type Named = Asked & { readonly name: string };

/** The one call of this process that asks the store, and loads where it has nothing. */
async function fly(core: Core, asked: Named, isCurrent: () => boolean): Promise<unknown> {
  const { key, name, options } = asked;
  const job = jobOf(core, asked, isCurrent);
  const held = await readShared(core, job);
  if (isFresh(held, core.now())) {
    return isCurrent() ? farHit(core, name, held.entry) : valueOf(held.entry.cacheValue);
  }
  const before = validEntry(held);
  if (before !== undefined && before.expiresAt + (options.staleWhileRevalidate ?? 0) > core.now()) {
    const entry = keepNear(core, name, before);
    if (entry !== undefined) return served(core, { key, load: asked.load, options }, entry);
  }
  core.counts.missed(patternOf(key, options.pattern));
  try {
    return kept(core, name, { outcome: await loadShared(core, job, true), isCurrent });
  } catch (error) {
    const last = before ?? core.near()?.get(name);
    if (last === undefined || last.expiresAt + (options.staleIfError ?? 0) <= core.now()) throw error;
    core.counts.count.stale++;
    return "value" in last ? last.value : valueOf(last.cacheValue);
  }
}

function jobOf(core: Core, { key, load, options }: Asked, isCurrent: () => boolean): Job {
  const location = options.location ?? core.options.location;
  const known = core.near()?.get(nameOf(core, key, location));
  return { key, place: placeOf(key, location), options, load, isCurrent, reads: known?.reads ?? 0 };
}

function validEntry(held: Held | undefined): CacheEntry | undefined {
  return held?.valid === true && held.entry !== null ? held.entry : undefined;
}

function farHit(core: Core, name: string, row: CacheEntry): unknown {
  core.counts.count.farHits++;
  const entry = keepNear(core, name, row);
  if (entry === undefined) return valueOf(row.cacheValue);
  core.counts.read(entry, core.now());
  return entry.value;
}

function kept(
  core: Core,
  name: string,
  { outcome, isCurrent }: { readonly outcome: Outcome | null; readonly isCurrent: () => boolean },
): unknown {
  if (outcome === null) return undefined;
  if (outcome.entry === null) return outcome.value;
  if (!isCurrent()) return valueOf(outcome.entry.cacheValue);
  if (outcome.by === "store") return farHit(core, name, outcome.entry);
  const entry = keepNear(core, name, outcome.entry);
  return entry === undefined ? valueOf(outcome.entry.cacheValue) : entry.value;
}

/** An expired value, while it is loaded again behind the caller's back. */
function served(core: Core, asked: Asked, entry: NearEntry): unknown {
  core.counts.count.stale++;
  core.counts.read(entry, core.now());
  refresh(core, asked, entry.version);
  return entry.value;
}

/** False: somebody in this process is at it. An error is counted; who asks behind the end will see it. */
function refresh(core: Core, asked: Asked, from: string): boolean {
  const name = nameOf(core, asked.key, asked.options.location);
  if (core.refreshing.has(name) || core.flights.has(name)) return false;
  const place = placeOf(asked.key, asked.options.location ?? core.options.location);
  const running = runningOf(place, asked.options);
  core.refreshing.set(name, running);
  const isCurrent = (): boolean => running.current;
  void loadShared(core, { ...jobOf(core, asked, isCurrent), from }, false)
    .then((outcome) => kept(core, name, { outcome, isCurrent }))
    .catch(() => undefined)
    .finally(() => core.refreshing.delete(name));
  return true;
}
