import { errorCode, LociError } from "../../errors.ts";
import {
  agentStatuses,
  beatAgent,
  type BeatAnswer,
  registerAgent,
  type RegisteredAgent,
} from "../../operations/coordination.ts";
import { type AgentItem, showSwarm, type SwarmAnswer } from "../../operations/swarm.ts";
import { counted } from "../cli/people.ts";
import { type Entry, shortList } from "./fit.ts";
import { age, clipped, named, quoted } from "./recalled.ts";
import { ask, quietMaxTokens, type Tool, type ToolCall } from "./tool.ts";

export const text = { kind: "string", summary: "" } as const;
export const swarmId = { kind: "string", summary: "" } as const;
export const agentId = { kind: "string", required: true, summary: "" } as const;
export const words = { kind: "list", summary: "" } as const;
export const fence = { kind: "integer", summary: "" } as const;
export const lease = { kind: "integer", default: 300, min: 1, max: 86_400, summary: "" } as const;

/** The swarm that is meant where none is named. */
export function swarmOf({ input }: ToolCall): string {
  return String(input["swarm_id"] ?? "default");
}

/** `14:12:05`, UTC: what an agent needs of a moment that is near. */
export function clockTime(iso: string): string {
  return iso.slice(11, 19);
}

/** Runs what needs a registered agent, and says in this door's words that it is none. */
export async function asMember<Answer>(call: ToolCall, run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    if (errorCode(error) !== "not-found" || !/is not registered/.test(String(error))) throw error;
    const agent = call.input["agent_id"];
    throw new LociError(
      "not-found",
      `agent_id ${JSON.stringify(clipped(String(agent), 60))} is not registered in ${clipped(swarmOf(call), 60)}.`,
      { next: "Call register_agent first.", cause: error },
    );
  }
}

const registerAgentTool: Tool = {
  name: "register_agent",
  description: "Enter a swarm (usual: default). Then claim_task, and heartbeat each 30 s.",
  toolset: "swarm",
  operation: registerAgent,
  writes: { idempotent: true },
  params: {
    agent_id: agentId,
    swarm_id: swarmId,
    type: { ...text, hidden: true },
    region: text,
    capabilities: words,
  },
  async run(call) {
    const { input } = call;
    const member = await ask<RegisteredAgent>(registerAgent, call, {
      swarm: swarmOf(call),
      agent: input["agent_id"],
      type: input["type"],
      region: input["region"],
      capability: input["capabilities"],
    });
    return {
      text: `${named(member.agentId, 200)} is ${member.status} in ${named(member.swarmId, 200)}. claim_task asks for work.`,
      data: {
        swarm_id: member.swarmId,
        agent_id: member.agentId,
        status: member.status,
        region: member.region,
        epoch: member.epoch,
      },
    };
  },
};

const heartbeatTool: Tool = {
  name: "heartbeat",
  description:
    "Say that you live; with task_id and fence extend the lease, and hear if the task was cancelled.",
  toolset: "swarm",
  operation: beatAgent,
  writes: { idempotent: true },
  params: {
    agent_id: agentId,
    swarm_id: swarmId,
    status: {
      kind: "enum",
      choices: agentStatuses,
      summary: "",
      hidden: true,
    },
    task_id: text,
    fence,
    lease_s: { ...lease, hidden: true },
    progress: { kind: "number", max: 1, summary: "0 to 1" },
  },
  async run(call) {
    const { input } = call;
    const task = input["task_id"];
    const { lease: held } = await asMember(call, () =>
      ask<BeatAnswer>(beatAgent, call, {
        swarm: swarmOf(call),
        agent: input["agent_id"],
        status: input["status"],
        task,
        fence: input["fence"],
        lease: input["lease_s"],
        progress: input["progress"],
        note: undefined,
      }),
    );
    if (held === null) return { text: "Seen.", data: { lease: null } };
    const name = named(String(task), 200);
    const said = held.cancelled
      ? `${name} was cancelled: stop work on it.`
      : `${name} is yours until ${clockTime(held.until)} (${String(input["lease_s"])} s).`;
    return { text: said, data: { lease: { task_id: task, ...held } } };
  },
};

const swarmStatusTool: Tool = {
  name: "swarm_status",
  description: "Agents of a swarm, their health, status and task; tasks by state.",
  toolset: "swarm",
  operation: showSwarm,
  aliases: { swarmId: "swarm_id" },
  params: { swarm_id: swarmId, max_tokens: quietMaxTokens },
  async run(call) {
    const { room } = call;
    const {
      swarmId: id,
      at,
      health,
      tasks,
      agents,
    } = await ask<SwarmAnswer>(showSwarm, call, {
      id: swarmOf(call),
    });
    const states = (["healthy", "warning", "unhealthy"] as const).map((state) => `${health[state]} ${state}`);
    const work = Object.entries(tasks).flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []));
    const busy = work.length === 0 ? "no tasks" : `tasks: ${work.join(", ")}`;
    const head = `${named(id, 200)}: ${counted(agents.length, "agent")} (${states.join(", ")}); ${busy}`;
    const entries = agents.map((one) => agentEntry(one, Date.parse(at)));
    return shortList({ head, list: "agents", entries, data: { swarm_id: id, at, health, tasks } }, room);
  },
};

function agentEntry(agent: AgentItem, now: number): Entry {
  const { lastHeartbeat, currentTask, health, status, done, failed, region } = agent;
  const seen = Math.max(0, Math.round((now - Date.parse(lastHeartbeat)) / 1000));
  const held = agent.tasks.slice(0, 5);
  const titles = held.map(
    ({ id, title, leaseUntil }) => `${clipped(id, 60)} ${clipped(title, 80)} until ${clockTime(leaseUntil)}`,
  );
  const about = [
    `${named(agent.agentId, 60)} ${health}`,
    status,
    seen < 120 ? `seen ${seen} s ago` : `seen ${age(lastHeartbeat, now)}`,
    ...(region === null ? [] : [named(region, 40)]),
    `${done} done, ${failed} failed`,
  ];
  const lines = titles.length > 0 ? titles : currentTask === null ? [] : [clipped(currentTask, 60)];
  return {
    text: [about.join(" · "), ...lines.map(quoted)].join("\n"),
    data: {
      agent_id: clipped(agent.agentId, 60),
      status,
      current_task: currentTask === null ? null : clipped(currentTask, 60),
      health_status: health,
      activity: agent.activity,
      region: region === null ? null : clipped(region, 40),
      last_heartbeat: lastHeartbeat,
      done,
      failed,
      tasks_completed_last_hour: agent.tasksCompleted,
      avg_task_duration_ms: agent.avgTaskDurationMs,
    },
  };
}

export const swarmTools: readonly Tool[] = [registerAgentTool, heartbeatTool, swarmStatusTool];
