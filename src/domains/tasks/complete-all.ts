import type { Engine } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, tasks } from "../../model/task.ts";
import type { Clock } from "../clock.ts";
import type { ClaimOptions, Claims } from "./claim.ts";
import { type Lease, lost, missing } from "./held.ts";
import { doneWith, wholeTask } from "./lifecycle.ts";
import { settleTogether, type Settling } from "./settle.ts";

export interface Completion {
  readonly lease: Lease;
  readonly result?: unknown;
}

export interface CompletedAll {
  /** For each completion, in their order: null, or why it was not stored. */
  readonly errors: ReadonlyArray<unknown>;
  readonly claimed: Task[];
}

export interface CompleteAllParts {
  readonly engine: Engine;
  readonly now: Clock;
  readonly claims: Claims;
  readonly complete: (lease: Lease, result: unknown) => Promise<void>;
}

interface Left {
  readonly place: number;
  readonly task: Task;
  readonly result: unknown;
}

/**
 * Several completions and the next claim in one write. Each is fenced on its own, but a write is done whole or not at
 * all: where one of them does not hold, nothing was done, and the others are handed in again without it.
 */
export async function completeAll(
  { engine, now, claims, complete }: CompleteAllParts,
  completions: readonly Completion[],
  options?: ClaimOptions,
): Promise<CompletedAll> {
  const at = await now();
  const errors: unknown[] = completions.map(() => null);
  const whole = completions.flatMap(({ lease, result }, place): Left[] => {
    const task = wholeTask(lease);
    return task ? [{ place, task, result }] : [];
  });
  let left = whole.length === completions.length ? whole : await stillHeld(engine, completions, errors);
  for (let before = Number.POSITIVE_INFINITY; left.length < before && areAlike(left); ) {
    const settlings = left.map(({ task, result }) => doneWith(task, result, at));
    const claimed = await handIn({ engine, claims }, settlings, { options, at });
    if (claimed !== undefined) return { errors, claimed };
    before = left.length;
    const held = await stillHeld(engine, completions, errors);
    left = held.filter(({ place }) => left.some((one) => one.place === place));
  }
  await Promise.all(
    left.map(({ task, result, place }) =>
      complete(task, result).catch((error: unknown) => {
        errors[place] = error;
      }),
    ),
  );
  // Who could not be reached is not asked for more.
  const isAway = errors.some((error) => errorCode(error) === "unreachable" || errorCode(error) === "closed");
  return { errors, claimed: options === undefined || isAway ? [] : await claims.claim(options, await now()) };
}

/** Undefined: one of them did not hold, and nothing was done. */
async function handIn(
  { engine, claims }: Pick<CompleteAllParts, "engine" | "claims">,
  settlings: readonly Settling[],
  { options, at }: { readonly options: ClaimOptions | undefined; readonly at: Millis },
): Promise<Task[] | undefined> {
  if (options !== undefined) return claims.exchangeAll(settlings, options, at);
  const [touched] = await engine.write(settleTogether(settlings));
  return touched === 1 ? [] : undefined;
}

/** Those that are held as their leases say; of the others, `errors` says what became of them. */
async function stillHeld(
  engine: Engine,
  completions: readonly Completion[],
  errors: unknown[],
): Promise<Left[]> {
  const ids = completions.map(({ lease }) => lease.id);
  const rows = await engine.find(tasks, { where: { id: { anyOf: ids } } });
  const known = new Map(rows.map((row) => [row.id, row]));
  return completions.flatMap(({ lease, result }, place): Left[] => {
    const task = known.get(lease.id);
    if (task?.status === "running" && task.fence === lease.fence) return [{ place, task, result }];
    errors[place] = task ? lost(task, lease) : missing(lease.id);
    return [];
  });
}

/** They were claimed, and nobody waits for them: each is an update and an insert. */
function areAlike(left: readonly Left[]): boolean {
  const plain = left.filter(({ task }) => task.dependents === 0 && task.progress === null);
  return left.length > 0 && plain.length === left.length && isEachOnce(left);
}

function isEachOnce(left: readonly Left[]): boolean {
  return new Set(left.map(({ task }) => task.id)).size === left.length;
}
