import { type Engine, guard, insert, update } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { agents, type SwarmMember, swarmMembers } from "../../model/agent.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, taskAssignments, tasks } from "../../model/task.ts";
import { type Clock, leaseEnd } from "../clock.ts";
import { healthLimits } from "../swarm.ts";
import { memberId } from "./attempt.ts";
import { findFree } from "./claim.ts";
import { createHandOut, findAssigned } from "./hand-out.ts";
import { assignmentOf } from "./held.ts";
import { nextTask } from "./next.ts";
import type { CompletedAll, Tasks } from "./tasks.ts";
import { startWork } from "./work.ts";

export interface AssignOptions {
  /** Only this agent. */
  readonly agent?: string | undefined;
  /** Only agents of this region. */
  readonly region?: string | undefined;
  /** Regions are near or far as seen from there. Default: from here. */
  readonly from?: string | undefined;
  /** How long the agent has to renew, and to notice that it was given something. Default 30 s. */
  readonly lease?: Millis | undefined;
}

export interface Assigned {
  /** As its agent has it: a lease to renew and to complete with. */
  readonly task: Task;
  readonly agentId: string;
  readonly region: string | null;
}

export interface Assignment {
  /**
   * Gives a task that is ready to one idle agent, in one step: the task is running with a lease and a fence, the agent
   * is working on it, and nobody else got either. Null: no agent that could do it is idle. Errors: `not-found` (no
   * such task, no region to choose from), `invalid` (settled, or it waits for others), `busy` (somebody has it).
   */
  readonly assign: (task: string | Pick<Task, "id">, options?: AssignOptions) => Promise<Assigned | null>;
  /** What the agent was given, begun or not; its fence is that of the lease. */
  readonly assigned: (who: { readonly swarm?: string; readonly agent: string }) => Promise<Task[]>;
}

/** A region that agents work in. */
export interface AssignableRegion {
  readonly edgeRegion: string;
  readonly healthy: boolean;
  readonly latencyMs: number | null;
}

export interface AssignmentParts {
  readonly now: Clock;
  readonly random?: () => number;
  readonly tasks: Tasks;
  readonly regions: (query: { readonly from?: string | undefined }) => Promise<readonly AssignableRegion[]>;
}

const idleStatuses = ["idle", "ready"] as const;

/** Behind all that were measured, and behind all that answer. */
const [unmeasured, silent] = [1e9, 1e12];

/** Each turn that fails, somebody else's assignment, claim or heartbeat was done. */
const turns = 64;

/** Tasks, with assignment. Whatever claims for an agent gets first what was assigned to it, once. */
export function createAssignment(engine: Engine, parts: AssignmentParts): Tasks & Assignment {
  const { now, random = Math.random } = parts;
  const before = createHandOut(engine, now);

  const assign: Assignment["assign"] = async (given, options = {}) => {
    const id = typeof given === "string" ? given : given.id;
    for (let turn = 0; turn < turns; turn++) {
      const at = await now();
      const task = await findFree(engine, id, at);
      refuseUnready(task, at);
      const member = await chooseAgent(engine, task, { ...options, parts, at, random });
      if (!member) return null;
      const assigned = await give(engine, task, { member, at, lease: options.lease ?? 30_000 });
      if (assigned) return assigned;
    }
    throw new LociError("busy", `${id} was not assigned: agents and tasks kept changing.`, {
      next: "Ask again.",
    });
  };

  const own: Tasks & Assignment = {
    ...parts.tasks,
    assign,
    assigned: ({ swarm = "default", agent }) => findAssigned(engine, swarm, agent),
    claim: (options) =>
      before(options, async (limit) => (limit < 1 ? [] : parts.tasks.claim({ ...options, limit }))),
    completeAndClaim: (lease, result, options) =>
      before(
        options,
        async (limit) => {
          if (limit >= 1) return parts.tasks.completeAndClaim(lease, result, { ...options, limit });
          await parts.tasks.complete(lease, result);
          return [];
        },
        [lease.id],
      ),
    async completeAll(completions, options) {
      if (options === undefined) return parts.tasks.completeAll(completions);
      let errors: CompletedAll["errors"] = [];
      const hand = async (limit: number): Promise<Task[]> => {
        const claiming = limit < 1 ? undefined : { ...options, limit };
        const answer = await parts.tasks.completeAll(completions, claiming);
        ({ errors } = answer);
        return answer.claimed;
      };
      const handedIn = completions.map(({ lease }) => lease.id);
      const claimed = await before(options, hand, handedIn);
      return { errors, claimed };
    },
    next: (options) => nextTask({ engine, now, random, claim: own.claim }, options),
    work: (options, worker) => startWork({ engine, now, random, tasks: own }, options, worker),
  };
  return own;
}

function refuseUnready(task: Task, at: Millis): void {
  const { id, status } = task;
  if (status === "ready" && task.dueAt <= at) return;
  const next = `loci task show ${id}`;
  if (status === "ready") {
    const due = new Date(task.dueAt).toISOString();
    throw new LociError("busy", `${id} is not assigned before ${due}, when it is due.`, { next });
  }
  if (status === "running") {
    const who = task.agentId ?? "somebody";
    throw new LociError("busy", `${id} is not assigned: ${who} has it.`, { next });
  }
  const why = status === "blocked" ? "it waits for other tasks" : `it is ${status}`;
  throw new LociError("invalid", `${id} is not assigned: ${why}.`, { next });
}

interface Choosing extends AssignOptions {
  readonly parts: AssignmentParts;
  readonly at: Millis;
  readonly random: () => number;
}

