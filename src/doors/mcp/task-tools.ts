import type { Page } from "../../operations/answers.ts";
import { claimTask, type ClaimedTask, finishTask, type FinishedTask } from "../../operations/coordination.ts";
import {
  addTask,
  cancelTask,
  type ChangedTask,
  listTasks,
  retryTask,
  showTask,
  type TaskAnswer,
  type TaskItem,
} from "../../operations/tasks.ts";
import { fittedPage } from "./pages.ts";
import { type LongText, pieceOf, placeOf } from "./pieces.ts";
import { age, clipped, named, quoted } from "./recalled.ts";
import { agentId, asMember, clockTime, fence, lease, swarmId, swarmOf, text, words } from "./swarm-tools.ts";
import { ask, cursor, quietMaxTokens, type Tool } from "./tool.ts";

const taskId = { ...text, required: true } as const;

const createTaskTool: Tool = {
  name: "create_task",
  description: "Make a task for agents to claim. A dedupe_key never makes a second one.",
  toolset: "swarm",
  operation: addTask,
  writes: {},
  params: {
    title: { ...text, required: true },
    input: { kind: "json", of: "value", summary: "" },
    swarm_id: swarmId,
    task_id: text,
    kind: { ...text, hidden: true },
    priority: { kind: "integer", default: 0, min: -1000, max: 1000, summary: "" },
    depends_on: { ...words, summary: "task ids" },
    capabilities: words,
    region: text,
    dedupe_key: text,
  },
  async run(call) {
    const { input } = call;
    const { task, changed } = await ask<ChangedTask>(addTask, call, {
      title: input["title"],
      swarm: swarmOf(call),
      id: input["task_id"],
      input: input["input"] === undefined ? undefined : JSON.stringify(input["input"]),
      kind: input["kind"] ?? "task",
      priority: input["priority"],
      at: undefined,
      dependsOn: input["depends_on"],
      onFailure: "cascade",
      region: input["region"],
      capability: input["capabilities"],
      key: input["dedupe_key"],
      attempts: 3,
    });
    const id = named(task.id, 200);
    const key = clipped(task.idempotencyKey, 60);
    const waits = task.pendingDependencies > 0 ? `, behind ${task.pendingDependencies} others` : "";
    const said = changed
      ? `Queued as ${id}${waits}.`
      : `Already queued as ${id} (dedupe_key ${JSON.stringify(key)}). Nothing new made.`;
    return { text: said, data: { ...taskData(task), created: changed } };
  },
};

const claimTaskTool: Tool = {
  name: "claim_task",
  description: "Take the next task; no other agent gets it while the lease holds. Do it, then finish_task.",
  toolset: "swarm",
  operation: claimTask,
  writes: {},
  params: {
    agent_id: agentId,
    swarm_id: swarmId,
    kinds: { ...words, hidden: true },
    capabilities: { ...words, hidden: true },
    lease_s: lease,
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { input, room } = call;
    const seconds = Number(input["lease_s"]);
    const { task } = await asMember(call, () =>
      ask<ClaimedTask>(claimTask, call, {
        swarm: swarmOf(call),
        agent: input["agent_id"],
        kind: input["kinds"],
        capability: input["capabilities"],
        lease: seconds,
      }),
    );
    if (task === null) {
      return { text: "No task. Ask again in 5 s.", data: { task: null, retry_after_ms: 5_000 } };
    }
    const id = clipped(task.id, 200);
    const long = {
      ...inputOf(
        task,
        `${named(task.id, 200)} claimed until ${clockTime(task.dueAt)} (${seconds} s). Input:`,
      ),
      data: { ...taskData(task), lease_until: task.dueAt, fence: task.fence },
    };
    const how = `Finish with finish_task; extend with heartbeat. Both take "task_id":${JSON.stringify(id)},"fence":${task.fence}.`;
    const answer = pieceOf(long, { tool: "list_tasks", offset: 0, room: room - how.length });
    return { text: `${answer.text}\n${how}`, data: answer.data };
  },
};

const finishTaskTool: Tool = {
  name: "finish_task",
  description: "End a claimed task with its result, or with an error: then it is tried again unless final.",
  toolset: "swarm",
  operation: finishTask,
  writes: {},
  params: {
    task_id: taskId,
    fence: { ...fence, required: true },
    result: { kind: "json", of: "value", summary: "" },
    error: text,
    final: { kind: "boolean", summary: "" },
  },
  async run(call) {
    const { task_id: id, ...rest } = call.input;
    const { task, retryAt } = await ask<FinishedTask>(finishTask, call, { ...rest, id });
    const name = named(task.id, 200);
    const failed =
      retryAt === null ? "is dead: nobody tries it again" : `is tried again from ${clockTime(retryAt)}`;
    const said = rest["error"] === undefined ? `${name} is done.` : `${name} failed and ${failed}.`;
    return { text: `${said} claim_task asks for the next.`, data: { ...taskData(task), retry_at: retryAt } };
  },
};

