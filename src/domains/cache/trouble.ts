import { errorCode } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";

/** What the shared tier did not answer. */
export interface Trouble {
  readonly count: number;
  /** Of the last one, in its own words. */
  readonly last: string | null;
}

export interface Attempts {
  /** The answer, or undefined where there was none in time: trouble with the cache is a miss and no error. */
  readonly attempt: <Answer>(work: () => Promise<Answer>) => Promise<Answer | undefined>;
  readonly count: (error: unknown) => void;
  readonly trouble: () => Trouble;
}

/** So long it is left alone after it failed: who waits for its answers waits once. */
const rest = 1_000;

export function createAttempts(elapsed: () => Millis, patience: Millis): Attempts {
  let restsUntil = Number.NEGATIVE_INFINITY;
  let count = 0;
  let last: string | null = null;
  const note = (error: unknown): void => {
    count++;
    last = error instanceof Error ? error.message : String(error);
  };
  return {
    count: note,
    trouble: () => ({ count, last }),
    async attempt(work) {
      if (elapsed() < restsUntil) return undefined;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${patience} ms`)), patience);
      });
      try {
        return await Promise.race([work(), late]);
      } catch (error) {
        note(error);
        // What was wrong with one value is not wrong with the next.
        if (errorCode(error) !== "invalid") restsUntil = elapsed() + rest;
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
