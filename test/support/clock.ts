import { setImmediate as turn } from "node:timers/promises";

/** Time that only a test moves. */
export interface MovedClock {
  readonly elapsed: () => number;
  readonly after: (wait: number, run: () => void) => () => void;
  /** Runs what is due on the way, each at its moment. */
  readonly move: (by: number) => Promise<void>;
  /** A promise that settles after that long. */
  readonly sleep: (wait: number) => Promise<void>;
}

export function movedClock(): MovedClock {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const after = (wait: number, run: () => void): (() => void) => {
    const timer = { at: now + wait, run };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  return {
    elapsed: () => now,
    after,
    sleep: (wait) => new Promise((done) => after(wait, done)),
    async move(by) {
      const end = now + by;
      for (;;) {
        await turn();
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        now = next.at;
        next.run();
      }
      now = end;
    },
  };
}
