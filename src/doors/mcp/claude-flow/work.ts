import { LociError } from "../../../errors.ts";
import type { Page } from "../../../operations/answers.ts";
import { registerAgent, type RegisteredAgent } from "../../../operations/coordination.ts";
import { giveTask, moveTask } from "../../../operations/held-tasks.ts";
import { showSwarm, type SwarmAnswer } from "../../../operations/swarm.ts";
import {
  addTask,
  type ChangedTask,
  listTasks,
  showTask,
  type TaskAnswer,
  type TaskItem,
} from "../../../operations/tasks.ts";
import { counted } from "../../cli/people.ts";
import { clipped, named } from "../recalled.ts";
import { ask, quietMaxTokens, type Tool, type ToolCall } from "../tool.ts";
import { alias, given, type Said, text } from "./alias.ts";

const priorities: Readonly<Record<string, number>> = { low: -10, normal: 0, high: 10, critical: 100 };
const states = {
  ready: "pending",
  blocked: "pending",
  running: "in_progress",
  done: "completed",
  dead: "failed",
  cancelled: "cancelled",
} as const;
const steps = ["pending", "in_progress", "completed", "failed", "cancelled"] as const;
const any = { kind: "json", of: "value", summary: "" } as const;

/** Of one swarm, as claude-flow has one. */
function swarmOf({ input }: ToolCall): string {
  return String(input["swarmId"] ?? "default");
}

function taskData(task: TaskItem): Readonly<Record<string, unknown>> {
  return {
    taskId: clipped(task.id, 200),
    type: clipped(task.kind, 60),
    description: clipped(task.title, 500),
    status: states[task.status],
    priority: task.priority,
    assignedTo: task.agentId === null || task.status === "ready" ? [] : [clipped(task.agentId, 60)],
    progress: Math.round((task.progress ?? 0) * 100),
    createdAt: task.createdAt,
    completedAt: task.settledAt,
  };
}

function said({ task }: ChangedTask): Said {
  return { head: `${named(task.id, 200)} is ${states[task.status]}.`, data: taskData(task) };
}

const taskCreate: Tool = alias({
  name: "task_create",
  description: "Make a task; with assignTo it is that agent's, else anybody's who claims it.",
  operation: addTask,
  writes: {},
  params: {
    description: given,
    type: { ...text, default: "task" },
    priority: {
      kind: "enum",
      choices: ["low", "normal", "high", "critical"],
      default: "normal",
      summary: "",
    },
    assignTo: { kind: "list", summary: "" },
  },
  async run(call) {
    const { description: title, type: kind, priority, assignTo } = call.input;
    const made = await ask<ChangedTask>(addTask, call, {
      title,
      kind,
      swarm: swarmOf(call),
      priority: priorities[String(priority)] ?? 0,
      onFailure: "cascade",
      dependsOn: [],
      capability: [],
      attempts: 3,
    });
    const [agent] = Array.isArray(assignTo) ? assignTo : [];
    return said(
      agent === undefined ? made : await ask<ChangedTask>(giveTask, call, { id: made.task.id, agent }),
    );
  },
});

const taskAssign: Tool = alias({
  name: "task_assign",
  description:
    "Give a task to an agent for an hour, also where another has it; what that one sends is refused then.",
  operation: giveTask,
  writes: { idempotent: true },
  params: {
    taskId: given,
    agentIds: { kind: "list", summary: "the first gets it" },
    agentId: { ...text, hidden: true },
  },
  async run(call) {
    const { taskId: id, agentIds, agentId } = call.input;
    const [agent = agentId] = Array.isArray(agentIds) ? agentIds : [];
    if (agent === undefined) throw new LociError("invalid", "agentIds is missing: who gets the task.");
    return said(await ask<ChangedTask>(giveTask, call, { id, agent }));
  },
});

const taskStatus: Tool = alias({
  name: "task_status",
  description: "A task: its state, who has it, what came of it.",
  operation: showTask,
  params: { taskId: given, max_tokens: quietMaxTokens },
  async run(call) {
    const { task } = await ask<TaskAnswer>(showTask, call, { id: call.input["taskId"] });
    const { result, error } = task;
    return { head: said({ task, changed: false }).head, data: { ...taskData(task), result, error } };
  },
});

const taskUpdate: Tool = alias({
  name: "task_update",
  description: "Say how far a task is, or in which state; its holder needs no fence here.",
  operation: moveTask,
  writes: {},
  params: {
    taskId: given,
    status: { kind: "enum", choices: steps, summary: "" },
    progress: { kind: "number", max: 100, summary: "percent" },
  },
  async run(call) {
    const { taskId: id, status: to, progress } = call.input;
    return said(await ask<ChangedTask>(moveTask, call, { id, to, progress, agent: "claude-flow" }));
  },
});

