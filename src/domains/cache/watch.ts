import type { Millis } from "../../model/collection.ts";
import type { Changes, Tier } from "./tier.ts";
import type { Attempts } from "./trouble.ts";

/** The shared tier's clock as this process knows it, and a look each while at what other processes changed. */
export interface Watch {
  /** The time now, or NaN where it is time to look: compared with anything it is false. */
  readonly time: () => Millis;
  readonly now: () => Millis;
  /** Looks, where it is time to. */
  readonly look: () => Promise<void>;
}

interface WatchParts {
  readonly tier: Tier;
  readonly attempts: Attempts;
  /** A clock that nobody sets, and this machine's. */
  readonly elapsed: () => Millis;
  /** The former, as it was a moment ago. */
  readonly tick: () => Millis;
  readonly wall: () => Millis;
  readonly every: Millis;
  readonly apply: (changes: Changes) => void;
}

/** A write may be seen so long after the moment that it carries: it is looked for twice. */
const overlap = 2_000;

export function createWatch({ tier, attempts, elapsed, tick, wall, every, apply }: WatchParts): Watch {
  let offset = wall() - elapsed();
  let next = Number.NEGATIVE_INFINITY;
  let since: Millis | undefined;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const asked = elapsed();
    const at = await attempts.attempt(async () => tier.now());
    if (at !== undefined) {
      offset = at - elapsed();
      const from = since;
      // Before the first look nothing was in memory that others could have changed.
      const changes =
        from === undefined ? undefined : await attempts.attempt(() => tier.changes(from - overlap));
      if (changes !== undefined) apply(changes);
      if (changes !== undefined || from === undefined) since = at;
    }
    next = asked + every;
  };
  return {
    time() {
      const at = tick();
      return at < next ? at + offset : Number.NaN;
    },
    now: () => elapsed() + offset,
    async look() {
      if (elapsed() < next) return;
      looking ??= look().finally(() => {
        looking = undefined;
      });
      await looking;
    },
  };
}
