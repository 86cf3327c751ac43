import { type Change, type Engine, insert, type Patch, update } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import {
  type Agent,
  type AgentStatus,
  agentStatuses,
  agents,
  type SwarmMember,
  swarmMembers,
} from "../model/agent.ts";
import type { Millis } from "../model/collection.ts";
import { type Task, type TaskStatus, taskAssignments, tasks } from "../model/task.ts";
import { type Activity, type ActivityLimits, activityLimits, activityOf, finishedWork } from "./activity.ts";
import { type Blackboard, createBlackboard } from "./blackboard.ts";
import type { Clock } from "./clock.ts";
import { costsOf, type UnmatchedRegion, unmatchedRegions } from "./swarm-figures.ts";
import { memberId } from "./tasks/attempt.ts";
import { createVotes, type Votes } from "./votes.ts";

export type Health = "healthy" | "warning" | "unhealthy";

export interface HealthLimits extends ActivityLimits {
  /** Healthy up to that long after the last heartbeat; default 30 s. */
  readonly healthy: Millis;
  /** Then warning, up to that; default 60 s. Beyond, unhealthy. */
  readonly warning: Millis;
}

export const healthLimits: HealthLimits = {
  healthy: 30_000,
  warning: 60_000,
  ...activityLimits,
};

export interface NewAgent {
  readonly agent: string;
  readonly type?: string | undefined;
  readonly region?: string | undefined;
  readonly capabilities?: readonly string[] | undefined;
}

/** One agent of a swarm: what it says, how it is, what it holds, what it did. */
export interface AgentReport {
  readonly agentId: string;
  readonly type: string | null;
  readonly region: string | null;
  readonly capabilities: unknown;
  readonly status: AgentStatus;
  readonly epoch: number;
  readonly lastHeartbeat: Millis;
  readonly health: Health;
  readonly activity: Activity;
  /** What it says it works on, else the task whose lease it holds. */
  readonly currentTask: string | null;
  /** Tasks it holds, the earliest end of a lease first. */
  readonly tasks: ReadonlyArray<Pick<Task, "id" | "title" | "dueAt" | "progress">>;
  readonly done: number;
  readonly failed: number;
  /** Work of the last hour: attempts that it ended, failed ones too, and metrics that are of no task. */
  readonly tasksCompleted: number;
  readonly avgTaskDurationMs: number | null;
  /** When it last finished something; null where it never did. */
  readonly lastActivity: Millis | null;
  /** What its sessions cost since it joined, US dollars; null where none was recorded. */
  readonly costUsd: number | null;
}

export interface SwarmReport {
  readonly swarmId: string;
  readonly at: Millis;
  readonly agents: readonly AgentReport[];
  readonly health: Readonly<Record<Health, number>>;
  readonly tasks: Readonly<Record<TaskStatus, number>>;
  /** Regions that tasks wait for, and where no agent is that is not silent. */
  readonly unmatched: readonly UnmatchedRegion[];
}

export interface Beat {
  readonly status?: AgentStatus | undefined;
  readonly currentTask?: string | null | undefined;
}

export interface Swarm {
  readonly id: string;
  /** Again is fine: a live agent keeps its status and its task, and is an epoch older. */
  readonly register: (agents: NewAgent | readonly NewAgent[]) => Promise<SwarmMember[]>;
  /** For all agents of a process in one write. `not-found` where one is not registered. */
  readonly heartbeat: (agents: string | readonly string[], beat?: Beat) => Promise<void>;
  /** All agents that were ever registered, silent ones too. */
  readonly agents: () => Promise<AgentReport[]>;
  readonly status: () => Promise<SwarmReport>;
  /** Values that its agents share. */
  readonly blackboard: Blackboard;
  /** Decisions that its agents take together. */
  readonly votes: Votes;
}

export interface SwarmParts {
  readonly now: Clock;
  readonly limits?: Partial<HealthLimits>;
}

const hour = 3_600_000;

export function createSwarm(engine: Engine, swarmId: string, { now, limits }: SwarmParts): Swarm {
  const bounds = { ...healthLimits, ...limits };
  const idOf = (agentId: string): string => memberId(swarmId, agentId);

  async function register(given: NewAgent | readonly NewAgent[]): Promise<SwarmMember[]> {
    const list = isList(given) ? given : [given];
    const at = await now();
    await engine.write(list.flatMap((agent) => registration(agent, { swarmId, id: idOf(agent.agent), at })));
    const ids = list.map(({ agent }) => idOf(agent));
    return engine.find(swarmMembers, { where: { id: { anyOf: ids } } });
  }

  async function heartbeat(given: string | readonly string[], beat: Beat = {}): Promise<void> {
    const names = [...new Set(typeof given === "string" ? [given] : given)];
    const { status, currentTask } = beat;
    checkStatus(status);
    const at = await now();
    const ids = names.map(idOf);
    const [touched = 0] = await engine.write([
      update(
        swarmMembers,
        { id: { anyOf: ids } },
        {
          lastHeartbeat: at,
          ...(status === undefined ? {} : { status }),
          ...(currentTask === undefined ? {} : { currentTask }),
        },
      ),
      update(agents, { agentId: { anyOf: names } }, { lastHeartbeat: at }),
    ]);
    if (touched === names.length) return;
    const known = await engine.find(swarmMembers, { where: { id: { anyOf: ids } }, fields: ["agentId"] });
    const missing = names.find((name) => !known.some(({ agentId }) => agentId === name)) ?? "";
    throw new LociError(
      "not-found",
      `Agent ${JSON.stringify(missing)} is not registered in ${JSON.stringify(swarmId)}.`,
      { next: "Call register first." },
    );
  }

  const reports = async (at: Millis): Promise<AgentReport[]> => readReports(engine, swarmId, { at, bounds });
  const board = createBlackboard(engine, swarmId, { now });
  const registered = async (): Promise<string[]> => {
    const members = await engine.find(swarmMembers, { where: { swarmId }, fields: ["agentId"] });
    return members.map(({ agentId }) => agentId);
  };
  return {
    id: swarmId,
    blackboard: board,
    votes: createVotes(board, registered),
    register,
    heartbeat,
    agents: async () => reports(await now()),
    async status() {
      const at = await now();
      const [all, counts] = await Promise.all([reports(at), countTasks(engine, swarmId)]);
      const health = { healthy: 0, warning: 0, unhealthy: 0 };
      for (const agent of all) health[agent.health]++;
      const unmatched = await unmatchedRegions(engine, swarmId, all);
      return { swarmId, at, agents: all, health, tasks: counts, unmatched };
    },
  };
}

