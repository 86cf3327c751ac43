import { type Change, type Engine, guard, insert, update } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { newId, stableId } from "../../model/id.ts";
import {
  type Task,
  type TaskDependency,
  taskDependencies,
  type TaskLane,
  taskLanes,
  tasks,
} from "../../model/task.ts";
import { needed } from "../chain.ts";
import { span } from "../clock.ts";
import { findCycle } from "./cycle.ts";

export interface NewTask {
  /** Default: a new one. */
  readonly id?: string | undefined;
  readonly swarm?: string | undefined;
  readonly title: string;
  /** What sort of work it is: agents may ask for some kinds only. */
  readonly kind?: string | undefined;
  readonly input?: unknown;
  /** The higher, the sooner. */
  readonly priority?: number | undefined;
  /** Not before this. */
  readonly runAt?: Millis | undefined;
  /** Ids of tasks that have to be done before. */
  readonly dependsOn?: readonly string[] | undefined;
  /** Where one of them is dead or cancelled: this one is cancelled (`cascade`, the default), or goes on. */
  readonly onDependencyFailure?: "cascade" | "continue" | undefined;
  /** Only agents of this region, until `spillAfter` is over. */
  readonly region?: string | undefined;
  readonly spillAfter?: Millis | undefined;
  /** What an agent has to be able to do. */
  readonly capabilities?: readonly string[] | undefined;
  /** A task of the swarm that has this key already is answered instead of a new one. */
  readonly idempotencyKey?: string | undefined;
  readonly maxAttempts?: number | undefined;
  /** The longest first wait before a retry; each further one may be twice as long, up to `backoffLimit`. */
  readonly backoff?: Millis | undefined;
  readonly backoffLimit?: Millis | undefined;
  /** How long one attempt may take, however often its lease is renewed. */
  readonly timeout?: Millis | undefined;
}

export interface Created {
  readonly task: Task;
  /** False: a task with this key was there. */
  readonly created: boolean;
}

export const openStatuses = ["blocked", "ready", "running"] as const;

/** A dependency that settles in the same moment settles before, or the write is not done. */
export function whileOpen(ids: Iterable<string>): Change[] {
  return [...ids]
    .sort()
    .map((id) => guard(update(tasks, { id, status: { anyOf: openStatuses } }, { dependents: { add: 1 } })));
}

export async function createTaskRows(
  engine: Engine,
  specs: readonly NewTask[],
  at: Millis,
): Promise<Created[]> {
  let named = specs.map((spec) => ({ ...spec, id: spec.id ?? newId(at) }));
  const there = new Map<string, Task>();
  // Each turn but the last meets a task that appeared, or a dependency that settled, while it looked.
  for (let turn = 0; turn < 8; turn++) {
    const fresh = named.filter(({ id }) => !there.has(id));
    if (fresh.length === 0) return named.map(({ id }) => ({ task: have(there, id), created: false }));
    const plan = await planTasks(engine, fresh, at);
    const [inserted] = await engine.write(plan.changes);
    if (inserted === fresh.length) {
      if (plan.rows.some(({ status }) => status === "ready")) engine.wake?.tell(tasks);
      const made = new Map(plan.rows.map((row) => [row.id, row]));
      return named.map(({ id }) => {
        const task = made.get(id);
        return task ? { task, created: true } : { task: have(there, id), created: false };
      });
    }
    const ids = new Map<string, string>();
    for (const [id, task] of await findKnown(engine, plan.rows)) {
      there.set(task.id, task);
      ids.set(id, task.id);
    }
    const now = (id: string): string => ids.get(id) ?? id;
    named = named.map((spec) => ({ ...spec, id: now(spec.id), dependsOn: spec.dependsOn?.map(now) }));
  }
  throw new LociError("busy", "The tasks that these depend on kept changing; nothing was made.", {
    next: "Ask again.",
  });
}

function have(there: ReadonlyMap<string, Task>, id: string): Task {
  const task = there.get(id);
  if (task) return task;
  throw new LociError("invalid", `Task ${id} is named twice.`);
}

/** Tasks with the keys of these, by the ids that these were to have. */
async function findKnown(engine: Engine, rows: readonly Task[]): Promise<Map<string, Task>> {
  const known = new Map<string, Task>();
  for (const swarmId of new Set(rows.map((row) => row.swarmId))) {
    const mine = rows.filter((row) => row.swarmId === swarmId);
    const keys = mine.map((row) => row.idempotencyKey);
    const found = await engine.find(tasks, { where: { swarmId, idempotencyKey: { anyOf: keys } } });
    const byKey = new Map(found.map((row) => [row.idempotencyKey, row]));
    for (const row of mine) {
      const task = byKey.get(row.idempotencyKey);
      if (task) known.set(row.id, task);
    }
  }
  const taken = await engine.find(tasks, { where: { id: { anyOf: rows.map(({ id }) => id) } } });
  for (const row of taken) {
    if (known.has(row.id)) continue;
    throw new LociError("invalid", `There is a task ${row.id} already, and its key is another one.`, {
      next: `loci task show ${row.id}`,
    });
  }
  return known;
}

