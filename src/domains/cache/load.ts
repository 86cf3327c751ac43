import { setTimeout as sleep } from "node:timers/promises";
import type { CacheEntry } from "../../model/cache.ts";
import type { Millis } from "../../model/collection.ts";
import type { Counts } from "./counts.ts";
import { type Place, patternOf, type SetOptions, textOf, valueOf, makeEntry } from "./entry.ts";
import { type Claim, type Held, tagMark, type Tier } from "./tier.ts";
import type { Attempts } from "./trouble.ts";

export interface LoadOptions extends SetOptions {
  /** How long it is kept that there is nothing (`undefined` or null). Default 10 s; 0: not at all. */
  readonly negativeTtl?: Millis | undefined;
}

/** One load, for all who wait for it. */
export interface Job {
  readonly key: string;
  readonly place: Place;
  readonly options: LoadOptions;
  readonly load: () => unknown;
  /** Reads of the value before that nobody was told of. */
  readonly reads: number;
  /** The version that is to be replaced though it is fresh. */
  readonly from?: string | undefined;
  /** False from the moment on when what is loaded must not be kept any more. */
  readonly isCurrent: () => boolean;
}

/** What a job came to. Where it could not be kept, there is no entry. */
export type Outcome =
  | { readonly entry: CacheEntry; readonly by: "load" | "store" }
  | { readonly entry: null; readonly value: unknown };

export interface LoadParts {
  readonly tier: Tier;
  readonly attempts: Attempts;
  readonly counts: Counts;
  /** The tier's time, as it is known without asking. */
  readonly now: () => Millis;
  readonly elapsed: () => Millis;
  /** How long a dead loader holds the others up. */
  readonly lease: Millis;
}

/** How long others are waited for, in all. */
const longestWait = 60_000;
/** Between two looks whether the one who loads is done: from the first to the last of these. */
const firstLook = 2;
const lastLook = 25;

/** Reads what is there, whoever put it. Undefined: the shared tier is away. */
export function readShared(
  { tier, attempts }: LoadParts,
  job: Pick<Job, "place" | "options">,
): Promise<Held | undefined> {
  return attempts.attempt(() => tier.read(job.place.id, (job.options.tags ?? []).map(tagMark)));
}

export function isFresh(held: Held | undefined, now: Millis): held is Held & { readonly entry: CacheEntry } {
  return held?.valid === true && held.entry !== null && held.entry.expiresAt > now;
}

/**
 * Loads a value once for all processes: the one that has the claim loads, the others wait until it is done, and go on
 * to load themselves where that left no value. A loader that died is replaced when its lease ends.
 */
export async function loadShared(parts: LoadParts, job: Job, wait: boolean): Promise<Outcome | null> {
  const { tier, attempts, elapsed, lease } = parts;
  const began = elapsed();
  let waited = false;
  while (elapsed() - began < longestWait) {
    const claim = await attempts.attempt(() => tier.claim(job.place.id, lease));
    if (claim === undefined) break;
    if (claim !== null) {
      const held = await readShared(parts, job);
      if (isFresh(held, parts.now()) && held.entry.version !== job.from) {
        await attempts.attempt(() => tier.release(claim));
        return { entry: held.entry, by: "store" };
      }
      return loadNow(parts, job, { held, claim });
    }
    if (!wait) return null;
    if (waited) break;
    parts.counts.count.waits++;
    const ended = await follow(parts, job, began);
    const held = await readShared(parts, job);
    if (isFresh(held, parts.now())) return { entry: held.entry, by: "store" };
    waited = ended === "none";
  }
  return loadNow(parts, job, { held: await readShared(parts, job), claim: undefined });
}

/** Waits for the one who loads. */
async function follow(
  { tier, attempts, elapsed }: LoadParts,
  { place }: Job,
  began: Millis,
): Promise<"none" | "dead"> {
  for (let pause = firstLook; elapsed() - began < longestWait; pause = Math.min(lastLook, pause * 1.5)) {
    const state = await attempts.attempt(() => tier.loading(place.id));
    if (state !== "live") return state ?? "none";
    await sleep(pause);
  }
  return "none";
}

interface Turn {
  readonly held: Held | undefined;
  readonly claim: Claim | undefined;
}

async function loadNow(parts: LoadParts, job: Job, { held, claim }: Turn): Promise<Outcome> {
  const { tier, attempts, counts, elapsed, lease } = parts;
  const renewing =
    claim && setInterval(() => void attempts.attempt(() => tier.renew(claim, lease)), lease / 3).unref();
  const release = async (): Promise<void> => {
    if (claim) await attempts.attempt(() => tier.release(claim));
  };
  const pattern = patternOf(job.key, job.options.pattern);
  const began = elapsed();
  try {
    counts.count.loads++;
    const [value, rate] = await Promise.all([job.load(), counts.rate(pattern)]);
    const loadMs = Math.max(0, elapsed() - began);
    counts.loaded(pattern, loadMs);
    const text = keepable(value, parts);
    const { ttl: own, keep } = negative(text, job.options);
    if (text === undefined || !keep || !job.isCurrent()) {
      await release();
      return { entry: null, value };
    }
    const at = Math.round(parts.now());
    const { entry, learned } = makeEntry({ ...job, text, ttl: own, held, rate, loadMs, at });
    counts.learned(pattern, learned);
    const over = held === undefined ? undefined : (held.entry?.version ?? null);
    const put = await attempts.attempt(() => tier.put(entry, over, claim));
    // Another value was set meanwhile, and is newer than this one.
    return put === false ? { entry: null, value: valueOf(text) } : { entry, by: "load" };
  } catch (error) {
    counts.count.failedLoads++;
    await release();
    throw error;
  } finally {
    clearInterval(renewing);
  }
}

/** What is no JSON is answered, and not kept. */
function keepable(value: unknown, { attempts }: LoadParts): string | null | undefined {
  try {
    return textOf(value);
  } catch (error) {
    attempts.count(error);
    return undefined;
  }
}

function negative(
  text: string | null | undefined,
  { negativeTtl = 10_000 }: LoadOptions,
): { ttl: Millis | undefined; keep: boolean } {
  if (text !== null && text !== "null") return { ttl: undefined, keep: true };
  return { ttl: negativeTtl, keep: negativeTtl > 0 };
}
