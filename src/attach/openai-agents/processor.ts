import { newId } from "../../model/id.ts";
import {
  countOf,
  createOpen,
  errorText,
  type Fields,
  fieldsOf,
  quietly,
  type RecorderLike,
  textOf,
} from "../quiet.ts";
import { messagesIn } from "./items.ts";

/** What `addTraceProcessor()` of OpenAI Agents takes. */
export interface AgentsTraceProcessor {
  onTraceStart(trace: object): Promise<void>;
  onTraceEnd(trace: object): Promise<void>;
  onSpanStart(span: object): Promise<void>;
  onSpanEnd(span: object): Promise<void>;
  shutdown(): Promise<void>;
  forceFlush(): Promise<void>;
}

export interface AgentsTraceOptions {
  /** What was said, too. False where an {@link agentsSession} of the same conversation keeps it already. */
  readonly messages?: boolean;
  /** Default: the name of the agent that begins. */
  readonly agentType?: string;
}

interface Open {
  readonly sessionId: string;
  failure: string | undefined;
  named: boolean;
}

/** A call of the model within a turn: the turn has its tokens. */
interface Call {
  readonly model: string;
  readonly responseId: string | undefined;
}

/** Records what OpenAI Agents traces. It answers at once and never throws; a session is a group, else a trace. */
export function agentsTraceProcessor(
  recorder: RecorderLike,
  { messages = true, agentType }: AgentsTraceOptions = {},
): AgentsTraceProcessor {
  const traces = createOpen<Open>();
  const turns = createOpen<Call | null>();
  const on =
    (work: (open: Open, span: Span) => void) =>
    (given: object): Promise<void> => {
      quietly(() => {
        const span = spanOf(given);
        const open = traces.get(span.traceId);
        if (open !== undefined) work(open, span);
      });
      return Promise.resolve();
    };
  return {
    onTraceStart(given) {
      quietly(() => {
        const trace = fieldsOf(given);
        const traceId = textOf(trace["traceId"]) ?? newId();
        const sessionId = textOf(trace["groupId"]) ?? traceId;
        const name = textOf(trace["name"]) ?? null;
        traces.set(traceId, { sessionId, failure: undefined, named: agentType !== undefined });
        begun(recorder, { sessionId, traceId, name, agentType: agentType ?? "openai-agents" });
      });
      return Promise.resolve();
    },
    onTraceEnd(given) {
      quietly(() => {
        const traceId = textOf(fieldsOf(given)["traceId"]) ?? "";
        const open = traces.get(traceId);
        if (open === undefined) return;
        traces.delete(traceId);
        ended(recorder, open);
      });
      return Promise.resolve();
    },
    onSpanStart: on((open, span) => {
      if (span.type === "turn") turns.set(span.spanId, null);
      if (span.type === "agent" && !open.named) named(recorder, open, span);
    }),
    onSpanEnd: on((open, span) => {
      const { type, spanId, parentId } = span;
      if (span.error !== undefined) open.failure = type === "function" ? open.failure : span.error;
      if (type === "function") toolOf(recorder, open, span);
      if (type === "turn") {
        turnOf(recorder, open, { span, call: turns.get(spanId) ?? undefined });
        turns.delete(spanId);
      }
      if (type !== "response" && type !== "generation") return;
      if (messages) sayAll(recorder, open, span);
      const call = callIn(span);
      if (turns.get(parentId) === null) turns.set(parentId, call);
      else callOf(recorder, open, { span, call, usage: usageIn(span) });
    }),
    shutdown: () => Promise.resolve(),
    forceFlush: () => Promise.resolve(),
  };
}

function begun(
  recorder: RecorderLike,
  given: { sessionId: string; traceId: string; name: string | null; agentType: string },
): void {
  const { sessionId, traceId, name, agentType } = given;
  recorder.record({
    kind: "session",
    id: sessionId,
    source: "openai-agents",
    agentType,
    status: "running",
    endedAt: null,
    errorMessage: null,
    metadata: { traceId, workflow: name },
  });
}

/** The agent that begins names what the session is. */
function named(recorder: RecorderLike, open: Open, { data }: Span): void {
  open.named = true;
  const agentType = textOf(data["name"]);
  if (agentType !== undefined) recorder.record({ kind: "session", id: open.sessionId, agentType });
}

