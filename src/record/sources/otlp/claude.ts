import type { Happening } from "../../../model/happening.ts";
import type { JsonObject } from "../claude-code/line.ts";
import type { Signal } from "./signal.ts";
import {
  contentIn,
  countIn,
  errorOf,
  isTrue,
  jsonIn,
  messageOf,
  modelCallOf,
  numberIn,
  type SessionFacts,
  type Telling,
  textIn,
  toolOf,
} from "./telling.ts";

/**
 * Claude Code: its log events tell all (`claude_code.*`); its spans tell the same calls again, by the same request ids
 * and tool ids, and what a tool answered. Its metrics are sums of what the events tell, and are not added to them.
 */
export function claudeTelling(signal: Signal): Telling | undefined {
  const { attributes, kind } = signal;
  const root = textIn(attributes, "session.id");
  if (root === undefined) return undefined;
  const agentId = textIn(attributes, "agent_id");
  const sessionId = agentId === undefined ? root : `${root}/${agentId}`;
  const name = signal.name.replace(/^claude_code\./, "");
  const rows =
    kind === "metrics"
      ? []
      : kind === "logs"
        ? logRows(sessionId, name, signal)
        : spanRows(sessionId, signal);
  return { sessionId, facts: factsOf({ name, root, agentId }, signal), rows };
}

function factsOf(
  {
    name,
    root,
    agentId,
  }: { readonly name: string; readonly root: string; readonly agentId: string | undefined },
  { attributes, kind }: Signal,
): SessionFacts {
  return {
    provider: "anthropic",
    ...(agentId === undefined
      ? { agentType: "claude-code" }
      : { agentType: textIn(attributes, "agent.name", "agent_type"), agentId, parentSessionId: root }),
    ...(kind !== "logs" ? {} : stateOf(name, attributes)),
  };
}

function stateOf(name: string, attributes: JsonObject): SessionFacts {
  if (name === "user_prompt") return { prompt: contentIn(attributes, "prompt", "prompt_text") };
  if (name === "api_retries_exhausted")
    return { status: "error", errorMessage: textIn(attributes, "error") ?? "The server did not answer." };
  // After an error it went on all the same.
  return name === "api_request" ? { status: "completed", errorMessage: null } : {};
}

/** Names a record that has no id of its own: they are numbered within a session. */
function keyOf({ attributes, name, startedAt }: Signal): string {
  const sequence = numberIn(attributes, "event.sequence");
  return textIn(attributes, "message.uuid") ?? `${name} ${sequence ?? startedAt}`;
}

function logRows(sessionId: string, name: string, signal: Signal): Happening[] {
  const { attributes, startedAt: at } = signal;
  const key = keyOf(signal);
  if (name === "user_prompt") {
    const text = contentIn(attributes, "prompt", "prompt_text") ?? null;
    return [messageOf(sessionId, { key, role: "user", text, at, metadata: linked(attributes) })];
  }
  if (name === "assistant_response") {
    const text = contentIn(attributes, "response") ?? null;
    const model = textIn(attributes, "model");
    return [messageOf(sessionId, { key, role: "assistant", text, at, model, metadata: linked(attributes) })];
  }
  if (name === "api_request")
    return callRows(sessionId, signal, at - (numberIn(attributes, "duration_ms") ?? 0));
  if (name === "api_error")
    return [errorOf(sessionId, { key, text: textIn(attributes, "error") ?? "error", at })];
  return name === "tool_result" || name === "tool_decision" ? toolRows(sessionId, name, signal) : [];
}

/** What ties a message to a prompt and a request, and to the transcript. */
function linked(attributes: JsonObject): JsonObject {
  const uuid = textIn(attributes, "message.uuid");
  const promptId = textIn(attributes, "prompt.id");
  const requestId = textIn(attributes, "request_id");
  return {
    ...(uuid === undefined ? {} : { uuid }),
    ...(promptId === undefined ? {} : { promptId }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

function callRows(
  sessionId: string,
  { attributes, traceId, spanId }: Signal,
  startedAt: number,
): Happening[] {
  const requestId = textIn(attributes, "request_id");
  const ttftMs = numberIn(attributes, "ttft_ms");
  return [
    modelCallOf(sessionId, {
      key: requestId ?? `${traceId}/${spanId}`,
      model: textIn(attributes, "model"),
      provider: "anthropic",
      tokens: [
        countIn(attributes, "input_tokens"),
        countIn(attributes, "output_tokens"),
        countIn(attributes, "cache_read_tokens"),
        countIn(attributes, "cache_creation_tokens"),
      ],
      costUsd: numberIn(attributes, "cost_usd"),
      startedAt,
      durationMs: numberIn(attributes, "duration_ms"),
      metadata: {
        ...(requestId === undefined ? {} : { requestId }),
        ...(ttftMs === undefined ? {} : { ttftMs }),
      },
    }),
  ];
}

function toolRows(sessionId: string, name: string, { attributes, startedAt: at }: Signal): Happening[] {
  const callId = textIn(attributes, "tool_use_id");
  if (callId === undefined) return [];
  const given = { callId, name: textIn(attributes, "tool_name") ?? "unknown" };
  const input = jsonIn(attributes["tool_input"] ?? attributes["tool_parameters"]);
  if (name === "tool_decision") {
    if (textIn(attributes, "decision") !== "reject") return [];
    const error = `Denied (${textIn(attributes, "source") ?? "unknown"}).`;
    return [toolOf(sessionId, { ...given, input, status: "error", error, endedAt: at })];
  }
  const durationMs = numberIn(attributes, "duration_ms");
  const failed = !isTrue(attributes["success"]);
  return [
    toolOf(sessionId, {
      ...given,
      input,
      status: failed ? "error" : "completed",
      ...(failed ? { error: textIn(attributes, "error", "error_type") ?? "error" } : {}),
      startedAt: at - (durationMs ?? 0),
      endedAt: at,
      durationMs,
    }),
  ];
}

function spanRows(sessionId: string, signal: Signal): Happening[] {
  const { attributes, name, startedAt, events } = signal;
  if (name === "claude_code.llm_request")
    return isTrue(attributes["success"]) ? callRows(sessionId, signal, startedAt) : [];
  const callId = textIn(attributes, "tool_use_id", "gen_ai.tool.call.id");
  if (name !== "claude_code.tool" || callId === undefined) return [];
  // How it ended and how long it ran stands in the log event: this span holds the wait for a permission too.
  const output = events.find((event) => event.name === "tool.output")?.attributes["output"];
  return [
    toolOf(sessionId, {
      callId,
      name: textIn(attributes, "tool_name", "gen_ai.tool.name") ?? "unknown",
      ...(typeof output === "string" ? { output } : {}),
    }),
  ];
}
