import type { Millis } from "../../model/collection.ts";
import type { Timing } from "./router.ts";

/** One region that was asked. */
export interface Trial {
  /** Its place in the order. */
  readonly at: number;
  readonly took: Millis;
  /** Undefined: it answered, or it had not when the race ended. */
  readonly error: unknown;
}

export interface Race<Result> {
  /** How long each may take before the next is asked too. */
  readonly waits: readonly Millis[];
  readonly deadline: Millis;
  readonly work: (at: number, signal: AbortSignal) => Promise<Result>;
}

export type Outcome<Result> =
  | { readonly winner: Trial; readonly result: Result; readonly trials: readonly Trial[] }
  | { readonly winner: undefined; readonly result?: never; readonly trials: readonly Trial[] };

/**
 * Asks one after the other: the next at once where one fails, and beside it where one is late, which may still
 * answer first. So a question that is slow everywhere is answered all the same.
 */
export function race<Result>(
  { elapsed, after }: Timing,
  { waits, deadline, work }: Race<Result>,
): Promise<Outcome<Result>> {
  return new Promise((resolve) => {
    const controller = new AbortController();
    const open = new Map<number, Millis>();
    const failures: Trial[] = [];
    let asked = 0;
    let callOff = (): void => undefined;

    const end = (winner?: Trial, result?: { readonly value: Result }): void => {
      callOff();
      callOffAll();
      const late = [...open].map(([at, began]) => ({ at, took: elapsed() - began, error: undefined }));
      open.clear();
      const trials = [...failures, ...(winner ? [winner] : []), ...late].sort((a, b) => a.at - b.at);
      resolve(winner && result ? { winner, result: result.value, trials } : { winner: undefined, trials });
      controller.abort();
    };
    const callOffAll = after(deadline, () => end());

    const ask = (): void => {
      callOff();
      const at = asked++;
      const wait = waits[at];
      if (wait === undefined) {
        if (open.size === 0) end();
        return;
      }
      const began = elapsed();
      open.set(at, began);
      callOff = after(wait, ask);
      // In a step of its own: what throws at once fails as a promise does.
      void Promise.resolve()
        .then(() => work(at, controller.signal))
        .then(
          (value) => {
            if (open.delete(at)) end({ at, took: elapsed() - began, error: undefined }, { value });
          },
          (error: unknown) => {
            if (!open.delete(at)) return;
            failures.push({ at, took: elapsed() - began, error: error ?? "It failed without a reason." });
            // Who was asked after it is on the way already.
            if (at === asked - 1 || open.size === 0) ask();
          },
        );
    };
    ask();
  });
}
