import { type Engine, type Query, update } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import {
  type Task,
  type TaskAssignment,
  taskAssignments,
  taskDependencies,
  tasks,
  type TaskStatus,
} from "../../model/task.ts";
import type { Clock } from "../clock.ts";
import { type ClaimOptions, createClaims, reclaim } from "./claim.ts";
import { type ClaimOne, claimOne } from "./claim-one.ts";
import { type CompletedAll, completeAll, type Completion } from "./complete-all.ts";
import { type Created, createTaskRows, type NewTask } from "./create.ts";
import { findTask, heldWhere, type Lease, lost } from "./held.ts";
import { cancel, complete, fail, release, renew, type Renewed, retry } from "./lifecycle.ts";
import { type NextOptions, nextTask } from "./next.ts";
import { settle, type Settling } from "./settle.ts";
import {
  startWork,
  type Work,
  type WorkCounts,
  type Worker,
  type WorkLoop,
  type WorkOptions,
} from "./work.ts";

export type { ClaimOptions, CompletedAll, Completion, Created, Lease, NewTask, NextOptions, Renewed, Task };
export type { Work, WorkCounts, Worker, WorkLoop, WorkOptions };

export interface TaskQuery {
  readonly swarm?: string | undefined;
  readonly status?: TaskStatus | undefined;
  readonly limit?: number | undefined;
  /** Behind this task of the last page. */
  readonly after?: Pick<Task, "id" | "createdAt"> | undefined;
}

export interface TaskDetail {
  readonly task: Task;
  /** What it depends on, and what waits for it. */
  readonly dependsOn: readonly string[];
  readonly dependents: readonly string[];
  /** Its attempts that ended, in their order. */
  readonly attempts: readonly TaskAssignment[];
}

export interface Tasks {
  readonly create: (task: NewTask) => Promise<Created>;
  /** All or none; they may depend on each other by the ids they are given. */
  readonly createAll: (tasks: readonly NewTask[]) => Promise<Created[]>;
  /** Each task goes to one agent, with the next fence. `dueAt` of an answered task is when its lease ends. */
  readonly claim: (options: ClaimOptions) => Promise<Task[]>;
  /** This task and no other, as soon as it is ready. Errors: `busy`. */
  readonly claimOne: (id: string, options: ClaimOne) => Promise<Task>;
  readonly renew: (lease: Lease, options?: { readonly lease?: Millis }) => Promise<Renewed>;
  /** From 0 to 1, with a word on it. */
  readonly progress: (lease: Lease, progress: number, note?: string) => Promise<void>;
  readonly complete: (lease: Lease, result?: unknown) => Promise<void>;
  /** Both in one step: twice as fast as one after the other. */
  readonly completeAndClaim: (lease: Lease, result: unknown, options: ClaimOptions) => Promise<Task[]>;
  /** Several, each fenced on its own, and where options are given the next claim: all in one step. */
  readonly completeAll: (completions: readonly Completion[], options?: ClaimOptions) => Promise<CompletedAll>;
  /** Gives it back untouched, as if it had not been claimed: no attempt is counted. */
  readonly release: (lease: Lease) => Promise<void>;
  /** Ready again after a wait, or dead where its attempts are used up or `retry` is false. */
  readonly fail: (
    lease: Lease,
    error: string,
    options?: { readonly retry?: boolean },
  ) => Promise<{ readonly status: "ready" | "dead"; readonly dueAt: Millis }>;
  /** What was not settled is cancelled; its holder hears of it when it renews. Answers the task as it is then. */
  readonly cancel: (id: string, reason?: string) => Promise<Task>;
  /** A dead or cancelled task begins anew, with all its attempts. */
  readonly retry: (id: string) => Promise<Task>;
  readonly get: (id: string) => Promise<TaskDetail>;
  /** The newest first. */
  readonly list: (query?: TaskQuery) => Promise<Task[]>;
  /** Claims one, and waits for it without asking all the time; null where none came in time. */
  readonly next: (options: NextOptions) => Promise<Task | null>;
  /** The loop of an agent: claims, renews, works, completes or fails, waits, and begins again until it is closed. */
  readonly work: (options: WorkOptions, worker: Worker) => WorkLoop;
  /** Leases that ended are given back now; claims do it too. Answers how many. */
  readonly reclaim: () => Promise<number>;
}

