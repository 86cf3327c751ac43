import type { Engine } from "../engine/engine.ts";
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
  let known: { readonly at: Millis; readonly asked: Millis } | undefined;
  return async () => {
    const before = elapsed();
    if (known === undefined || before - known.asked > trustedFor) {
      const at = await ask();
      const after = elapsed();
      // The answer was made somewhere between the question and now.
      known = { at, asked: (before + after) / 2 };
    }
    return Math.round(known.at + elapsed() - known.asked);
  };
}
