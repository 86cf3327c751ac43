import { LociError } from "../errors.ts";
import type { Task, TaskAssignment } from "../model/task.ts";
import type { Page } from "./answers.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag } from "./params.ts";

export type TaskItem = Omit<
  Task,
  "lane" | "rank" | "dueAt" | "spillAt" | "claimedAt" | "createdAt" | "settledAt"
> & {
  /** Ready: not before this. Running: the lease ends then. */
  readonly dueAt: string;
  readonly spillAt: string;
  readonly claimedAt: string | null;
  readonly createdAt: string;
  readonly settledAt: string | null;
};

export type AttemptItem = Omit<TaskAssignment, "assignedAt" | "endedAt"> & {
  readonly assignedAt: string;
  readonly endedAt: string;
};

export interface TaskAnswer {
  readonly task: TaskItem;
  readonly dependsOn: readonly string[];
  readonly dependents: readonly string[];
  readonly attempts: readonly AttemptItem[];
}

export interface ChangedTask {
  readonly task: TaskItem;
  /** What the command did: false where all was so already. */
  readonly changed: boolean;
}

const statuses = ["blocked", "ready", "running", "done", "dead", "cancelled"] as const;
const taskParam = { kind: "string", positional: true, required: true, summary: "the task" } as const;
const swarmFlag = (summary: string) => ({ kind: "string", summary, placeholder: "ID" }) as const;

export const listTasks: Operation = operation({
  name: "task ls",
  summary: "list tasks, the newest first",
  access: "read",
  params: {
    limit: limitFlag,
    swarm: swarmFlag("only tasks of this swarm"),
    status: { kind: "enum", choices: statuses, summary: "only tasks in this state" },
    after: pageFlag,
  },
  async run(loci, { limit, swarm, status, after }): Promise<Page<TaskItem>> {
    const behind = after === undefined ? undefined : readPlace(after);
    const rows = await loci.tasks.list({ swarm, status, limit: limit + 1, after: behind });
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(taskItem),
      next: last && rows.length > limit ? `${last.createdAt}~${last.id}` : null,
    };
  },
});

function readPlace(after: string): Pick<Task, "id" | "createdAt"> {
  const [, at, id] = /^(\d{1,15})~(.+)$/s.exec(after) ?? [];
  if (at !== undefined && id !== undefined) return { createdAt: Number(at), id };
  throw new LociError(
    "invalid",
    `The cursor ${JSON.stringify(after.slice(0, 60))} is not one of this list.`,
    {
      next: "Ask again without it, then go on with the `next` of that answer.",
    },
  );
}

export const addTask: Operation = operation({
  name: "task add",
  summary: "make a task that agents can claim",
  access: "write",
  params: {
    title: { kind: "string", positional: true, required: true, summary: "what is to be done" },
    swarm: { ...swarmFlag("the swarm it is for"), default: "default" },
    id: { kind: "string", summary: "its id, if you want to choose it", placeholder: "ID" },
    input: { kind: "string", summary: "what it needs to know: JSON, or else a text", placeholder: "JSON" },
    kind: { kind: "string", default: "task", summary: "what sort of work it is" },
    priority: { kind: "integer", default: 0, min: -1000, max: 1000, summary: "the higher, the sooner" },
    at: { kind: "time", summary: "not before this" },
    dependsOn: { kind: "list", summary: "a task that has to be done before", placeholder: "ID" },
    onFailure: {
      kind: "enum",
      choices: ["cascade", "continue"],
      default: "cascade",
      summary: "what it does where one of those is dead: it is cancelled, or goes on",
    },
    region: { kind: "string", summary: "for agents of this region, at first" },
    capability: { kind: "list", summary: "what an agent has to be able to do", placeholder: "WORD" },
    key: { kind: "string", summary: "a task with this key is not made twice" },
    attempts: { kind: "integer", default: 3, min: 1, max: 1000, summary: "how often it is tried" },
  },
  async run(loci, input): Promise<ChangedTask> {
    const { task, created } = await loci.tasks.create({
      swarm: input.swarm,
      id: input.id,
      title: input.title,
      kind: input.kind,
      input: readJson(input.input),
      priority: input.priority,
      runAt: input.at,
      dependsOn: input.dependsOn,
      onDependencyFailure: input.onFailure,
      region: input.region,
      capabilities: input.capability,
      idempotencyKey: input.key,
      maxAttempts: input.attempts,
    });
    return { task: taskItem(task), changed: created };
  },
});

function readJson(text: string | undefined): unknown {
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const showTask: Operation = operation({
  name: "task show",
  summary: "show a task: its state, its attempts, what it waits for",
  access: "read",
  params: { id: taskParam },
  async run(loci, { id }): Promise<TaskAnswer> {
    const { task, dependsOn, dependents, attempts } = await loci.tasks.get(id);
    return {
      task: taskItem(task),
      dependsOn,
      dependents,
      attempts: attempts.map((row) => ({
        ...row,
        assignedAt: isoTime(row.assignedAt),
        endedAt: isoTime(row.endedAt),
      })),
    };
  },
});

export const retryTask: Operation = operation({
  name: "task retry",
  summary: "let a dead or cancelled task begin anew",
  access: "write",
  params: { id: taskParam },
  run: async (loci, { id }): Promise<ChangedTask> => ({
    task: taskItem(await loci.tasks.retry(id)),
    changed: true,
  }),
});

export const cancelTask: Operation = operation({
  name: "task cancel",
  summary: "cancel a task; an agent that works on it hears of it when it renews",
  access: "write",
  params: { id: taskParam, reason: { kind: "string", summary: "why, for those who look at it later" } },
  async run(loci, { id, reason }): Promise<ChangedTask> {
    const before = (await loci.tasks.get(id)).task.status;
    const task = await loci.tasks.cancel(id, reason);
    return { task: taskItem(task), changed: task.status !== before };
  },
});

export const assignTask: Operation = operation({
  name: "task assign",
  summary: "give a task to one idle agent of the nearest region",
  access: "write",
  params: {
    id: taskParam,
    agent: { kind: "string", summary: "only this agent", placeholder: "ID" },
    region: { kind: "string", summary: "only agents of this region" },
    from: { kind: "string", summary: "near as seen from there; default: from here", placeholder: "REGION" },
  },
  async run(loci, { id, agent, region, from }): Promise<ChangedTask> {
    const assigned = await loci.tasks.assign(id, { agent, region, from });
    if (assigned) return { task: taskItem(assigned.task), changed: true };
    const { swarmId, capabilities } = (await loci.tasks.get(id)).task;
    const asked =
      Array.isArray(capabilities) && capabilities.length > 0 ? ` with ${capabilities.join(", ")}` : "";
    const who = agent ?? `no agent${asked}${region === undefined ? "" : ` in ${region}`}`;
    const state = agent === undefined ? "is idle and healthy" : "is not idle, not healthy, or cannot do it";
    throw new LociError("busy", `${id} was not assigned: ${who} ${state} in swarm ${swarmId}.`, {
      next: `loci swarm ${swarmId}`,
    });
  },
});

export function taskItem(task: Task): TaskItem {
  const { lane: _lane, rank: _rank, ...shown } = task;
  return {
    ...shown,
    dueAt: isoTime(task.dueAt),
    spillAt: isoTime(task.spillAt),
    claimedAt: isoTime(task.claimedAt),
    createdAt: isoTime(task.createdAt),
    settledAt: isoTime(task.settledAt),
  };
}
