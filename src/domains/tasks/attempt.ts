import { type Change, type Engine, guard, insert, remove, update } from "../../engine/engine.ts";
import { swarmMembers } from "../../model/agent.ts";
import { stableId } from "../../model/id.ts";
import { type Task, taskAssignments } from "../../model/task.ts";
import { assignmentOf, attemptId, type Ended } from "./held.ts";

/** The id of an agent's row in a swarm. */
export function memberId(swarmId: string, agentId: string): string {
  return stableId(0, "member", swarmId, agentId);
}

interface Attempt {
  readonly task: Task;
  readonly ended: Ended;
}

/** {@link endChanges} of several tasks that were claimed, as one insert. */
export function endTogether(attempts: readonly Attempt[]): Change[] {
  return [
    guard(
      insert(
        taskAssignments,
        attempts.map(({ task, ended }) => assignmentOf(task, ended)),
      ),
    ),
  ];
}

/**
 * Ends an attempt. A task that was claimed has no row of this attempt yet: one insert, as cheap as it gets. One that
 * was assigned has a row, and an agent that is kept for it: the insert's guard fails, {@link isAssigned} says why, and
 * `assigned` ends that row and frees the agent in the same step.
 */
export function endChanges(task: Task, ended: Ended, assigned: boolean): Change[] {
  const row = assignmentOf(task, ended);
  if (!assigned) return [guard(insert(taskAssignments, [row]))];
  const { endedAt, durationMs, outcome, error } = row;
  const open = { id: row.id, outcome: "running" } as const;
  return [guard(update(taskAssignments, open, { endedAt, durationMs, outcome, error })), ...freeAgent(task)];
}

/** As if it had not been assigned. */
export function unassignChanges(task: Task): Change[] {
  return [remove(taskAssignments, { id: attemptId(task), outcome: "running" }), ...freeAgent(task)];
}

/** What the agent says of itself otherwise stays. */
function freeAgent(task: Task): Change[] {
  const member = { id: memberId(task.swarmId, task.agentId ?? ""), currentTask: task.id };
  return [
    update(swarmMembers, { ...member, status: "working" }, { status: "idle" }),
    update(swarmMembers, member, { currentTask: null }),
  ];
}

/** This very attempt was assigned, and did not end yet. */
export async function isAssigned(engine: Engine, task: Task): Promise<boolean> {
  const where = { id: attemptId(task), outcome: "running" } as const;
  return (await engine.find(taskAssignments, { where, limit: 1, fields: ["id"] })).length > 0;
}
