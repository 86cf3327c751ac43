import { type Engine, guard, type Patch, update, type Where } from "../../engine/engine.ts";
import { type Task, tasks } from "../../model/task.ts";
import { endChanges, isAssigned } from "./attempt.ts";
import type { Ended } from "./held.ts";

interface GivingBack {
  /** What must still hold of it. */
  readonly where: Where<Task>;
  readonly patch: Patch<Task>;
  readonly ended: Ended;
}

/** An attempt ended, and the task goes on without it. False: the task is not as it was thought to be. */
export async function giveBack(
  engine: Engine,
  task: Task,
  { where, patch, ended }: GivingBack,
): Promise<boolean> {
  const write = async (assigned: boolean): Promise<boolean> => {
    const back = guard(update(tasks, { ...where, id: task.id }, patch));
    const [touched] = await engine.write([back, ...endChanges(task, ended, assigned)]);
    return touched === 1;
  };
  return (await write(false)) || ((await isAssigned(engine, task)) && write(true));
}
