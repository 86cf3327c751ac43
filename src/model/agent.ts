import { type Collection, id, integer, json, type Millis, optional, text, time } from "./collection.ts";

/** One agent, in whatever swarms it works: where it runs and what it can do. */
export interface Agent {
  readonly agentId: string;
  /** What it is or does: `claude-code`, `reviewer`. */
  readonly type: string | null;
  /** Where it runs; the tasks that ask for a region go to its agents first. */
  readonly edgeRegion: string | null;
  /** What it can do, as a list of words. */
  readonly capabilities: unknown;
  readonly registeredAt: Millis;
  readonly lastHeartbeat: Millis;
}

export const agents: Collection<Agent> = {
  name: "agents",
  key: "agentId",
  fields: {
    agentId: id,
    type: optional(text),
    edgeRegion: optional(text),
    capabilities: json,
    registeredAt: time,
    lastHeartbeat: time,
  },
  unique: [],
  indexes: [["lastHeartbeat"]],
};

/** What an agent says of itself. */
export type AgentStatus = (typeof agentStatuses)[number];
export const agentStatuses = ["idle", "ready", "working", "draining", "offline"] as const;

/** One agent as a member of one swarm. */
export interface SwarmMember {
  readonly id: string;
  readonly swarmId: string;
  readonly agentId: string;
  readonly status: AgentStatus;
  /** What it says it works on; the tasks it holds a lease of stand in `tasks`. */
  readonly currentTask: string | null;
  readonly region: string | null;
  readonly lastHeartbeat: Millis;
  /** How often it was registered: a process that was started again is the next epoch of its agent. */
  readonly epoch: number;
  readonly registeredAt: Millis;
}

export const swarmMembers: Collection<SwarmMember> = {
  name: "swarm_coordination",
  key: "id",
  fields: {
    id,
    swarmId: id,
    agentId: id,
    status: text,
    currentTask: optional(id),
    region: optional(text),
    lastHeartbeat: time,
    epoch: integer,
    registeredAt: time,
  },
  unique: [["swarmId", "agentId"]],
  indexes: [["swarmId", "lastHeartbeat"]],
  // Not insert: the id is made of the swarm's and the agent's.
  bySql: { may: ["update"] },
};
