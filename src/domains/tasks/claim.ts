import type { Change, Engine, Taking, Where } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { type Task, type TaskLane, taskLanes, tasks } from "../../model/task.ts";
import { leaseEnd } from "../clock.ts";
import { giveBack } from "./give-back.ts";
import { findTask } from "./held.ts";
import { ifAssigned, settle, settleChanges, settled, settleTogether, type Settling } from "./settle.ts";

export interface ClaimOptions {
  readonly swarm?: string | undefined;
  readonly agent: string;
  /** Only these kinds; all without it. */
  readonly kinds?: readonly string[] | undefined;
  /** What the agent can do. */
  readonly capabilities?: readonly string[] | undefined;
  readonly region?: string | undefined;
  readonly limit?: number | undefined;
  /** How long it is the agent's without a renewal. */
  readonly lease?: Millis | undefined;
}

/** A lane that was made within this time may not be seen, unless nothing else is there to do. */
const lanesKnownFor = 1_000;
/** A lease that ended is noticed this much later at most by an agent that keeps asking. */
const reclaimEvery = 250;

type Head = Pick<Task, "dueAt"> & { readonly lane: TaskLane; readonly rank: number | undefined };

export interface Claims {
  readonly claim: (options: ClaimOptions, at: Millis) => Promise<Task[]>;
  /** Settles one task and claims the next in one step. Undefined: the one could not be settled, and nothing was done. */
  readonly exchange: (settling: Settling, options: ClaimOptions) => Promise<Task[] | undefined>;
  /** Settles several tasks, as {@link settleTogether} can, and claims in one step. Undefined: nothing was done. */
  readonly exchangeAll: (
    settlings: readonly Settling[],
    options: ClaimOptions,
    at: Millis,
  ) => Promise<Task[] | undefined>;
}

export function createClaims(engine: Engine): Claims {
  const known = new Map<string, { readonly lanes: readonly TaskLane[]; readonly at: Millis }>();
  let reclaimedAt = Number.NEGATIVE_INFINITY;

  async function lanesOf(swarmId: string, at: Millis, wanted: Millis): Promise<readonly TaskLane[]> {
    const before = known.get(swarmId);
    if (before && at - before.at < wanted) return before.lanes;
    const lanes = await engine.find(taskLanes, { where: { swarmId } });
    if (known.size > 100) known.clear();
    known.set(swarmId, { lanes, at });
    return lanes;
  }

  const claim = async (options: ClaimOptions, at: Millis): Promise<Task[]> => {
    if (Math.abs(at - reclaimedAt) >= reclaimEvery) {
      reclaimedAt = at;
      await reclaim(engine, at);
    }
    const swarmId = options.swarm ?? "default";
    const claimed = await claimFrom(engine, await lanesOf(swarmId, at, lanesKnownFor), { ...options, at });
    if (claimed.length > 0) return claimed;
    const before = known.get(swarmId)?.lanes;
    const lanes = await lanesOf(swarmId, at, 0);
    return lanes.length === before?.length ? [] : claimFrom(engine, lanes, { ...options, at });
  };

  const exchangeWith = async (
    preparing: Change[] | Promise<Change[]>,
    options: ClaimOptions,
    at: Millis,
  ): Promise<Task[] | undefined> => {
    const claiming = { ...options, at };
    const lanes = await lanesOf(options.swarm ?? "default", at, lanesKnownFor);
    const [changes, [best, next]] = await Promise.all([preparing, headsOf(engine, lanes, claiming)]);
    if (best === undefined) {
      const [touched] = await engine.write(changes);
      return touched === 1 ? claim(options, at) : undefined;
    }
    const parts = { claiming, limit: options.limit ?? 1, rank: next?.rank };
    const { counts, taken } = await engine.exchange(changes, taking(best.lane, parts));
    if (counts[0] !== 1) return undefined;
    return taken.length > 0 ? taken : claim(options, at);
  };
  const exchangeOnce = async (settling: Settling, options: ClaimOptions): Promise<Task[] | undefined> => {
    const claimed = await exchangeWith(settleChanges(engine, settling), options, settling.at);
    if (claimed !== undefined) settled(engine, settling);
    return claimed;
  };
  const exchange: Claims["exchange"] = async (settling, options) => {
    const claimed = await exchangeOnce(settling, options);
    if (claimed !== undefined) return claimed;
    const again = await ifAssigned(engine, settling);
    return again && exchangeOnce(again, options);
  };
  return {
    claim,
    exchange,
    exchangeAll: (settlings, options, at) => exchangeWith(settleTogether(settlings), options, at),
  };
}

type Claiming = ClaimOptions & { readonly at: Millis };