type NamedTask = NewTask & { readonly id: string };

async function planTasks(
  engine: Engine,
  specs: readonly NamedTask[],
  at: Millis,
): Promise<{ readonly rows: Task[]; readonly changes: Change[] }> {
  const cycle = findCycle(new Map(specs.map(({ id, dependsOn = [] }) => [id, dependsOn])));
  if (cycle) {
    const [first = "", ...rest] = cycle;
    const way = rest.map((id) => `depends on ${id}`).join(", which ");
    throw new LociError("invalid", `${first} ${way}: a circle. Not created.`);
  }
  const inBatch = new Set(specs.map(({ id }) => id));
  const outside = [...new Set(specs.flatMap(({ dependsOn = [] }) => dependsOn))].filter(
    (id) => !inBatch.has(id),
  );
  const found = outside.length === 0 ? [] : await engine.find(tasks, { where: { id: { anyOf: outside } } });
  const others = new Map(found.map((row) => [row.id, row]));
  const waitsFor = (spec: NamedTask): string[] =>
    [...new Set(spec.dependsOn)].filter((id) => inBatch.has(id) || isWaitedFor(spec, id, others.get(id)));

  const edges: TaskDependency[] = [];
  const dependents = new Map<string, number>();
  for (const spec of specs) {
    const open = new Set(waitsFor(spec));
    for (const dependsOn of new Set(spec.dependsOn)) {
      const isOpen = open.has(dependsOn);
      edges.push({ id: stableId(at, spec.id, dependsOn), taskId: spec.id, dependsOn, open: isOpen });
      if (isOpen) dependents.set(dependsOn, (dependents.get(dependsOn) ?? 0) + 1);
    }
  }
  const rows = specs.map((spec) =>
    taskRow(spec, at, { pending: waitsFor(spec).length, dependents: dependents.get(spec.id) ?? 0 }),
  );
  const lanes = new Map(rows.map((row) => [row.lane, laneRow(row)]));
  const waited = [...dependents.keys()].filter((id) => !inBatch.has(id));
  return {
    rows,
    changes: [
      guard(insert(tasks, rows)),
      insert(taskLanes, [...lanes.values()]),
      insert(taskDependencies, edges),
      ...whileOpen(waited),
    ],
  };
}

function isWaitedFor(spec: NamedTask, id: string, row: Task | undefined): boolean {
  if (row === undefined) {
    throw new LociError("not-found", `${spec.id} depends on ${id}, and there is no such task. Not created.`, {
      next: "loci task ls",
    });
  }
  if (row.status === "done") return false;
  if (row.status !== "dead" && row.status !== "cancelled") return true;
  if (spec.onDependencyFailure === "continue") return false;
  throw new LociError("invalid", `${spec.id} depends on ${id}, which is ${row.status}. Not created.`, {
    next: `loci task retry ${id}`,
  });
}

interface Counts {
  readonly pending: number;
  readonly dependents: number;
}

function taskRow(spec: NamedTask, at: Millis, { pending, dependents }: Counts): Task {
  const { swarm = "default", kind = "task", priority = 0, runAt = at, region = null } = spec;
  const capabilities = [...new Set(spec.capabilities)].sort();
  const { maxAttempts = 3, backoff = 1_000, backoffLimit = 600_000, timeout = null } = spec;
  needed("title", spec.title);
  needed("id", spec.id);
  if (!(maxAttempts >= 1)) throw new LociError("invalid", `maxAttempts is 1 or more, not ${maxAttempts}.`);
  if (timeout !== null) span("timeout", timeout);
  return {
    id: spec.id,
    swarmId: swarm,
    lane: stableId(0, "lane", swarm, kind, region ?? "", JSON.stringify(capabilities)),
    kind,
    title: spec.title,
    input: spec.input ?? null,
    priority,
    rank: -priority || 0,
    status: pending > 0 ? "blocked" : "ready",
    dueAt: runAt,
    region,
    spillAt: region === null ? runAt : runAt + (spec.spillAfter ?? 60_000),
    capabilities,
    idempotencyKey: spec.idempotencyKey ?? spec.id,
    attempts: 0,
    maxAttempts,
    backoff,
    backoffLimit,
    timeout,
    fence: 0,
    agentId: null,
    claimedAt: null,
    progress: null,
    progressNote: null,
    result: null,
    error: null,
    pendingDependencies: pending,
    dependents,
    cascade: (spec.onDependencyFailure ?? "cascade") === "cascade",
    createdAt: at,
    settledAt: null,
  };
}

function laneRow({ lane, swarmId, kind, region, capabilities }: Task): TaskLane {
  return { id: lane, swarmId, kind, region, capabilities };
}