function ended(recorder: RecorderLike, open: Open): void {
  const { sessionId: id, failure } = open;
  recorder.record({
    kind: "session",
    id,
    endedAt: Date.now(),
    ...(failure === undefined ? { status: "completed" } : { status: "error", errorMessage: failure }),
  });
}

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly type: string;
  readonly data: Fields;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly error: string | undefined;
}

function spanOf(given: object): Span {
  const span = fieldsOf(given);
  const data = fieldsOf(span["spanData"]);
  const own = textOf(data["type"]) ?? "";
  // Turns and tasks come as custom spans, which say what they are.
  const custom = fieldsOf(data["data"]);
  const startedAt = Date.parse(textOf(span["startedAt"]) ?? "") || Date.now();
  return {
    traceId: textOf(span["traceId"]) ?? "",
    spanId: textOf(span["spanId"]) ?? newId(),
    parentId: textOf(span["parentId"]) ?? "",
    type: own === "custom" ? (textOf(custom["sdk_span_type"]) ?? own) : own,
    data: own === "custom" ? custom : data,
    startedAt,
    endedAt: Math.max(startedAt, Date.parse(textOf(span["endedAt"]) ?? "") || Date.now()),
    error: span["error"] === null || span["error"] === undefined ? undefined : errorText(span["error"]),
  };
}

function callIn({ data, type }: Span): Call {
  const response = type === "response" ? fieldsOf(data["_response"]) : data;
  return {
    model: textOf(response["model"]) ?? textOf(fieldsOf(response["providerData"])["model"]) ?? "unknown",
    responseId: textOf(data["response_id"]) ?? textOf(response["id"]),
  };
}

function usageIn({ data, type }: Span): unknown {
  return type === "response" ? fieldsOf(data["_response"])["usage"] : data["usage"];
}

function turnOf(
  recorder: RecorderLike,
  open: Open,
  { span, call }: { span: Span; call: Call | undefined },
): void {
  if (span.data["usage"] === undefined) return;
  const known = call ?? { model: "unknown", responseId: undefined };
  callOf(recorder, open, { span, call: known, usage: span.data["usage"] });
}

function callOf(
  recorder: RecorderLike,
  { sessionId }: Open,
  { span, call, usage }: { readonly span: Span; readonly call: Call; readonly usage: unknown },
): void {
  const given = fieldsOf(usage);
  const details = fieldsOf(given["input_tokens_details"]);
  const read = countOf(given["cached_input_tokens"] ?? details["cached_tokens"]);
  const written = countOf(given["cache_write_input_tokens"] ?? details["cache_write_tokens"]);
  const reasoning = countOf(fieldsOf(given["output_tokens_details"])["reasoning_tokens"]);
  recorder.record({
    kind: "modelCall",
    id: span.spanId,
    sessionId,
    model: call.model,
    provider: "openai",
    inputTokens: Math.max(0, countOf(given["input_tokens"]) - read - written),
    outputTokens: countOf(given["output_tokens"]),
    cacheReadTokens: read,
    cacheWriteTokens: written,
    startedAt: span.startedAt,
    durationMs: span.endedAt - span.startedAt,
    metadata: { callId: call.responseId ?? null, ...(reasoning > 0 ? { reasoningTokens: reasoning } : {}) },
  });
}

function toolOf(recorder: RecorderLike, { sessionId }: Open, span: Span): void {
  const { data, error, startedAt, endedAt, spanId } = span;
  recorder.record({
    kind: "toolExecution",
    id: spanId,
    sessionId,
    toolName: textOf(data["name"]) ?? "unknown",
    status: error === undefined ? "completed" : "error",
    input: parsed(data["input"]),
    ...(error === undefined ? { output: data["output"] ?? null } : { error }),
    startedAt,
    endedAt,
    durationMs: endedAt - startedAt,
  });
}

function sayAll(
  recorder: RecorderLike,
  { sessionId }: Open,
  { data, type, startedAt, endedAt, spanId }: Span,
): void {
  const response = fieldsOf(data["_response"]);
  const isResponse = type === "response";
  const said = [
    ...messagesIn(isResponse ? data["_input"] : data["input"], false).map((one) => ({
      ...one,
      at: startedAt,
    })),
    ...messagesIn(isResponse ? response["output"] : data["output"], true).map((one) => ({
      ...one,
      at: endedAt,
    })),
  ];
  for (const [number, { role, text, at }] of said.entries())
    recorder.record({
      kind: "message",
      id: `${spanId}/${number}`,
      sessionId,
      role,
      content: text,
      createdAt: at,
    });
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value ?? null;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