/** An idle and healthy agent that can do it, in the best region that has one; any of them, so that few meet. */
async function chooseAgent(engine: Engine, task: Task, choosing: Choosing): Promise<SwarmMember | undefined> {
  const { agent, random } = choosing;
  const [regions, able] = await Promise.all([
    agent === undefined ? regionsFor(task, choosing) : undefined,
    ableAgents(engine, task, choosing),
  ]);
  if (agent !== undefined && able.length === 0) await refuseUnknown(engine, task.swarmId, agent);
  const idle = new Map<string | null, number>();
  for (const { region } of able) idle.set(region, (idle.get(region) ?? 0) + 1);
  const allowed = able.filter(({ region }) => regions?.only === undefined || regions.only === region);
  const best = (regions?.rank ?? [])
    .toSorted((a, b) => a.place - b.place || (idle.get(b.region) ?? 0) - (idle.get(a.region) ?? 0))
    .find(({ region }) => idle.has(region));
  const nearest = best && !regions?.only ? allowed.filter(({ region }) => region === best.region) : allowed;
  return nearest[Math.floor(random() * nearest.length)];
}

async function ableAgents(engine: Engine, task: Task, { agent, at }: Choosing): Promise<SwarmMember[]> {
  const { swarmId } = task;
  const members = await engine.find(swarmMembers, {
    orderBy: [["agentId", "up"]],
    where: {
      swarmId,
      ...(agent === undefined ? {} : { agentId: agent }),
      status: { anyOf: idleStatuses },
      currentTask: null,
      lastHeartbeat: { from: at - healthLimits.healthy },
    },
  });
  if (members.length === 0) return [];
  const agentId = { anyOf: members.map((member) => member.agentId) };
  const [about, held] = await Promise.all([
    engine.find(agents, { where: { agentId }, fields: ["agentId", "capabilities", "edgeRegion"] }),
    engine.find(tasks, { where: { swarmId, status: "running", agentId }, fields: ["agentId"] }),
  ]);
  const known = new Map(about.map((row) => [row.agentId, row]));
  const busy = new Set(held.map((row) => row.agentId));
  return members.flatMap((member) => {
    const row = known.get(member.agentId);
    if (busy.has(member.agentId) || !canDo(task, row?.capabilities)) return [];
    return [{ ...member, region: member.region ?? row?.edgeRegion ?? null }];
  });
}

function canDo(task: Task, capabilities: unknown): boolean {
  const has: readonly unknown[] = Array.isArray(capabilities) ? capabilities : [];
  const asked: readonly unknown[] = Array.isArray(task.capabilities) ? task.capabilities : [];
  return asked.every((one) => has.includes(one));
}

async function refuseUnknown(engine: Engine, swarmId: string, agent: string): Promise<void> {
  const where = { id: memberId(swarmId, agent) };
  if ((await engine.find(swarmMembers, { where, limit: 1, fields: ["id"] })).length > 0) return;
  throw new LociError("not-found", `Agent ${JSON.stringify(agent)} is not registered in ${swarmId}.`, {
    next: `loci swarm ${swarmId}`,
  });
}

interface Preference {
  /** No other region will do. */
  readonly only?: string;
  /** The lowest place first; regions of one place are as near. */
  readonly rank: ReadonlyArray<{ readonly region: string; readonly place: number }>;
}

async function regionsFor(task: Task, { region, from, parts, at }: Choosing): Promise<Preference> {
  const own = region ?? task.region;
  // A task keeps to its region until it spills; a caller who names one means it.
  if (own !== null && (region !== undefined || task.spillAt > at)) return { only: own, rank: [] };
  const known = await parts.regions({ from });
  if (known.length === 0 && own === null) {
    throw new LociError("not-found", `No region is registered, so none can be chosen for ${task.id}.`, {
      next: "loci edge add REGION --url URL, or name a region or an agent",
    });
  }
  const rank = known.map((one) => ({
    region: one.edgeRegion,
    place: (one.latencyMs ?? unmeasured) + (one.healthy ? 0 : silent),
  }));
  return { rank: own === null ? rank : [{ region: own, place: -1 }, ...rank] };
}

/** Undefined: the task or the agent is not as it was thought to be, and nothing was done. */
async function give(
  engine: Engine,
  task: Task,
  { member, at, lease }: { readonly member: SwarmMember; readonly at: Millis; readonly lease: Millis },
): Promise<Assigned | undefined> {
  const { agentId, region } = member;
  const patch = {
    status: "running",
    agentId,
    claimedAt: at,
    dueAt: leaseEnd(at, lease),
    progress: null,
    progressNote: null,
  } as const;
  const now: Task = { ...task, ...patch, attempts: task.attempts + 1, fence: task.fence + 1 };
  const row = { ...assignmentOf(now, { at, outcome: "running", error: null }), edgeRegion: region };
  const [touched] = await engine.write([
    // The task before the agent, as where an attempt ends: who locks in one order never waits in a circle.
    guard(
      update(
        tasks,
        { id: task.id, status: "ready", fence: task.fence },
        { ...patch, attempts: now.attempts, fence: now.fence },
      ),
    ),
    guard(insert(taskAssignments, [row])),
    guard(
      update(
        swarmMembers,
        { id: member.id, status: { anyOf: idleStatuses }, currentTask: null },
        { status: "working", currentTask: task.id },
      ),
    ),
  ]);
  if (touched !== 1) return undefined;
  // The agent that waits for a task learns that it has one.
  engine.wake?.tell(tasks);
  return { task: now, agentId, region };
}
