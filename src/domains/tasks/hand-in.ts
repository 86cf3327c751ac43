import { errorCode } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { Task } from "../../model/task.ts";
import type { ClaimOptions } from "./claim.ts";
import type { Tasks } from "./tasks.ts";

/** A completion waits that long for those of other short tasks, in ms. */
const gatherFor: Millis = 3;
const togetherAtMost = 64;
/** In ms: the longest wait before the store is asked again after an error. */
export const longestPause = 2_000;

export interface HandInParts {
  readonly tasks: Pick<Tasks, "completeAll" | "get">;
  /** What to claim with the next write; undefined for nothing. Each is followed by `take` or `claimFailed`. */
  readonly claiming: () => ClaimOptions | undefined;
  readonly take: (claimed: readonly Task[]) => void;
  readonly claimFailed: () => void;
  /** Another task will be done within a few ms. */
  readonly isMoreComing: () => boolean;
}

interface HandedIn {
  readonly task: Task;
  readonly result: unknown;
  readonly signal: AbortSignal;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Ends when it is stored. Tries again while the store is away and the lease lasts. */
export type HandIn = (task: Task, result: unknown, signal: AbortSignal) => Promise<void>;

/** Completions go one write at a time: those that come meanwhile share the next one. */
export function createHandIn(parts: HandInParts): HandIn {
  const waiting: HandedIn[] = [];
  let isSending = false;
  let goOn: (() => void) | undefined;

  const isGathered = (): boolean => waiting.length >= togetherAtMost || !parts.isMoreComing();
  const gather = async (): Promise<void> => {
    if (isGathered()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, gatherFor);
      goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    goOn = undefined;
  };
  const send = async (): Promise<void> => {
    isSending = true;
    while (waiting.length > 0) {
      await gather();
      await deliver(parts, waiting.splice(0, togetherAtMost));
    }
    isSending = false;
  };
  return (task, result, signal) =>
    new Promise((resolve, reject) => {
      waiting.push({ task, result, signal, resolve, reject });
      if (isGathered()) goOn?.();
      if (!isSending) void send();
    });
}

async function deliver(parts: HandInParts, batch: readonly HandedIn[]): Promise<void> {
  for (let tries = 0, left = batch; left.length > 0; tries++) {
    if (tries > 0)
      await new Promise((resolve) => setTimeout(resolve, Math.min(longestPause, 50 * 2 ** tries)));
    const errors = await sendOnce(parts, left);
    const again: HandedIn[] = [];
    for (const [place, one] of left.entries()) {
      const error = errors[place] ?? null;
      const became = error === null ? null : await whatBecame(parts, one, { error, tries });
      if (became === null) one.resolve();
      else if (isPassing(became) && !one.signal.aborted) again.push(one);
      else one.reject(became);
    }
    left = again;
  }
}

/** Null: it is stored all the same. */
async function whatBecame(
  { tasks }: HandInParts,
  { task }: HandedIn,
  { error, tries }: { readonly error: unknown; readonly tries: number },
): Promise<unknown> {
  try {
    return tries > 0 && (await wasStored({ tasks }, task, error)) ? null : error;
  } catch (unknown) {
    return unknown;
  }
}

async function sendOnce(parts: HandInParts, batch: readonly HandedIn[]): Promise<readonly unknown[]> {
  const claiming = parts.claiming();
  try {
    const completions = batch.map(({ task, result }) => ({ lease: task, result }));
    const { errors, claimed } = await parts.tasks.completeAll(completions, claiming);
    if (claiming) parts.take(claimed);
    return errors;
  } catch (error) {
    if (claiming) parts.claimFailed();
    return batch.map(() => error);
  }
}

export function isPassing(error: unknown): boolean {
  const code = errorCode(error);
  return code === "busy" || code === "unreachable";
}

/** An answer that got lost had said yes. */
export async function wasStored(
  { tasks }: { readonly tasks: Pick<Tasks, "get"> },
  { id, fence }: Task,
  error: unknown,
): Promise<boolean> {
  if (errorCode(error) !== "lease-lost") return false;
  const { task: now, attempts } = await tasks.get(id);
  const ours = attempts.find((attempt) => attempt.fence === fence);
  return (
    now.fence === fence && ours !== undefined && ours.outcome !== "expired" && ours.outcome !== "cancelled"
  );
}
