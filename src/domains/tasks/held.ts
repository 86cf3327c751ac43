import type { Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { type Task, type TaskAssignment, type Outcome, tasks } from "../../model/task.ts";
import { stableId } from "../../model/id.ts";
import type { Millis } from "../../model/collection.ts";

/** What a holder shows: the task that it claimed, or its id and fence. */
export type Lease = Pick<Task, "id" | "fence">;

export const heldWhere = ({
  id,
  fence,
}: Lease): { readonly id: string; readonly fence: number; readonly status: "running" } => ({
  id,
  fence,
  status: "running",
});

export async function findTask(engine: Engine, id: string): Promise<Task> {
  const [row] = await engine.find(tasks, { where: { id }, limit: 1 });
  if (row) return row;
  throw missing(id);
}

export function missing(id: string): LociError {
  return new LociError("not-found", `There is no task ${JSON.stringify(id)}.`, { next: "loci task ls" });
}

/** The task of a lease, as the store has it: refused where somebody else holds it, or nobody. */
export async function findHeld(engine: Engine, lease: Lease): Promise<Task> {
  const row = await findTask(engine, lease.id);
  if (row.status === "running" && row.fence === lease.fence) return row;
  throw lost(row, lease);
}

/** Says what became of a task, so that an agent knows why it has to stop. */
export function lost(row: Task, { fence }: Lease): LociError {
  const what = `${row.id} is no longer yours`;
  const why =
    row.fence !== fence && row.status === "running"
      ? `its lease ended, and ${row.agentId ?? "another agent"} holds it with fence ${row.fence}`
      : row.fence !== fence
        ? `its lease ended, and it is ${row.status} with fence ${row.fence}`
        : row.status === "ready" || row.status === "blocked"
          ? "its lease ended"
          : `it is ${row.status} already`;
  return new LociError("lease-lost", `${what}: ${why}. What you sent with fence ${fence} was not stored.`, {
    next: "Stop work on it and claim the next one.",
  });
}

export interface Ended {
  readonly at: Millis;
  readonly outcome: Outcome;
  readonly error: string | null;
}

export function attemptId({ id, fence, claimedAt }: Pick<Task, "id" | "fence" | "claimedAt">): string {
  return stableId(claimedAt ?? 0, "attempt", id, String(fence));
}

/** The row that remembers an attempt; one for each fence of a task. */
export function assignmentOf(task: Task, { at, outcome, error }: Ended): TaskAssignment {
  const assignedAt = task.claimedAt ?? at;
  return {
    id: attemptId({ ...task, claimedAt: assignedAt }),
    taskId: task.id,
    swarmId: task.swarmId,
    agentId: task.agentId ?? "",
    edgeRegion: task.region,
    fence: task.fence,
    assignedAt,
    endedAt: at,
    durationMs: Math.max(0, at - assignedAt),
    outcome,
    error,
  };
}
