import { type Change, type Engine, guard, insert, update } from "../../engine/engine.ts";
import { swarmMembers } from "../../model/agent.ts";
import { stableId } from "../../model/id.ts";
import { type Task, taskAssignments } from "../../model/task.ts";
import { assignmentOf, type Ended } from "./held.ts";

/** The id of an agent's row in a swarm. */
export function memberId(swarmId: string, agentId: string): string {
  return stableId(0, "member", swarmId, agentId);
}

/**
 * Writes these changes with the end of an attempt; false where a guard of theirs did not hold.
 *
 * A task that was claimed has no row of this attempt yet: one insert ends it, as cheap as it gets. One that was
 * assigned has a row, and an agent that is kept for it: the insert's guard fails, and the second write ends the row
 * and frees the agent in the same step.
 */
export async function endAttempt(
  engine: Engine,
  changes: readonly Change[],
  { task, ended }: { readonly task: Task; readonly ended: Ended },
): Promise<boolean> {
  const row = assignmentOf(task, ended);
  const [touched] = await engine.write([...changes, guard(insert(taskAssignments, [row]))]);
  if (touched === 1) return true;
  const open = { id: row.id, outcome: "running" } as const;
  const [assigned] = await engine.find(taskAssignments, { where: open, limit: 1, fields: ["id"] });
  if (!assigned) return false;
  const { endedAt, durationMs, outcome, error } = row;
  const member = { id: memberId(task.swarmId, row.agentId), currentTask: task.id };
  const [again] = await engine.write([
    ...changes,
    guard(update(taskAssignments, open, { endedAt, durationMs, outcome, error })),
    update(swarmMembers, { ...member, status: "working" }, { status: "idle" }),
    update(swarmMembers, member, { currentTask: null }),
  ]);
  return again === 1;
}
