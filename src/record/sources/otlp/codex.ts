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
  type Telling,
  textIn,
  toolOf,
} from "./telling.ts";

/** Codex: log events `codex.*`, keyed by the thread. What the model said is not among them. */
export function codexTelling(signal: Signal): Telling | undefined {
  const { attributes, kind, name } = signal;
  const sessionId = textIn(attributes, "conversation.id", "thread.id", "thread_id");
  if (sessionId === undefined) return undefined;
  const prompt = name === "codex.user_prompt" ? contentIn(attributes, "prompt") : undefined;
  return {
    sessionId,
    facts: { agentType: "codex", provider: textIn(attributes, "provider_name"), prompt },
    rows: kind === "logs" ? rowsOf(sessionId, signal) : [],
  };
}

function rowsOf(sessionId: string, signal: Signal): Happening[] {
  const { attributes, name, startedAt: at } = signal;
  if (name === "codex.user_prompt") {
    const text = contentIn(attributes, "prompt") ?? null;
    return [messageOf(sessionId, { key: keyOf(signal), role: "user", text, at })];
  }
  if (name === "codex.sse_event" && attributes["input_token_count"] !== undefined)
    return [callOf(sessionId, signal)];
  if (name === "codex.tool_result") return toolRows(sessionId, signal);
  if (name === "codex.tool_decision") return deniedRows(sessionId, signal);
  if (name === "codex.api_request" && (numberIn(attributes, "http.response.status_code") ?? 200) >= 400) {
    const text =
      textIn(attributes, "error.message") ?? `status ${String(attributes["http.response.status_code"])}`;
    return [errorOf(sessionId, { key: keyOf(signal), text, at })];
  }
  return [];
}

/** Its events have no number; the moment they were observed is told to the nanosecond. */
function keyOf({ name, raw, attributes }: Signal): string {
  const moment = raw["observedTimeUnixNano"] ?? raw["timeUnixNano"] ?? attributes["event.timestamp"];
  return `${name} ${String(moment)}`;
}

/** OpenAI's input holds what came from the cache, and its output what was reasoned. */
function callOf(sessionId: string, signal: Signal): Happening {
  const { attributes, startedAt } = signal;
  const cached = countIn(attributes, "cached_token_count");
  const written = countIn(attributes, "cache_write_token_count");
  const input = Math.max(0, countIn(attributes, "input_token_count") - cached - written);
  return modelCallOf(sessionId, {
    key: `${sessionId} ${keyOf(signal)}`,
    model: textIn(attributes, "model", "slug"),
    tokens: [input, countIn(attributes, "output_token_count"), cached, written],
    reasoning: countIn(attributes, "reasoning_token_count"),
    startedAt,
  });
}

function toolRows(sessionId: string, { attributes, startedAt: at }: Signal): Happening[] {
  const callId = textIn(attributes, "call_id");
  if (callId === undefined) return [];
  const output = textIn(attributes, "output");
  const exit = /^Process exited with code (\d+)$/m.exec(output ?? "")?.[1] ?? "0";
  const failed = !isTrue(attributes["success"]) || exit !== "0";
  const durationMs = numberIn(attributes, "duration_ms");
  return [
    toolOf(sessionId, {
      ...toolIn(attributes, callId),
      input: jsonIn(attributes["arguments"]),
      status: failed ? "error" : "completed",
      ...(failed ? { error: output ?? "error" } : { output }),
      startedAt: at - (durationMs ?? 0),
      endedAt: at,
      durationMs,
      ...(exit === "0" ? {} : { metadata: { exitCode: Number(exit) } }),
    }),
  ];
}

function deniedRows(sessionId: string, { attributes, startedAt: at }: Signal): Happening[] {
  const callId = textIn(attributes, "call_id");
  if (callId === undefined || !/^(denied|abort)/.test(textIn(attributes, "decision") ?? "")) return [];
  const error = `Denied (${textIn(attributes, "source") ?? "unknown"}).`;
  return [toolOf(sessionId, { ...toolIn(attributes, callId), status: "error", error, endedAt: at })];
}

function toolIn(attributes: JsonObject, callId: string): { readonly callId: string; readonly name: string } {
  return { callId, name: textIn(attributes, "tool_name") ?? "unknown" };
}
