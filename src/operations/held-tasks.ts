import { LociError } from "../errors.ts";
import type { Task } from "../model/task.ts";
import type { Loci } from "../open.ts";
import { type Operation, operation } from "./operation.ts";
import { type ChangedTask, taskItem } from "./tasks.ts";

/**
 * Tasks by name, for programs that give them out and take them back without a fence: what they say is said for the
 * holder as the store has it.
 */

const id = { kind: "string", required: true, summary: "the task" } as const;
/** Who gives out work by hand does not renew. */
const lease = 3_600_000;

export const giveTask: Operation = operation({
  name: "task give",
  summary: "give this task to this agent, also where another has it",
  access: "write",
  params: { id, agent: { kind: "string", required: true, summary: "who gets it" } },
  async run(loci, { id: name, agent }): Promise<ChangedTask> {
    const { task } = await loci.tasks.get(name);
    if (task.status === "running" && task.agentId === agent) return { task: taskItem(task), changed: false };
    if (task.status === "running") await loci.tasks.release(task);
    return { task: taskItem(await loci.tasks.claimOne(name, { agent, lease })), changed: true };
  },
});

const steps = ["pending", "in_progress", "completed", "failed", "cancelled"] as const;

export const moveTask: Operation = operation({
  name: "task move",
  summary: "say in which state a task is",
  access: "write",
  params: {
    id,
    to: { kind: "enum", choices: steps, summary: "the state" },
    agent: { kind: "string", default: "claude-flow", summary: "who has it, where nobody has" },
    progress: { kind: "number", max: 100, summary: "in percent" },
    result: { kind: "json", of: "value", summary: "what came of it" },
    reason: { kind: "string", summary: "why it failed or was cancelled" },
  },
  async run(loci, input): Promise<ChangedTask> {
    const { id: name, to, agent, progress } = input;
    const before = (await loci.tasks.get(name)).task;
    if (to === "cancelled") await loci.tasks.cancel(name, input.reason);
    else if (to === "pending") await backToQueue(loci, before);
    else if (to !== undefined || progress !== undefined) {
      const held = before.status === "running" ? before : await claimed(loci, before, agent);
      if (progress !== undefined && to !== "completed") await loci.tasks.progress(held, progress / 100);
      if (to === "completed") await loci.tasks.complete(held, input.result ?? null);
      if (to === "failed") await loci.tasks.fail(held, input.reason ?? "It failed.", { retry: false });
    }
    const { task } = await loci.tasks.get(name);
    return { task: taskItem(task), changed: task.status !== before.status || progress !== undefined };
  },
});

async function backToQueue(loci: Loci, task: Task): Promise<void> {
  if (task.status === "running") await loci.tasks.release(task);
  else if (task.status === "dead" || task.status === "cancelled") await loci.tasks.retry(task.id);
}

function claimed(loci: Loci, task: Task, agent: string): Promise<Task> {
  if (task.status === "ready") return loci.tasks.claimOne(task.id, { agent, lease });
  throw new LociError("invalid", `${task.id} is ${task.status}: nobody can work on it.`, {
    next: `loci task show ${task.id}`,
  });
}
