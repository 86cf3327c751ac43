import { LociError } from "../errors.ts";
import type { Happening, RowHappening } from "../model/happening.ts";
import { newId } from "../model/id.ts";
import { type Message, messages } from "../model/message.ts";
import { type ModelCall, modelCalls } from "../model/model-call.ts";
import { type Session, sessions } from "../model/session.ts";
import { type ToolExecution, toolExecutions } from "../model/tool-execution.ts";

/** The fields of a row that a happening gave, in the row's own types: what was left out is not there. */
type Part<Row> = Partial<Row> & { readonly id: string };
export type SessionPart = Part<Session>;
export type MessagePart = Part<Message> & Pick<Message, "sessionId" | "role">;
export type ToolExecutionPart = Part<ToolExecution> & Pick<ToolExecution, "sessionId" | "toolName">;
export type ModelCallPart = Part<ModelCall> & Pick<ModelCall, "sessionId" | "model">;

/** A batch, sorted by kind; happenings of one id are one part, the later field winning. */
export interface Parts {
  readonly sessions: Map<string, SessionPart>;
  readonly messages: Map<string, MessagePart>;
  readonly toolExecutions: Map<string, ToolExecutionPart>;
  readonly modelCalls: Map<string, ModelCallPart>;
  /** When each row was first heard of in this batch, by its id. */
  readonly heard: Map<string, number>;
}

const fieldsOf = {
  session: sessions.fields,
  message: messages.fields,
  toolExecution: toolExecutions.fields,
  modelCall: modelCalls.fields,
};

/** Sorts happenings into parts. `now` stands in where neither the happening nor its recorder said when. */
export function sortHappenings(happenings: readonly Happening[], now: number): Parts {
  const parts: Parts = {
    sessions: new Map(),
    messages: new Map(),
    toolExecutions: new Map(),
    modelCalls: new Map(),
    heard: new Map(),
  };
  const maps = {
    session: parts.sessions,
    message: parts.messages,
    toolExecution: parts.toolExecutions,
    modelCall: parts.modelCalls,
  };
  for (const happening of happenings) {
    if (happening.kind === "rawEvent") continue;
    const at = "at" in happening && typeof happening.at === "number" ? happening.at : now;
    const part = partOf(happening, at);
    // The kind chose the map, so the part is of that map's type; the compiler cannot follow the choice.
    const map = maps[happening.kind] as Map<string, Part<object>>;
    const known = map.get(part.id);
    if (known === undefined) map.set(part.id, part);
    // A message is said once. Everything else goes on until it ends.
    else if (happening.kind !== "message")
      map.set(part.id, {
        ...known,
        ...("status" in known && hasEnded(known.status) ? afterEnd(part) : part),
      });
    if (!parts.heard.has(part.id)) parts.heard.set(part.id, at);
  }
  return parts;
}

export function hasEnded(status: unknown): boolean {
  return status === "completed" || status === "error";
}

/** What a later word adds to a tool's call that ended: when and how it did only where it says how. */
export function afterEnd<Given extends object>(part: Given): Given {
  if (!("toolName" in part) || ("status" in part && hasEnded(part.status))) return part;
  const later = new Set(["startedAt", "endedAt", "durationMs", "status"]);
  // The same part with fewer of its optional fields.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(Object.entries(part).filter(([name]) => !later.has(name))) as Given;
}

function partOf(happening: RowHappening, at: number): Part<object> {
  const fields: Readonly<Record<string, { readonly kind: string }>> = fieldsOf[happening.kind];
  const part: Record<string, unknown> & { id: string } = { id: happening.id ?? newId(at) };
  for (const [name, value] of Object.entries(happening)) {
    const field = fields[name];
    if (field === undefined || value === undefined) continue;
    part[name] = field.kind === "time" && value !== null ? millis(value, name) : value;
  }
  if (happening.kind === "toolExecution") {
    const { output, status } = happening;
    if (output !== undefined && output !== null && typeof output !== "string") {
      part["output"] = JSON.stringify(output);
    }
    if (status === "completed" || status === "error") part["endedAt"] ??= at;
  }
  return part;
}

/** A moment as milliseconds; refuses what is none, and what some backend could not keep. */
export function millis(moment: unknown, name: string): number {
  const value =
    moment instanceof Date
      ? moment.getTime()
      : typeof moment === "string"
        ? Date.parse(moment)
        : Number(moment);
  if (value >= -62_135_596_800_000 && value <= 253_402_300_799_999) return Math.trunc(value);
  throw new LociError(
    "invalid",
    `${name} is a moment in the years 1 to 9999: milliseconds since 1970, an ISO 8601 text or a Date, not ${JSON.stringify(moment)}.`,
  );
}

export function sessionRow(part: SessionPart, at: number): Session {
  const startedAt = part.startedAt ?? at;
  return {
    agentType: "unknown",
    model: null,
    provider: null,
    endedAt: null,
    status: "running",
    errorMessage: null,
    metadata: null,
    projectId: null,
    projectPath: null,
    title: null,
    source: "recorder",
    sourceId: null,
    agentId: null,
    parentSessionId: null,
    gitBranch: null,
    data: null,
    messageCount: 0,
    toolCount: 0,
    errorCount: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costUsd: 0,
    costComplete: true,
    updatedAt: part.endedAt ?? startedAt,
    ...part,
    startedAt,
  };
}

export function messageRow(part: MessagePart, sequence: number, at: number): Message {
  return {
    content: null,
    toolName: null,
    toolInput: null,
    toolOutput: null,
    createdAt: at,
    tokenCount: null,
    parentId: null,
    agentId: null,
    model: null,
    metadata: null,
    ...part,
    sequence,
  };
}

export function toolExecutionRow(part: ToolExecutionPart, at: number): ToolExecution {
  const startedAt = part.startedAt ?? part.endedAt ?? at;
  const ended = typeof part.endedAt === "number";
  return {
    messageId: null,
    resultMessageId: null,
    input: null,
    output: null,
    error: null,
    endedAt: null,
    callId: null,
    agentId: null,
    metadata: null,
    ...part,
    // A call with an end runs no more, whoever forgot to say how it ended.
    status:
      part.status === undefined || part.status === "running"
        ? ended
          ? "completed"
          : "running"
        : part.status,
    startedAt,
    durationMs: part.durationMs ?? duration(startedAt, part.endedAt),
  };
}

/** Never negative, whatever the clock did; null while there is no end. */
export function duration(startedAt: number, endedAt: number | null | undefined): number | null {
  return endedAt === null || endedAt === undefined ? null : Math.max(0, endedAt - startedAt);
}

export function modelCallRow(
  part: ModelCallPart,
  at: number,
  costOf: (call: ModelCall) => number | null,
): ModelCall {
  const row: ModelCall = {
    messageId: null,
    provider: null,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costUsd: null,
    startedAt: at,
    durationMs: null,
    final: true,
    estimated: false,
    inherited: false,
    metadata: null,
    ...part,
  };
  return part.costUsd === undefined ? { ...row, costUsd: costOf(row) } : row;
}
