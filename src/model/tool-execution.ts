import {
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  payload,
  text,
  time,
} from "./collection.ts";

export type ToolStatus = "running" | "completed" | "error";

/** One call of a tool: input, output or error, start, end. One row a call, from its start to its end. */
export interface ToolExecution {
  readonly id: string;
  readonly sessionId: string;
  /** The message that asked for the call. */
  readonly messageId: string | null;
  /** The message that brought the result, where the runtime has one. */
  readonly resultMessageId: string | null;
  readonly toolName: string;
  readonly status: ToolStatus;
  readonly input: unknown;
  /** Text as the tool gave it; any other value as JSON text. */
  readonly output: string | null;
  readonly error: string | null;
  readonly startedAt: Millis;
  readonly endedAt: Millis | null;
  readonly durationMs: number | null;
  /** The runtime's own id of the call (`toolu_…`, `call_…`). */
  readonly callId: string | null;
  readonly agentId: string | null;
  readonly metadata: unknown;
}

export const toolExecutions: Collection<ToolExecution> = {
  name: "tool_executions",
  key: "id",
  fields: {
    id,
    sessionId: id,
    messageId: optional(id),
    resultMessageId: optional(id),
    toolName: text,
    status: text,
    input: payload,
    output: optional(text),
    error: optional(text),
    startedAt: time,
    endedAt: optional(time),
    durationMs: optional(integer),
    callId: optional(text),
    agentId: optional(id),
    metadata: json,
  },
  unique: [],
  indexes: [
    ["sessionId", "startedAt"],
    ["messageId"],
    ["startedAt"],
    ["status", "startedAt"],
  ],
};
