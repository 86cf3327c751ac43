import type { AgentReport } from "../domains/swarm.ts";
import type { UnmatchedRegion } from "../domains/swarm-figures.ts";
import type { TaskStatus } from "../model/task.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export type AgentItem = Omit<AgentReport, "lastHeartbeat" | "lastActivity" | "tasks"> & {
  readonly lastHeartbeat: string;
  readonly lastActivity: string | null;
  readonly tasks: ReadonlyArray<{
    readonly id: string;
    readonly title: string;
    readonly leaseUntil: string;
    readonly progress: number | null;
  }>;
};

export interface SwarmAnswer {
  readonly swarmId: string;
  readonly at: string;
  readonly health: Readonly<Record<"healthy" | "warning" | "unhealthy", number>>;
  readonly tasks: Readonly<Record<TaskStatus, number>>;
  readonly agents: readonly AgentItem[];
  /** Regions that tasks wait for, and where no agent is that is not silent. */
  readonly unmatched: ReadonlyArray<Omit<UnmatchedRegion, "spillAt"> & { readonly spillAt: string }>;
}

export const showSwarm: Operation = operation({
  name: "swarm",
  summary: "show the agents of a swarm: how they are, what they hold, what they did",
  access: "read",
  params: { id: { kind: "string", positional: true, required: true, summary: "the swarm" } },
  async run(loci, { id }): Promise<SwarmAnswer> {
    const { swarmId, at, health, tasks, agents, unmatched } = await loci.swarm(id).status();
    return {
      swarmId,
      at: isoTime(at),
      health,
      tasks,
      agents: agents.map(agentItem),
      unmatched: unmatched.map((row) => ({ ...row, spillAt: isoTime(row.spillAt) })),
    };
  },
});

function agentItem(agent: AgentReport): AgentItem {
  return {
    ...agent,
    lastHeartbeat: isoTime(agent.lastHeartbeat),
    lastActivity: isoTime(agent.lastActivity),
    tasks: agent.tasks.map(({ id, title, dueAt, progress }) => ({
      id,
      title,
      leaseUntil: isoTime(dueAt),
      progress,
    })),
  };
}