export interface TaskParts {
  readonly now: Clock;
  /** From 0 to 1: spreads retries. */
  readonly random?: () => number;
}

export function createTasks(engine: Engine, { now, random = Math.random }: TaskParts): Tasks {
  const claims = createClaims(engine);
  const createAll = async (list: readonly NewTask[]): Promise<Created[]> =>
    createTaskRows(engine, list, await now());
  const own: Tasks = {
    createAll,
    async create(task) {
      const [made] = await createAll([task]);
      if (made) return made;
      throw new LociError("invalid", "There is no task to make.");
    },
    claim: async (options) => claims.claim(options, await now()),
    claimOne: async (id, options) => claimOne(engine, id, { ...options, at: await now() }),
    renew: async (lease, { lease: length = 30_000 } = {}) =>
      renew(engine, lease, { length, at: await now() }),
    async progress(lease, progress, note) {
      if (!(progress >= 0 && progress <= 1))
        throw new LociError("invalid", `progress is from 0 to 1, not ${progress}.`);
      const patch = { progress, progressNote: note ?? null };
      const [touched] = await engine.write([update(tasks, heldWhere(lease), patch)]);
      if (touched !== 1) throw lost(await findTask(engine, lease.id), lease);
    },
    async complete(lease, result) {
      const hand = async (settling: Settling): Promise<true | undefined> =>
        (await settle(engine, settling)) || undefined;
      await complete(engine, lease, { result, at: await now(), hand });
    },
    completeAndClaim: async (lease, result, options) =>
      complete(engine, lease, {
        result,
        at: await now(),
        hand: (settling) => claims.exchange(settling, options),
      }),
    completeAll: (completions, options) =>
      completeAll({ engine, now, claims, complete: own.complete }, completions, options),
    release: (lease) => release(engine, lease),
    fail: async (lease, error, { retry = true } = {}) =>
      fail(engine, lease, { error, retry, at: await now(), random }),
    cancel: async (id, reason) => cancel(engine, id, { reason, at: await now() }),
    retry: async (id) => retry(engine, id, await now()),
    get: (id) => detail(engine, id),
    list: ({ swarm, status, limit = 20, after } = {}) => {
      const query: Query<Task> = {
        where: {
          ...(swarm === undefined ? {} : { swarmId: swarm }),
          ...(status === undefined ? {} : { status }),
        },
        orderBy: [["createdAt", "down"]],
        limit,
        ...(after === undefined ? {} : { after: { id: after.id, createdAt: after.createdAt } }),
      };
      return engine.find(tasks, query);
    },
    reclaim: async () => reclaim(engine, await now()),
    next: (options) => nextTask({ engine, now, random, claim: own.claim }, options),
    work: (options, worker) => startWork({ engine, now, random, tasks: own }, options, worker),
  };
  return own;
}

async function detail(engine: Engine, id: string): Promise<TaskDetail> {
  const task = await findTask(engine, id);
  const [before, behind, attempts] = await Promise.all([
    engine.find(taskDependencies, { where: { taskId: id } }),
    engine.find(taskDependencies, { where: { dependsOn: id } }),
    engine.find(taskAssignments, {
      where: { taskId: id, outcome: { not: "running" } },
      orderBy: [["fence", "up"]],
    }),
  ]);
  return {
    task,
    dependsOn: before.map(({ dependsOn }) => dependsOn),
    dependents: behind.map(({ taskId }) => taskId),
    attempts,
  };
}
