import { type Change, type Engine, guard, type Patch, update, type Where } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, taskDependencies, tasks } from "../../model/task.ts";
import { endChanges, endTogether, isAssigned } from "./attempt.ts";
import type { Ended } from "./held.ts";

export interface Settling {
  readonly task: Task;
  /** What must still hold of it. */
  readonly where: Where<Task>;
  readonly status: "done" | "dead" | "cancelled";
  readonly patch?: Patch<Task>;
  readonly at: Millis;
  /** How its attempt ended, where somebody had it. */
  readonly ended?: Ended;
  /** It was not claimed but assigned: see {@link endChanges}. */
  readonly assigned?: true;
}

/** False: the task is not as it was thought to be, and nothing was done. */
export async function settle(engine: Engine, settling: Settling): Promise<boolean> {
  const [touched] = await engine.write(await settleChanges(engine, settling));
  if (touched !== 1) {
    const again = await ifAssigned(engine, settling);
    return again !== undefined && settle(engine, again);
  }
  settled(engine, settling);
  return true;
}

/** Where a write failed because the task was assigned: what to write instead. */
export async function ifAssigned(engine: Engine, settling: Settling): Promise<Settling | undefined> {
  if (!settling.ended || settling.assigned) return undefined;
  return (await isAssigned(engine, settling.task)) ? { ...settling, assigned: true } : undefined;
}

/** What waited for it may be ready. */
export function settled(engine: Engine, { task }: Settling): void {
  if (task.dependents > 0) engine.wake?.tell(tasks);
}

/**
 * Settles a task and, in the same write, what waits for it: done makes it ready, dead and cancelled cancel it or let
 * it go on. The first of them is the guard.
 *
 * The count of dependents is part of the guard: a task that is made to wait in the same moment is seen, or waits for
 * nothing.
 */
export async function settleChanges(engine: Engine, settling: Settling): Promise<Change[]> {
  const { task, status, at, ended, assigned = false } = settling;
  const changes: Change[] = [settleChange(settling)];
  if (ended) changes.push(...endChanges(task, ended, assigned));
  if (task.dependents > 0)
    changes.push(...(await dependentsOf(engine, task, { good: status === "done", at })));
  return changes;
}

/** Several tasks that were claimed, and that nothing waits for: all of them, or none. */
export function settleTogether(settlings: readonly Settling[]): Change[] {
  const attempts = settlings.flatMap(({ task, ended }) => (ended ? [{ task, ended }] : []));
  return [...settlings.map(settleChange), ...endTogether(attempts)];
}

function settleChange({ task, where, status, patch, at }: Settling): Change {
  const wanted = { ...where, id: task.id, dependents: task.dependents };
  return guard(update(tasks, wanted, { ...patch, status, settledAt: at }));
}

/** What a settled task means for those that wait for it, and for those that wait for them. */
async function dependentsOf(
  engine: Engine,
  root: Task,
  { good, at }: { readonly good: boolean; readonly at: Millis },
): Promise<Change[]> {
  const freed = new Map<string, number>();
  const cancelled = new Map<string, { readonly row: Task; readonly because: string }>();
  let settled = [{ id: root.id, good }];
  const closed: string[] = [];
  while (settled.length > 0) {
    const failed = new Set(settled.filter((one) => !one.good).map(({ id }) => id));
    const edges = await engine.find(taskDependencies, {
      where: { dependsOn: { anyOf: settled.map(({ id }) => id) }, open: true },
    });
    const waiting = await engine.find(tasks, {
      where: { id: { anyOf: [...new Set(edges.map(({ taskId }) => taskId))] }, status: "blocked" },
    });
    const rows = new Map(waiting.map((row) => [row.id, row]));
    settled = [];
    for (const { id, taskId, dependsOn } of edges) {
      closed.push(id);
      const row = rows.get(taskId);
      if (row === undefined || cancelled.has(taskId)) continue;
      if (failed.has(dependsOn) && row.cascade) {
        cancelled.set(taskId, { row, because: dependsOn });
        if (row.dependents > 0) settled.push({ id: taskId, good: false });
      } else {
        freed.set(taskId, (freed.get(taskId) ?? 0) + 1);
      }
    }
  }
  for (const id of cancelled.keys()) freed.delete(id);
  return [...cancelChanges(cancelled, at), ...freeChanges(freed), ...closeChanges(closed)];
}

function cancelChanges(
  cancelled: ReadonlyMap<string, { readonly row: Task; readonly because: string }>,
  at: Millis,
): Change[] {
  return [...cancelled.values()].map(({ row, because }) =>
    guard(
      update(
        tasks,
        { id: row.id, status: "blocked", dependents: row.dependents },
        { status: "cancelled", settledAt: at, error: `It depends on ${because}, which was not done.` },
      ),
    ),
  );
}

function freeChanges(freed: ReadonlyMap<string, number>): Change[] {
  // In one order everywhere: two completions that free the same tasks then wait for each other once, in turn.
  const ids = [...freed.keys()].sort();
  return ids.flatMap((id) => [
    update(tasks, { id, status: "blocked" }, { pendingDependencies: { add: -(freed.get(id) ?? 0) } }),
    update(tasks, { id, status: "blocked", pendingDependencies: 0 }, { status: "ready" }),
  ]);
}

function closeChanges(closed: readonly string[]): Change[] {
  return closed.length === 0 ? [] : [update(taskDependencies, { id: { anyOf: closed } }, { open: false })];
}
