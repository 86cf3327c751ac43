import type { Millis, Progress } from "../../operations/operation.ts";
import { duration, grouped } from "./people.ts";
import { safeLine } from "./safe.ts";
import { truncate } from "./width.ts";

export interface ProgressLine {
  show(step: Progress): void;
  /** Takes the line away for something else to be written; it comes back with the next step. */
  pause(): void;
  /** Takes it away for good. Twice is fine. */
  end(): void;
}

export interface ProgressOptions {
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number | undefined };
  /** False where stderr is not a terminal, or nobody wants it. */
  readonly wanted: boolean;
  readonly now: () => Millis;
}

const patience: Millis = 300;
const redraw: Millis = 80;
const clearLine = "\r\u001b[2K";

/** One line on stderr, for work that takes longer than 300 ms; with an estimate of the rest after a second. */
export function createProgress({ stderr, wanted, now }: ProgressOptions): ProgressLine {
  const begun = now();
  let stage = "";
  let stageBegun = begun;
  let drawn: Millis | undefined;
  let ended = false;
  const pause = (): void => {
    if (drawn !== undefined) stderr.write(clearLine);
    drawn = undefined;
  };
  return {
    show(step) {
      const at = now();
      if (!wanted || ended || at - begun < patience || at - (drawn ?? 0) < redraw) return;
      drawn = at;
      if (step.doing !== stage) stageBegun = at;
      stage = step.doing;
      stderr.write(clearLine + truncate(progressText(step, at - stageBegun), (stderr.columns ?? 80) - 1));
    },
    pause,
    end() {
      ended = true;
      pause();
    },
  };
}

export function progressText({ done, total, ...step }: Progress, spent: Millis): string {
  const doing = safeLine(step.doing);
  if (total === null) return `${doing} ${grouped(done)}`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.round(share * 24);
  const rest = share > 0 && share < 1 && spent > 1000 ? `, ${duration(spent / share - spent)} left` : "";
  return `${"█".repeat(full)}${"░".repeat(24 - full)} ${doing} ${grouped(done)}/${grouped(total)}${rest}`;
}
