import { errorCode, LociError } from "../errors.ts";
import { agents, agentStatuses } from "../model/agent.ts";
import type { Loci } from "../open.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { type TaskItem, taskItem } from "./tasks.ts";

export { agentStatuses };

/** What agents of a swarm say to the store while they work. People look on with `loci swarm` and `loci task`. */

export interface RegisteredAgent {
  readonly swarmId: string;
  readonly agentId: string;
  readonly status: string;
  readonly region: string | null;
  readonly epoch: number;
}

export interface BeatAnswer {
  /** The lease of the task that was named: how long it holds now, and whether somebody cancelled the task. */
  readonly lease: { readonly until: string; readonly cancelled: boolean } | null;
}

export interface ClaimedTask {
  /** Null: there is nothing to do. */
  readonly task: TaskItem | null;
}

export interface FinishedTask {
  readonly task: TaskItem;
  /** Failed, and to be tried again: not before this. */
  readonly retryAt: string | null;
}

const swarm = { kind: "string", default: "default", summary: "the swarm", placeholder: "ID" } as const;
const agent = { kind: "string", required: true, summary: "the agent" } as const;
const lease = { kind: "integer", default: 300, min: 1, max: 86_400, summary: "seconds" } as const;
const fence = { kind: "integer", summary: "the number of the claim" } as const;

export const registerAgent: Operation = operation({
  name: "agent register",
  summary: "enter a swarm, or enter it again",
  access: "write",
  params: {
    swarm,
    agent,
    type: { kind: "string", summary: "what sort of agent it is" },
    region: { kind: "string", summary: "where it runs" },
    capability: { kind: "list", summary: "what it can do" },
  },
  async run(loci, { swarm: id, agent: name, type, region, capability }): Promise<RegisteredAgent> {
    const capabilities = capability.length === 0 ? undefined : capability;
    const [member] = await loci.swarm(id).register({ agent: name, type, region, capabilities });
    if (member === undefined) throw new LociError("not-found", `Agent ${JSON.stringify(name)} was removed.`);
    const { swarmId, agentId, status, epoch } = member;
    return { swarmId, agentId, status, region: member.region, epoch };
  },
});

export const beatAgent: Operation = operation({
  name: "agent heartbeat",
  summary: "say that an agent lives, and renew the lease of its task",
  access: "write",
  params: {
    swarm,
    agent,
    status: {
      kind: "enum",
      choices: agentStatuses,
      summary: "what it does",
    },
    task: { kind: "string", summary: "the task whose lease is renewed" },
    fence,
    lease,
    progress: { kind: "number", max: 1, summary: "of the task, from 0 to 1" },
    note: { kind: "string", summary: "a word on the progress" },
  },
  async run(loci, input): Promise<BeatAnswer> {
    const { swarm: id, agent: name, status, task, progress, note } = input;
    await loci.swarm(id).heartbeat(name, { status, ...(task === undefined ? {} : { currentTask: task }) });
    if (task === undefined) return { lease: null };
    if (input.fence === undefined) {
      throw new LociError("invalid", `The lease of ${task} is renewed with its fence.`, {
        next: "Give the fence that the claim answered.",
      });
    }
    const held = { id: task, fence: input.fence };
    const renewed = await loci.tasks.renew(held, { lease: input.lease * 1000 });
    if (progress !== undefined && !renewed.cancelled) await loci.tasks.progress(held, progress, note);
    return { lease: { until: isoTime(renewed.until), cancelled: renewed.cancelled } };
  },
});

export const claimTask: Operation = operation({
  name: "task claim",
  summary: "take the next task that an agent can do, with a lease",
  access: "write",
  params: {
    swarm,
    agent,
    kind: { kind: "list", summary: "only these kinds" },
    capability: { kind: "list", summary: "what the agent can do; else what it registered" },
    lease,
  },
  async run(loci, input): Promise<ClaimedTask> {
    const { swarm: id, agent: name, kind, capability } = input;
    // Also the check that it is registered: a claim that nobody can see helps nobody.
    await loci.swarm(id).heartbeat(name);
    const [known] = await loci.engine.find(agents, { where: { agentId: name }, limit: 1 });
    const registered = Array.isArray(known?.capabilities) ? known.capabilities : [];
    const [task] = await loci.tasks.claim({
      swarm: id,
      agent: name,
      kinds: kind.length === 0 ? undefined : kind,
      capabilities: capability.length > 0 ? capability : registered.filter((one) => typeof one === "string"),
      region: known?.edgeRegion ?? undefined,
      lease: input.lease * 1000,
    });
    if (task !== undefined) await loci.swarm(id).heartbeat(name, { status: "working", currentTask: task.id });
    return { task: task === undefined ? null : taskItem(task) };
  },
});

export const finishTask: Operation = operation({
  name: "task finish",
  summary: "end a claimed task: done with a result, or failed with an error",
  access: "write",
  params: {
    id: { kind: "string", required: true, summary: "the task" },
    fence: { ...fence, required: true },
    result: { kind: "json", of: "value", summary: "what came of it" },
    error: { kind: "string", summary: "why it failed" },
    final: { kind: "boolean", summary: "do not try again" },
  },
  async run(loci, { id, fence: number, result, error, final }): Promise<FinishedTask> {
    if (error !== undefined && result !== undefined) {
      throw new LociError("invalid", "A task ends with a result or with an error, not with both.");
    }
    const held = { id, fence: number };
    const { task: before } = await loci.tasks.get(id);
    const failed = error === undefined ? undefined : await loci.tasks.fail(held, error, { retry: !final });
    if (failed === undefined) await loci.tasks.complete(held, result ?? null);
    const { task } = await loci.tasks.get(id);
    if (before.agentId !== null) await free(loci, before.swarmId, before.agentId);
    return { task: taskItem(task), retryAt: failed?.status === "ready" ? isoTime(failed.dueAt) : null };
  },
});

/** The agent shows no task any more; one that never registered shows none anyway. */
async function free(loci: Loci, swarmId: string, agentId: string): Promise<void> {
  try {
    await loci.swarm(swarmId).heartbeat(agentId, { status: "ready", currentTask: null });
  } catch (error) {
    if (errorCode(error) !== "not-found") throw error;
  }
}
