import { guard, update, type Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, taskAssignments, taskDependencies, tasks } from "../../model/task.ts";
import { leaseEnd } from "../clock.ts";
import { isAssigned, unassignChanges } from "./attempt.ts";
import { whileOpen } from "./create.ts";
import { giveBack } from "./give-back.ts";
import { findHeld, findTask, heldWhere, type Lease, lost } from "./held.ts";
import { type Settling, settle } from "./settle.ts";

export interface Renewed {
  /** The lease ends then. */
  readonly until: Millis;
  /** Somebody cancelled the task: stop work on it. */
  readonly cancelled: boolean;
}

export function wholeTask(lease: Lease): Task | undefined {
  // A lease with a lane is the task that claim() answered.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return "lane" in lease && "claimedAt" in lease ? (lease as Task) : undefined;
}

/** `hand` writes it, and answers undefined where the task is not as it was thought to be. */
export async function complete<Answer>(
  engine: Engine,
  lease: Lease,
  {
    result,
    at,
    hand,
  }: {
    readonly result: unknown;
    readonly at: Millis;
    readonly hand: (settling: Settling) => Promise<Answer | undefined>;
  },
): Promise<Answer> {
  // What was claimed says all that the write needs; what changed since then fails its guard.
  for (let task = wholeTask(lease) ?? (await findHeld(engine, lease)); ; ) {
    const answer = await hand(doneWith(task, result, at));
    if (answer !== undefined) return answer;
    task = await findHeld(engine, lease);
  }
}

export function doneWith(task: Task, result: unknown, at: Millis): Settling {
  const ended = { at, outcome: "done", error: null } as const;
  const patch = { result: result ?? null, progress: 1, error: null };
  return { task, where: heldWhere(task), status: "done", patch, at, ended };
}

/** Ready again, as if it had not been claimed; only its fence stays where it is. */
export async function release(engine: Engine, lease: Lease): Promise<void> {
  const task = wholeTask(lease) ?? (await findHeld(engine, lease));
  const patch = { status: "ready", dueAt: task.createdAt, attempts: { add: -1 } } as const;
  const assigned = (await isAssigned(engine, task)) ? unassignChanges(task) : [];
  const [touched] = await engine.write([guard(update(tasks, heldWhere(lease), patch)), ...assigned]);
  if (touched !== 1) throw lost(await findTask(engine, lease.id), lease);
  engine.wake?.tell(tasks);
}

export async function renew(
  engine: Engine,
  lease: Lease,
  { length, at }: { readonly length: Millis; readonly at: Millis },
): Promise<Renewed> {
  const row = await findTask(engine, lease.id);
  if (row.fence === lease.fence && row.status === "cancelled") return { until: at, cancelled: true };
  if (row.fence !== lease.fence || row.status !== "running") throw lost(row, lease);
  const last = row.timeout === null ? Number.POSITIVE_INFINITY : (row.claimedAt ?? at) + row.timeout;
  const until = Math.min(leaseEnd(at, length), last);
  if (until <= at) {
    throw new LociError(
      "lease-lost",
      `${row.id} took longer than its ${row.timeout} ms: its lease is not renewed.`,
    );
  }
  const [touched] = await engine.write([update(tasks, heldWhere(lease), { dueAt: until })]);
  // It changed hands, or was cancelled, between the look and the write.
  return touched === 1 ? { until, cancelled: false } : renew(engine, lease, { length, at });
}

export interface Failing {
  readonly error: string;
  readonly retry: boolean;
  readonly at: Millis;
  readonly random: () => number;
}

export async function fail(
  engine: Engine,
  lease: Lease,
  { error, retry: again, at, random }: Failing,
): Promise<{ status: "ready" | "dead"; dueAt: Millis }> {
  for (;;) {
    const task = await findHeld(engine, lease);
    const ended = { at, outcome: "failed", error } as const;
    const where = heldWhere(lease);
    if (!again || task.attempts >= task.maxAttempts) {
      if (await settle(engine, { task, where, status: "dead", patch: { error }, at, ended }))
        return { status: "dead", dueAt: at };
      continue;
    }
    // Full jitter: agents that failed together do not come back together.
    const most = Math.min(task.backoffLimit, task.backoff * 2 ** (task.attempts - 1));
    const dueAt = at + Math.round(random() * most);
    const patch = { status: "ready", dueAt, error } as const;
    if (!(await giveBack(engine, task, { where, patch, ended }))) continue;
    // Who waits has to know when it is due.
    engine.wake?.tell(tasks);
    return { status: "ready", dueAt };
  }
}

export async function cancel(
  engine: Engine,
  id: string,
  { reason = "It was cancelled.", at }: { readonly reason?: string | undefined; readonly at: Millis },
): Promise<Task> {
  for (;;) {
    const task = await findTask(engine, id);
    const { status, fence } = task;
    if (status === "done" || status === "dead" || status === "cancelled") return task;
    const ended = status === "running" ? ({ at, outcome: "cancelled", error: reason } as const) : undefined;
    const settled = await settle(engine, {
      task,
      where: { status, fence },
      status: "cancelled",
      patch: { error: reason },
      at,
      ...(ended && { ended }),
    });
    if (!settled) continue;
    // Whoever works on it hears of it now, and not with its next renewal.
    if (ended) engine.wake?.tell(taskAssignments);
    return findTask(engine, id);
  }
}

export async function retry(engine: Engine, id: string, at: Millis): Promise<Task> {
  for (;;) {
    const task = await findTask(engine, id);
    if (task.status !== "dead" && task.status !== "cancelled") {
      throw new LociError("invalid", `${id} is ${task.status}; what is dead or cancelled can be retried.`);
    }
    const edges = await engine.find(taskDependencies, { where: { taskId: id } });
    const others = await engine.find(tasks, {
      where: {
        id: { anyOf: edges.map(({ dependsOn }) => dependsOn) },
        status: { anyOf: ["blocked", "ready", "running"] },
      },
      fields: ["id"],
    });
    const waits = others.map((row) => row.id);
    const [touched] = await engine.write([
      guard(
        update(
          tasks,
          { id, status: task.status },
          {
            status: waits.length > 0 ? "blocked" : "ready",
            attempts: 0,
            dueAt: at,
            settledAt: null,
            error: null,
            pendingDependencies: waits.length,
          },
        ),
      ),
      update(taskDependencies, { taskId: id, dependsOn: { anyOf: waits } }, { open: true }),
      ...whileOpen(waits),
    ]);
    if (touched !== 1) continue;
    engine.wake?.tell(tasks);
    return findTask(engine, id);
  }
}