/** Who says what no one understands would be idle for ever. */
function checkStatus(status: AgentStatus | undefined): void {
  if (status === undefined || agentStatuses.includes(status)) return;
  throw new LociError("invalid", `status is one of ${agentStatuses.join(", ")}, not ${String(status)}.`);
}

function isList(given: NewAgent | readonly NewAgent[]): given is readonly NewAgent[] {
  return Array.isArray(given);
}

/** A row that is there keeps what is not said again: its status, its task, its region. */
function registration(
  { agent, type, region, capabilities }: NewAgent,
  { swarmId, id, at }: { readonly swarmId: string; readonly id: string; readonly at: Millis },
): Change[] {
  const said: Patch<Agent> = {
    lastHeartbeat: at,
    ...(type === undefined ? {} : { type }),
    ...(region === undefined ? {} : { edgeRegion: region }),
    ...(capabilities === undefined ? {} : { capabilities }),
  };
  const fresh: Agent = {
    agentId: agent,
    type: null,
    edgeRegion: null,
    capabilities: null,
    registeredAt: at,
    lastHeartbeat: at,
  };
  const member: SwarmMember = {
    id,
    swarmId,
    agentId: agent,
    status: "ready",
    currentTask: null,
    region: null,
    lastHeartbeat: at,
    epoch: 0,
    registeredAt: at,
  };
  return [
    insert(agents, [fresh]),
    update(agents, { agentId: agent }, said),
    insert(swarmMembers, [member]),
    update(
      swarmMembers,
      { id },
      { lastHeartbeat: at, epoch: { add: 1 }, ...(region === undefined ? {} : { region }) },
    ),
  ];
}

async function readReports(
  engine: Engine,
  swarmId: string,
  { at, bounds }: { readonly at: Millis; readonly bounds: HealthLimits },
): Promise<AgentReport[]> {
  const members = await engine.find(swarmMembers, { where: { swarmId } });
  const names = members.map(({ agentId }) => agentId);
  const [known, held, outcomes, work] = await Promise.all([
    engine.find(agents, { where: { agentId: { anyOf: names } } }),
    engine.find(tasks, { where: { swarmId, status: "running" }, orderBy: [["dueAt", "up"]], limit: 10_000 }),
    engine.rollup(taskAssignments, {
      by: ["agentId", "outcome"],
      where: { swarmId },
      measures: { count: "count" },
    }),
    finishedWork(engine, { swarmId, since: at - hour, agents: names }),
  ]);
  const costs = await costsOf(engine, members);
  const about = new Map(known.map((row) => [row.agentId, row]));
  const reports = members.map((member): AgentReport => {
    const mine = outcomes.filter(({ agentId }) => agentId === member.agentId);
    const count = (outcome: string): number => mine.find((row) => row.outcome === outcome)?.count ?? 0;
    const holds = held.filter(({ agentId }) => agentId === member.agentId);
    const finished = work.get(member.agentId);
    const lastActivity = finished?.last ?? null;
    const agent = about.get(member.agentId);
    return {
      agentId: member.agentId,
      type: agent?.type ?? null,
      region: member.region ?? agent?.edgeRegion ?? null,
      capabilities: agent?.capabilities ?? null,
      status: member.status,
      epoch: member.epoch,
      lastHeartbeat: member.lastHeartbeat,
      health: healthOf(at - member.lastHeartbeat, bounds),
      activity: activityOf(lastActivity === null ? null : at - lastActivity, bounds),
      currentTask: member.currentTask ?? holds[0]?.id ?? null,
      tasks: holds.map(({ id, title, dueAt, progress }) => ({ id, title, dueAt, progress })),
      done: count("done"),
      failed: count("failed") + count("expired"),
      tasksCompleted: finished?.completed ?? 0,
      avgTaskDurationMs: finished?.meanMs ?? null,
      costUsd: costs.get(member.agentId) ?? null,
      lastActivity,
    };
  });
  return reports.sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
}

export function healthOf(silence: Millis, { healthy, warning }: HealthLimits = healthLimits): Health {
  return silence <= healthy ? "healthy" : silence <= warning ? "warning" : "unhealthy";
}

export async function countTasks(engine: Engine, swarmId: string): Promise<Record<TaskStatus, number>> {
  const groups = await engine.rollup(tasks, {
    by: ["status"],
    where: { swarmId },
    measures: { count: "count" },
  });
  const counts = { blocked: 0, ready: 0, running: 0, done: 0, dead: 0, cancelled: 0 };
  for (const { status, count } of groups) counts[status] = count ?? 0;
  return counts;
}
