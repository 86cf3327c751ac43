import {
  boolean,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  text,
  time,
} from "./collection.ts";

/** One piece of work that an agent finished: how long it took, what it cost, whether it went well. */
export interface AgentMetric {
  readonly id: string;
  readonly agentId: string;
  /** What sort of work it was; of a task, its kind. */
  readonly taskType: string;
  readonly startTime: Millis | null;
  readonly endTime: Millis | null;
  readonly durationMs: number | null;
  readonly tokensUsed: number | null;
  readonly filesModified: number | null;
  /** Where the agent ran. */
  readonly edgeRegion: string | null;
  readonly success: boolean;
  readonly errorMessage: string | null;
  readonly metadata: unknown;
  /** When it was recorded, by the store's clock. */
  readonly createdAt: Millis;
  readonly swarmId: string | null;
  /** A task of this store: its attempt stands in `task_assignments` too, and activity counts it once. */
  readonly taskId: string | null;
  /** The session in which it was done. */
  readonly sessionId: string | null;
}

export const agentMetrics: Collection<AgentMetric> = {
  name: "agent_metrics",
  key: "id",
  fields: {
    id,
    agentId: id,
    taskType: text,
    startTime: optional(time),
    endTime: optional(time),
    durationMs: optional(integer),
    tokensUsed: optional(integer),
    filesModified: optional(integer),
    edgeRegion: optional(text),
    success: boolean,
    errorMessage: optional(text),
    metadata: json,
    createdAt: time,
    swarmId: optional(id),
    taskId: optional(id),
    sessionId: optional(id),
  },
  unique: [],
  indexes: [["createdAt"], ["agentId", "createdAt"]],
  bySql: {
    may: ["insert"],
    defaults: { id: { make: "id" }, success: { value: true }, createdAt: { make: "time" } },
  },
};