async function claimFrom(engine: Engine, lanes: readonly TaskLane[], claiming: Claiming): Promise<Task[]> {
  const { limit = 1 } = claiming;
  const claimed: Task[] = [];
  // Another agent may take what was seen at the head: then we look again, but not for ever.
  for (let misses = 0; claimed.length < limit && misses < 4; ) {
    const [best, next] = await headsOf(engine, lanes, claiming);
    if (!best) break;
    const parts = { claiming, limit: limit - claimed.length, rank: next?.rank };
    const { from, query, patch } = taking(best.lane, parts);
    const got = await engine.take(from, query, patch);
    if (best.rank === undefined) return got;
    if (got.length === 0) misses++;
    claimed.push(...got);
  }
  return claimed;
}

/** Where the next task for this agent may be, the best first. Of one lane alone nothing has to be known before. */
async function headsOf(engine: Engine, lanes: readonly TaskLane[], claiming: Claiming): Promise<Head[]> {
  const mine = lanes.filter((lane) => fits(lane, claiming));
  const [only] = mine;
  if (only && mine.length === 1) return [{ lane: only, rank: undefined, dueAt: 0 }];
  const heads = (await Promise.all(mine.map((lane) => headOf(engine, lane, claiming)))).flat();
  const near = (head: Head): number => (isSpilled(head.lane, claiming) ? 1 : 0);
  return heads.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || near(a) - near(b) || a.dueAt - b.dueAt);
}

function fits(lane: TaskLane, { kinds, capabilities = [] }: Claiming): boolean {
  if (kinds && !kinds.includes(lane.kind)) return false;
  const asked = Array.isArray(lane.capabilities) ? lane.capabilities : [];
  return asked.every((one) => typeof one === "string" && capabilities.includes(one));
}

function isSpilled(lane: TaskLane, { region }: Claiming): boolean {
  return lane.region !== null && lane.region !== region;
}

function claimable(lane: TaskLane, claiming: Claiming): Where<Task> {
  const { at } = claiming;
  return {
    lane: lane.id,
    status: "ready",
    dueAt: { upTo: at },
    ...(isSpilled(lane, claiming) ? { spillAt: { upTo: at } } : {}),
  };
}

const inOrder = [
  ["rank", "up"],
  ["dueAt", "up"],
] as const;

async function headOf(engine: Engine, lane: TaskLane, claiming: Claiming): Promise<Head[]> {
  const where = claimable(lane, claiming);
  const found = await engine.find(tasks, { where, orderBy: inOrder, limit: 1, fields: ["rank", "dueAt"] });
  return found.map((row) => ({ ...row, lane }));
}

function taking(
  lane: TaskLane,
  {
    claiming,
    limit,
    rank,
  }: { readonly claiming: Claiming; readonly limit: number; readonly rank: number | undefined },
): Taking<Task> {
  const { agent, at, lease = 30_000 } = claiming;
  const where = { ...claimable(lane, claiming), ...(rank === undefined ? {} : { rank: { upTo: rank } }) };
  return {
    from: tasks,
    query: { where, orderBy: inOrder, limit },
    patch: {
      status: "running",
      agentId: agent,
      claimedAt: at,
      dueAt: leaseEnd(at, lease),
      attempts: { add: 1 },
      fence: { add: 1 },
      progress: null,
      progressNote: null,
    },
  };
}

/** Tasks whose lease ended are ready again at once, or dead where that was the last attempt. */
export async function reclaim(engine: Engine, at: Millis): Promise<number> {
  const late = await engine.find(tasks, {
    where: { status: "running", dueAt: { upTo: at } },
    orderBy: [["dueAt", "up"]],
    limit: 100,
  });
  let reclaimed = 0;
  for (const task of late) if (await reclaimOne(engine, task, at)) reclaimed++;
  if (reclaimed > 0) engine.wake?.tell(tasks);
  return reclaimed;
}

async function reclaimOne(engine: Engine, task: Task, at: Millis): Promise<boolean> {
  const error = `The lease of ${task.agentId ?? "its agent"} ended.`;
  const where = { fence: task.fence, status: "running", dueAt: { upTo: at } } as const;
  const ended = { at, outcome: "expired", error } as const;
  if (task.attempts >= task.maxAttempts)
    return settle(engine, { task, where, status: "dead", patch: { error }, at, ended });
  // It has waited long enough: it goes before what was made after it.
  const back = { status: "ready", dueAt: task.createdAt, error } as const;
  return giveBack(engine, task, { where, patch: back, ended });
}

/** The task as it is for who names it: one whose lease ended is given back first. */
export async function findFree(engine: Engine, id: string, at: Millis): Promise<Task> {
  const task = await findTask(engine, id);
  if (task.status !== "running" || task.dueAt > at) return task;
  await reclaimOne(engine, task, at);
  return findTask(engine, id);
}
