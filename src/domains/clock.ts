import type { Engine } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";

/** The moment that leases, heartbeats and times to live are judged by. */
export type Clock = () => Millis | Promise<Millis>;

/** How long the store's time is trusted to advance as this machine's does: 100 ppm of drift are 3 ms then. */
const trustedFor = 30_000;

/**
 * The store's clock: every worker asks the same one, whatever its own says. Between two questions it is advanced by
 * `elapsed`, which nobody can set. A store on this machine has this machine's clock, `now`.
 */
export function createClock(
  engine: Engine,
  { now, elapsed }: { readonly now: () => Millis; readonly elapsed: () => Millis },
): Clock {
  const ask = engine.now;
  if (ask === undefined) return now;
  let known: Reading | undefined;
  return async () => {
    if (known === undefined || elapsed() - known.asked > trustedFor) known = await read(ask, elapsed);
    return Math.round(known.at + elapsed() - known.asked);
  };
}

/** What the store's clock said, and when, in `elapsed` time, it said so. */
interface Reading {
  readonly at: Millis;
  readonly asked: Millis;
}

/** An answer is wrong by half of its way at most. One that took longer is asked for again: the first one connects. */
const nearEnough = 5;

async function read(ask: () => Promise<Millis>, elapsed: () => Millis): Promise<Reading> {
  let best: (Reading & { readonly took: Millis }) | undefined;
  for (let tries = 1; ; tries++) {
    const before = elapsed();
    const at = await ask();
    const took = elapsed() - before;
    if (best === undefined || took < best.took) best = { at, asked: before + took / 2, took };
    if (best.took <= nearEnough || tries === 3) return best;
  }
}

/** When a lease that begins now ends. One that is over at once would be everybody's. Errors: `invalid`. */
export function leaseEnd(at: Millis, lease: Millis): Millis {
  return at + span("lease", lease);
}

/** A length of time. Errors: `invalid`. */
export function span(name: string, length: Millis): Millis {
  if (Number.isSafeInteger(length) && length >= 1) return length;
  throw new LociError("invalid", `${name} is whole milliseconds from 1 on, not ${length}.`);
}

/** So many answers in a row may be the same moment, where they are asked for faster than each millisecond. */
const sameFor = 32;

/**
 * `elapsed` for what asks it millions of times a second: a clock takes longer than a look into memory (290 ns against
 * 60 to 200, on a virtual machine). A moment is given out again for a millisecond, and 32 times at most.
 */
export function createTick(elapsed: () => Millis): () => Millis {
  let at = Number.NEGATIVE_INFINITY;
  let left = 0;
  let timer: NodeJS.Timeout | undefined;
  return () => {
    if (left > 0) {
      left--;
      return at;
    }
    const before = at;
    at = elapsed();
    if (at - before < 1) {
      left = sameFor;
      timer ??= setTimeout(() => {
        timer = undefined;
        left = 0;
      }, 1).unref();
    }
    return at;
  };
}
