import type { Engine } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { swarmMembers } from "../../model/agent.ts";
import { type Task, taskAssignments, tasks } from "../../model/task.ts";
import { type Clock, leaseEnd } from "../clock.ts";
import { memberId } from "./attempt.ts";
import type { ClaimOptions } from "./claim.ts";

/** An agent that keeps claiming is given what was assigned to it this much later at most. */
const lookEvery = 250;

/** Tasks for an agent; `handedIn` are those that it completes with the same call. */
type HandOut = (
  options: ClaimOptions,
  pull: (limit: number) => Promise<Task[]>,
  handedIn?: readonly string[],
) => Promise<Task[]>;

/** Puts what was assigned to an agent before what it pulls. */
export function createHandOut(engine: Engine, now: Clock): HandOut {
  const looked = new Map<string, Millis>();

  const isDue = ({ swarm = "default", agent }: ClaimOptions, at: Millis): boolean =>
    Math.abs(at - (looked.get(memberId(swarm, agent)) ?? Number.NEGATIVE_INFINITY)) >= lookEvery;

  /** What was assigned and is not begun. */
  async function waiting({ swarm = "default", agent }: ClaimOptions, at: Millis): Promise<Task | undefined> {
    if (looked.size > 10_000) looked.clear();
    looked.set(memberId(swarm, agent), at);
    const [task] = await findAssigned(engine, swarm, agent);
    return task?.progress === null ? task : undefined;
  }

  /** Of several processes of one agent, one begins it. */
  const begin = ({ id, fence }: Task, { lease = 30_000 }: ClaimOptions, at: Millis): Promise<Task[]> =>
    engine.take(
      tasks,
      { where: { id, fence, status: "running", progress: null }, limit: 1 },
      { progress: 0, dueAt: leaseEnd(at, lease) },
    );

  /** What was assigned, then what `pull` brings; an agent that gets nothing was assigned nothing. */
  return async (options, pull, handedIn = []) => {
    const { limit = 1 } = options;
    const at = await now();
    const due = isDue(options, at);
    const found = due ? await waiting(options, at) : undefined;
    const first = found && handedIn.includes(found.id) ? undefined : found;
    const pulled = await pull(first ? limit - 1 : limit);
    const given = first ?? (due || pulled.length > 0 ? undefined : await waiting(options, at));
    return given ? [...(await begin(given, options, at)), ...pulled] : pulled;
  };
}

/** What an agent was given, begun or not. */
export async function findAssigned(engine: Engine, swarmId: string, agentId: string): Promise<Task[]> {
  const [member] = await engine.find(swarmMembers, {
    where: { id: memberId(swarmId, agentId), currentTask: { not: null } },
    limit: 1,
  });
  if (!member || member.currentTask === null) return [];
  const taskId = member.currentTask;
  const where = { taskId, agentId, outcome: "running" } as const;
  const [open] = await engine.find(taskAssignments, { where, limit: 1 });
  if (!open) return [];
  return engine.find(tasks, { where: { id: taskId, fence: open.fence, status: "running" } });
}
