import type { Engine } from "../engine/engine.ts";
import type { AnyCollection, Millis } from "../model/collection.ts";

/** Waits for something new in a collection: a hint of the store, or the time to look again. */
export interface Waiting {
  /** Before each look: what is told from then on ends the next pause at once. */
  readonly look: () => void;
  /** Ends at a hint, after `most`, when it is time to look again, or with the signal. */
  readonly pause: (options?: { readonly most?: Millis; readonly signal?: AbortSignal }) => Promise<void>;
  /** There was something: looks come quickly again. */
  readonly found: () => void;
  readonly end: () => void;
}

/** Where hints reach us, a look is only for those that got lost, and for what nobody tells of. */
const slowly = 2_000;
/** Where they do not: from here on, each look that finds nothing makes the next one later, up to `slowly`. */
const quickly = 50;

export function createWaiting(engine: Engine, about: AnyCollection, random: () => number): Waiting {
  let told = false;
  let wakeUp: (() => void) | undefined;
  let interval = quickly;
  const end = engine.wake?.listen(about, () => {
    told = true;
    wakeUp?.();
  });

  return {
    look() {
      told = false;
    },
    found() {
      interval = quickly;
    },
    async pause({ most = slowly, signal } = {}) {
      if (told || signal?.aborted) return;
      const hinted = engine.wake?.works() ?? false;
      // Jitter: those who began to wait together do not look together.
      const next = (hinted ? slowly : interval) * (0.75 + random() / 2);
      interval = Math.min(slowly, interval * 1.5);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", done);
          wakeUp = undefined;
          resolve();
        };
        const timer = setTimeout(done, Math.max(1, Math.min(most, next)));
        signal?.addEventListener("abort", done);
        wakeUp = done;
      });
    },
    end: () => {
      end?.();
      wakeUp?.();
    },
  };
}