const listTasksTool: Tool = {
  name: "list_tasks",
  description: "Tasks, newest first; with task_id that one whole: input, result, attempts.",
  toolset: "swarm",
  operation: listTasks,
  params: {
    swarm_id: text,
    status: {
      kind: "enum",
      choices: ["blocked", "ready", "running", "done", "dead", "cancelled"],
      summary: "",
    },
    task_id: text,
    limit: { kind: "integer", default: 10, min: 1, max: 50, summary: "", hidden: true },
    cursor,
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { input, context, room } = call;
    const { cursor: at, swarm_id: swarm, status, task_id: id } = input;
    // A list's cursor is `moment~id`.
    const place = /^\d+~/.test(String(at)) ? undefined : placeOf(at);
    if (place !== undefined || id !== undefined) {
      const answer = await ask<TaskAnswer>(showTask, call, { id: place?.id ?? id });
      return pieceOf(detailOf(answer, context.now()), {
        tool: "list_tasks",
        offset: place?.offset ?? 0,
        room,
      });
    }
    const names = ["swarm_id", "status", "limit"];
    return fittedPage(call, { tool: "list_tasks", list: "tasks", names }, async (limit) => {
      const asked = { swarm, status, limit, after: at };
      const { items, next } = await ask<Page<TaskItem>>(listTasks, call, asked);
      return {
        head: items.length === 0 ? "No task matches." : "Tasks, newest first",
        entries: items.map((item) => ({
          text: `${headOf(item, context.now())}\n${quoted(clipped(item.title, 200))}`,
          data: taskData(item),
        })),
        next: (shown) => (shown === items.length ? next : undefined),
      };
    });
  },
};

const updateTaskTool: Tool = {
  name: "update_task",
  description: "Cancel a task and what depends on it, or let one begin anew (ready).",
  toolset: "swarm",
  operation: cancelTask,
  writes: { destructive: true },
  params: {
    task_id: taskId,
    status: { kind: "enum", choices: ["cancelled", "ready"], required: true, summary: "cancelled or ready" },
    reason: { ...text, hidden: true },
  },
  async run(call) {
    const { task_id: id, reason, status } = call.input;
    const operation = status === "ready" ? retryTask : cancelTask;
    const { task, changed } = await ask<ChangedTask>(operation, call, { id, reason });
    const said = `${named(task.id, 200)} is ${task.status}${changed ? "" : " already"}.`;
    return { text: said, data: { ...taskData(task), changed } };
  },
};

function headOf(task: TaskItem, now: number): string {
  const { status, agentId: holder, priority, attempts, maxAttempts, progress } = task;
  return [
    `${named(task.id, 200)} ${status}`,
    ...(holder === null ? [] : [named(holder, 60)]),
    ...(priority === 0 ? [] : [`priority ${priority}`]),
    ...(attempts === 0 ? [] : [`attempt ${attempts} of ${maxAttempts}`]),
    ...(progress === null || status !== "running" ? [] : [`${Math.round(progress * 100)} %`]),
    ...(status === "running" ? [`lease until ${clockTime(task.dueAt)}`] : []),
    age(task.createdAt, now),
  ].join(" · ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function inputOf(task: TaskItem, head: string): LongText {
  return {
    id: task.id,
    head,
    title: task.title,
    text: textOf(task.input),
    name: "input",
    whole: { input: task.input },
    data: taskData(task),
  };
}

/** Its text begins with the input, so that the cursor of a claim goes on here. */
function detailOf({ task, dependsOn, dependents, attempts }: TaskAnswer, now: number): LongText {
  const { result, error, progressNote } = task;
  const ended = attempts.slice(-20).map((one) => ({
    agent_id: clipped(one.agentId, 60),
    outcome: one.outcome,
    ended_at: one.endedAt,
    duration_ms: one.durationMs,
    error: one.error === null ? null : clipped(one.error, 300),
  }));
  const more = [
    ...(result === null ? [] : [`result: ${textOf(result)}`]),
    ...(error === null ? [] : [`error: ${error}`]),
    ...(progressNote === null ? [] : [`note: ${progressNote}`]),
    ...(dependsOn.length === 0 ? [] : [`depends on: ${dependsOn.join(", ")}`]),
    ...(dependents.length === 0 ? [] : [`waiting for it: ${dependents.join(", ")}`]),
    ...ended.map((one) => `attempt: ${JSON.stringify(one)}`),
  ];
  const long = inputOf(task, headOf(task, now));
  return {
    ...long,
    text: [long.text, ...more].join("\n"),
    name: "detail",
    whole: {
      input: task.input,
      result,
      error,
      note: progressNote,
      depends_on: dependsOn,
      dependents,
      attempts_ended: ended,
    },
  };
}

function taskData(task: TaskItem): Record<string, unknown> {
  return {
    task_id: clipped(task.id, 200),
    swarm_id: clipped(task.swarmId, 200),
    title: clipped(task.title, 200),
    kind: clipped(task.kind, 60),
    status: task.status,
    priority: task.priority,
    agent_id: task.agentId === null ? null : clipped(task.agentId, 60),
    attempts: task.attempts,
    fence: task.fence,
    created_at: task.createdAt,
  };
}

export const taskTools: readonly Tool[] = [
  createTaskTool,
  claimTaskTool,
  finishTaskTool,
  listTasksTool,
  updateTaskTool,
];
