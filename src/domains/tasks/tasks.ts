import { type Engine, guard, type Query, update } from "../../engine/engine.ts";
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
import { endAttempt } from "./attempt.ts";
import { type ClaimOptions, createClaims, reclaim } from "./claim.ts";
import { type Created, createTaskRows, type NewTask, whileOpen } from "./create.ts";
import { findHeld, findTask, type Lease, lost } from "./held.ts";
import { settle } from "./settle.ts";

export type { ClaimOptions, Created, Lease, NewTask, Task };

export interface Renewed {
  /** The lease ends then. */
  readonly until: Millis;
  /** Somebody cancelled the task: stop work on it. */
  readonly cancelled: boolean;
}

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
  readonly renew: (lease: Lease, options?: { readonly lease?: Millis }) => Promise<Renewed>;
  /** From 0 to 1, with a word on it. */
  readonly progress: (lease: Lease, progress: number, note?: string) => Promise<void>;
  readonly complete: (lease: Lease, result?: unknown) => Promise<void>;
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
  /** Leases that ended are given back now; claims do it too. Answers how many. */
  readonly reclaim: () => Promise<number>;
}

export interface TaskParts {
  readonly now: Clock;
  /** From 0 to 1: spreads retries. */
  readonly random?: () => number;
}

export function createTasks(engine: Engine, { now, random = Math.random }: TaskParts): Tasks {
  const claim = createClaims(engine);
  const createAll = async (list: readonly NewTask[]): Promise<Created[]> =>
    createTaskRows(engine, list, await now());
  return {
    createAll,
    async create(task) {
      const [made] = await createAll([task]);
      if (made) return made;
      throw new LociError("invalid", "There is no task to make.");
    },
    claim: async (options) => claim(options, await now()),
    renew: async (lease, { lease: length = 30_000 } = {}) =>
      renew(engine, lease, { length, at: await now() }),
    async progress(lease, progress, note) {
      const patch = { progress, progressNote: note ?? null };
      const [touched] = await engine.write([update(tasks, heldWhere(lease), patch)]);
      if (touched !== 1) throw lost(await findTask(engine, lease.id), lease);
    },
    async complete(lease, result = null) {
      const at = await now();
      // What was claimed says all that the write needs; what changed since then fails its guard.
      for (let task = wholeTask(lease) ?? (await findHeld(engine, lease)); ; ) {
        const ended = { at, outcome: "done", error: null } as const;
        const patch = { result, progress: 1, error: null };
        if (await settle(engine, { task, where: heldWhere(lease), status: "done", patch, at, ended })) return;
        task = await findHeld(engine, lease);
      }
    },
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
  };
}

const heldWhere = ({ id, fence }: Lease) => ({ id, fence, status: "running" }) as const;

function wholeTask(lease: Lease): Task | undefined {
  // A lease with a lane is the task that claim() answered.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return "lane" in lease && "claimedAt" in lease ? (lease as Task) : undefined;
}

async function renew(
  engine: Engine,
  lease: Lease,
  { length, at }: { readonly length: Millis; readonly at: Millis },
): Promise<Renewed> {
  const row = await findTask(engine, lease.id);
  if (row.fence === lease.fence && row.status === "cancelled") return { until: at, cancelled: true };
  if (row.fence !== lease.fence || row.status !== "running") throw lost(row, lease);
  const last = row.timeout === null ? Number.POSITIVE_INFINITY : (row.claimedAt ?? at) + row.timeout;
  const until = Math.min(at + length, last);
  if (until <= at) {
    throw new LociError(
      "lease-lost",
      `${row.id} took longer than its ${row.timeout} ms: its lease is not renewed.`,
    );
  }
  const [touched] = await engine.write([update(tasks, heldWhere(lease), { dueAt: until })]);
  // It changed hands, or was cancelled, between the look and the write.
  return touched === 1 ? { until, cancelled: false } : renew(engine, lease, { length, at });
}

interface Failing {
  readonly error: string;
  readonly retry: boolean;
  readonly at: Millis;
  readonly random: () => number;
}

async function fail(
  engine: Engine,
  lease: Lease,
  { error, retry: again, at, random }: Failing,
): Promise<{ status: "ready" | "dead"; dueAt: Millis }> {
  for (;;) {
    const task = await findHeld(engine, lease);
    const ended = { at, outcome: "failed", error } as const;
    const where = heldWhere(lease);
    if (!again || task.attempts >= task.maxAttempts) {
      if (await settle(engine, { task, where, status: "dead", patch: { error }, at, ended }))
        return { status: "dead", dueAt: at };
      continue;
    }
    // Full jitter: agents that failed together do not come back together.
    const most = Math.min(task.backoffLimit, task.backoff * 2 ** (task.attempts - 1));
    const dueAt = at + Math.round(random() * most);
    const back = guard(update(tasks, where, { status: "ready", dueAt, error }));
    if (await endAttempt(engine, [back], { task, ended })) return { status: "ready", dueAt };
  }
}

async function cancel(
  engine: Engine,
  id: string,
  { reason = "It was cancelled.", at }: { readonly reason?: string | undefined; readonly at: Millis },
): Promise<Task> {
  for (;;) {
    const task = await findTask(engine, id);
    const { status, fence } = task;
    if (status === "done" || status === "dead" || status === "cancelled") return task;
    const ended = status === "running" ? ({ at, outcome: "cancelled", error: reason } as const) : undefined;
    const settled = await settle(engine, {
      task,
      where: { status, fence },
      status: "cancelled",
      patch: { error: reason },
      at,
      ...(ended && { ended }),
    });
    if (settled) return findTask(engine, id);
  }
}

async function retry(engine: Engine, id: string, at: Millis): Promise<Task> {
  for (;;) {
    const task = await findTask(engine, id);
    if (task.status !== "dead" && task.status !== "cancelled") {
      throw new LociError("invalid", `${id} is ${task.status}; what is dead or cancelled can be retried.`);
    }
    const edges = await engine.find(taskDependencies, { where: { taskId: id } });
    const others = await engine.find(tasks, {
      where: {
        id: { anyOf: edges.map(({ dependsOn }) => dependsOn) },
        status: { anyOf: ["blocked", "ready", "running"] },
      },
      fields: ["id"],
    });
    const waits = others.map((row) => row.id);
    const [touched] = await engine.write([
      guard(
        update(
          tasks,
          { id, status: task.status },
          {
            status: waits.length > 0 ? "blocked" : "ready",
            attempts: 0,
            dueAt: at,
            settledAt: null,
            error: null,
            pendingDependencies: waits.length,
          },
        ),
      ),
      update(taskDependencies, { taskId: id, dependsOn: { anyOf: waits } }, { open: true }),
      ...whileOpen(waits),
    ]);
    if (touched === 1) return findTask(engine, id);
  }
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
