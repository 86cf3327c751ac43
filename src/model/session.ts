import {
  boolean,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  real,
  text,
  time,
} from "./collection.ts";

export type SessionStatus = "running" | "completed" | "error" | "interrupted";

/** One run of one agent's conversation; a sub-agent has its own, with a parent. */
export interface Session {
  readonly id: string;
  /** What the agent is or does: `claude-code`, `codex`, `planning`, `review`; a sub-agent's own type. */
  readonly agentType: string;
  /** The model that made most of the calls; null until one is known. */
  readonly model: string | null;
  readonly provider: string | null;
  readonly startedAt: Millis;
  readonly endedAt: Millis | null;
  readonly status: SessionStatus;
  readonly errorMessage: string | null;
  readonly metadata: unknown;
  readonly projectId: string | null;
  /** The folder the agent worked in, as the runtime said it (`cwd`). */
  readonly projectPath: string | null;
  readonly title: string | null;
  /** Which source made it: `claude-code`, `codex`, `gemini`, `opencode`, `loci` (an interchange file), `otlp` (telemetry), `ai-sdk`, `openai-agents`, `recorder`. */
  readonly source: string;
  /** The session's name in its source, where that differs from `id`. */
  readonly sourceId: string | null;
  readonly agentId: string | null;
  readonly parentSessionId: string | null;
  readonly gitBranch: string | null;
  /** State that the program saved with the session. */
  readonly data: unknown;
  /** The totals below are set from a rollup of the rows, never added to. */
  readonly messageCount: number;
  readonly toolCount: number;
  /** Tool executions that failed, and one more when the session itself ended in an error. */
  readonly errorCount: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** US dollars of the calls whose model has a price. */
  readonly costUsd: number;
  /** False while a call with tokens has no price: the cost is then a lower bound. */
  readonly costComplete: boolean;
  /** The last moment anything happened in it; lists are ordered by it. */
  readonly updatedAt: Millis;
}

export const sessions: Collection<Session> = {
  name: "sessions",
  key: "id",
  fields: {
    id,
    agentType: text,
    model: optional(text),
    provider: optional(text),
    startedAt: time,
    endedAt: optional(time),
    status: text,
    errorMessage: optional(text),
    metadata: json,
    projectId: optional(id),
    projectPath: optional(text),
    title: optional(text),
    source: text,
    sourceId: optional(text),
    agentId: optional(id),
    parentSessionId: optional(id),
    gitBranch: optional(text),
    data: json,
    messageCount: integer,
    toolCount: integer,
    errorCount: integer,
    inputTokens: integer,
    outputTokens: integer,
    cacheReadTokens: integer,
    cacheWriteTokens: integer,
    costUsd: real,
    costComplete: boolean,
    updatedAt: time,
  },
  unique: [],
  indexes: [
    ["updatedAt", "id"],
    ["startedAt"],
    ["agentType", "updatedAt"],
    ["status", "updatedAt"],
    ["projectPath", "updatedAt"],
    ["parentSessionId"],
  ],
};