const taskComplete: Tool = alias({
  name: "task_complete",
  description: "A task is done, with its result.",
  operation: moveTask,
  writes: {},
  params: { taskId: given, result: any },
  async run(call) {
    const { taskId: id, result } = call.input;
    const asked = { id, to: "completed", result, agent: "claude-flow" };
    return said(await ask<ChangedTask>(moveTask, call, asked));
  },
});

const taskCancel: Tool = alias({
  name: "task_cancel",
  description: "Cancel a task and what depends on it.",
  operation: moveTask,
  writes: { destructive: true, idempotent: true },
  params: { taskId: given, reason: text },
  async run(call) {
    const { taskId: id, reason } = call.input;
    return said(
      await ask<ChangedTask>(moveTask, call, { id, to: "cancelled", reason, agent: "claude-flow" }),
    );
  },
});

const taskList: Tool = alias({
  name: "task_list",
  description: "Tasks, newest first.",
  operation: listTasks,
  params: {
    status: { kind: "enum", choices: steps, summary: "" },
    limit: { kind: "integer", default: 50, min: 1, max: 500, summary: "" },
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { status, limit } = call.input;
    const asked = { limit: 1_000, swarm: swarmOf(call), status: undefined, after: undefined };
    const { items } = await ask<Page<TaskItem>>(listTasks, call, asked);
    const tasks = items.filter((task) => status === undefined || states[task.status] === status);
    const shown = tasks.slice(0, Number(limit)).map(taskData);
    return {
      head: counted(shown.length, "task"),
      data: { total: tasks.length },
      list: { name: "tasks", items: shown },
    };
  },
});

const agentSpawn: Tool = alias({
  name: "agent_spawn",
  description: "Enter an agent in the swarm. It starts no program.",
  operation: registerAgent,
  writes: { idempotent: true },
  params: { agentType: given, agentId: text },
  async run(call) {
    const { agentType: type, agentId } = call.input;
    const agent = agentId ?? `${String(type)}-${call.context.now().toString(36)}`;
    const asked = { swarm: swarmOf(call), agent, type, region: undefined, capability: [] };
    const member = await ask<RegisteredAgent>(registerAgent, call, asked);
    return {
      head: `${named(member.agentId, 200)} is ${member.status}.`,
      data: { success: true, agentId: member.agentId, agentType: type, status: member.status },
    };
  },
});

const agentList: Tool = alias({
  name: "agent_list",
  description: "The agents of the swarm.",
  operation: showSwarm,
  params: { max_tokens: quietMaxTokens },
  async run(call) {
    const { agents } = await ask<SwarmAnswer>(showSwarm, call, { id: swarmOf(call) });
    const items = agents.map((agent) => ({
      agentId: clipped(agent.agentId, 60),
      agentType: agent.type === null ? null : clipped(agent.type, 60),
      status: agent.status,
      health: agent.health,
      taskCount: agent.done,
    }));
    return { head: counted(items.length, "agent"), list: { name: "agents", items } };
  },
});

const swarmInit: Tool = alias({
  name: "swarm_init",
  description: "A swarm needs no set-up here: this answers its id. Topology and maxAgents are not used.",
  operation: showSwarm,
  params: { swarmId: text, topology: text, maxAgents: { kind: "integer", summary: "" } },
  async run(call) {
    const { swarmId, agents } = await ask<SwarmAnswer>(showSwarm, call, { id: swarmOf(call) });
    return { head: "Ready.", data: { success: true, swarmId, agentCount: agents.length } };
  },
});

const swarmStatus: Tool = alias({
  name: "swarm_status",
  description: "How many agents and tasks are in which state.",
  operation: showSwarm,
  params: { swarmId: text },
  async run(call) {
    const { swarmId, agents, health, tasks } = await ask<SwarmAnswer>(showSwarm, call, { id: swarmOf(call) });
    const { ready, blocked, running, done, dead, cancelled } = tasks;
    const counts = {
      pending: ready + blocked,
      in_progress: running,
      completed: done,
      failed: dead,
      cancelled,
    };
    const head = `${counted(agents.length, "agent")}, ${counts.in_progress} of ${Object.values(counts).reduce((a, b) => a + b)} tasks in progress`;
    return { head, data: { swarmId, status: "running", agentCount: agents.length, health, tasks: counts } };
  },
});

export const workAliases: readonly Tool[] = [
  taskCreate,
  taskAssign,
  taskStatus,
  taskUpdate,
  taskComplete,
  taskCancel,
  taskList,
  agentSpawn,
  agentList,
  swarmInit,
  swarmStatus,
];
