import {
  boolean,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  payload,
  real,
  text,
  time,
} from "./collection.ts";

/**
 * - `blocked`: waits for tasks it depends on
 * - `ready`: may be claimed, from its time on
 * - `running`: an agent holds its lease
 * - `done`, `dead` (its attempts are used up), `cancelled`: settled, for good unless somebody retries it
 */
export type TaskStatus = "blocked" | "ready" | "running" | "done" | "dead" | "cancelled";

/** One piece of work that agents of a swarm may claim. */
export interface Task {
  readonly id: string;
  readonly swarmId: string;
  /** Tasks of one lane can be claimed by the same agents: same swarm, kind, region and capabilities. */
  readonly lane: string;
  readonly kind: string;
  readonly title: string;
  readonly input: unknown;
  /** The higher, the sooner. */
  readonly priority: number;
  /** Minus the priority: claims walk an index upwards. */
  readonly rank: number;
  readonly status: TaskStatus;
  /** Ready: not before this. Running: the lease ends then. */
  readonly dueAt: Millis;
  readonly region: string | null;
  /** From then on, agents of any region may claim it. */
  readonly spillAt: Millis;
  /** What an agent has to be able to do, sorted, as a list of words. */
  readonly capabilities: unknown;
  /** Two tasks of a swarm never have the same; the id where none was given. */
  readonly idempotencyKey: string;
  readonly attempts: number;
  readonly maxAttempts: number;
  /** The first wait before a retry; each further one is up to twice as long. */
  readonly backoff: Millis;
  readonly backoffLimit: Millis;
  /** How long one attempt may take, however often its lease is renewed; null is for ever. */
  readonly timeout: Millis | null;
  /** Grows with each claim: what an earlier holder sends is refused. */
  readonly fence: number;
  /** The agent that holds it, or held it last. */
  readonly agentId: string | null;
  readonly claimedAt: Millis | null;
  readonly progress: number | null;
  readonly progressNote: string | null;
  readonly result: unknown;
  /** Of the last attempt that failed, or why it was cancelled. */
  readonly error: string | null;
  /** Tasks it still waits for. */
  readonly pendingDependencies: number;
  /** Tasks that were ever made to wait for it. */
  readonly dependents: number;
  /** Where a task it depends on is dead or cancelled: it is cancelled too, or it goes on. */
  readonly cascade: boolean;
  readonly createdAt: Millis;
  readonly settledAt: Millis | null;
}

export const tasks: Collection<Task> = {
  name: "tasks",
  key: "id",
  fields: {
    id,
    swarmId: id,
    lane: id,
    kind: text,
    title: text,
    input: payload,
    priority: integer,
    rank: integer,
    status: text,
    dueAt: time,
    region: optional(text),
    spillAt: time,
    capabilities: json,
    idempotencyKey: text,
    attempts: integer,
    maxAttempts: integer,
    backoff: integer,
    backoffLimit: integer,
    timeout: optional(integer),
    fence: integer,
    agentId: optional(id),
    claimedAt: optional(time),
    progress: optional(real),
    progressNote: optional(text),
    result: payload,
    error: optional(text),
    pendingDependencies: integer,
    dependents: integer,
    cascade: boolean,
    createdAt: time,
    settledAt: optional(time),
  },
  unique: [["swarmId", "idempotencyKey"]],
  indexes: [
    // With the id, because tasks made together are due at once: claims would sort them all each time.
    ["lane", "status", "rank", "dueAt", "id"],
    ["status", "dueAt"],
    ["swarmId", "status", "createdAt"],
    ["createdAt"],
  ],
};

/** One way for claims: the tasks that the same agents can take. Rows stay; there are few. */
export interface TaskLane {
  readonly id: string;
  readonly swarmId: string;
  readonly kind: string;
  readonly region: string | null;
  /** Sorted, as a list of words. */
  readonly capabilities: unknown;
}

export const taskLanes: Collection<TaskLane> = {
  name: "task_lanes",
  key: "id",
  fields: { id, swarmId: id, kind: text, region: optional(text), capabilities: json },
  unique: [],
  indexes: [["swarmId"]],
};

/** One task that waits for another. */
export interface TaskDependency {
  readonly id: string;
  readonly taskId: string;
  /** The task it waits for. */
  readonly dependsOn: string;
  /** It still waits for it. */
  readonly open: boolean;
}

export const taskDependencies: Collection<TaskDependency> = {
  name: "task_dependencies",
  key: "id",
  fields: { id, taskId: id, dependsOn: id, open: boolean },
  unique: [["taskId", "dependsOn"]],
  indexes: [["dependsOn", "open"]],
};

/** `running`: a task that was assigned, and did not end yet. What an agent claimed has a row from its end on. */
export type Outcome = "done" | "failed" | "expired" | "cancelled" | "running";

/** One attempt: who had the task, from when to when, and how it ended. */
export interface TaskAssignment {
  readonly id: string;
  readonly taskId: string;
  readonly swarmId: string;
  readonly agentId: string;
  readonly edgeRegion: string | null;
  readonly fence: number;
  readonly assignedAt: Millis;
  /** When it was assigned, while it runs. */
  readonly endedAt: Millis;
  readonly durationMs: number;
  readonly outcome: Outcome;
  readonly error: string | null;
}

export const taskAssignments: Collection<TaskAssignment> = {
  name: "task_assignments",
  key: "id",
  fields: {
    id,
    taskId: id,
    swarmId: id,
    agentId: id,
    edgeRegion: optional(text),
    fence: integer,
    assignedAt: time,
    endedAt: time,
    durationMs: integer,
    outcome: text,
    error: optional(text),
  },
  unique: [["taskId", "fence"]],
  indexes: [["agentId", "endedAt"], ["swarmId", "agentId"], ["endedAt"]],
};
