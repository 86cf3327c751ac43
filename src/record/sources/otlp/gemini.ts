import type { Happening } from "../../../model/happening.ts";
import { objectOf, textOf } from "../claude-code/line.ts";
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

/**
 * Gemini CLI: its log events `gemini_cli.*` tell all. It says the same calls once more in the names of the GenAI
 * conventions, as events and as spans; those are kept raw only, or every token would count twice.
 */
export function geminiTelling(signal: Signal): Telling | undefined {
  const { attributes, resource, name, kind } = signal;
  const sessionId =
    textIn(attributes, "session.id", "gen_ai.conversation.id") ?? textIn(resource, "session.id");
  if (sessionId === undefined) return undefined;
  const prompt = name === "gemini_cli.user_prompt" ? contentIn(attributes, "prompt") : undefined;
  return {
    sessionId,
    facts: { agentType: "gemini", provider: "google", prompt },
    rows: kind === "logs" ? rowsOf(sessionId, signal) : [],
  };
}

function rowsOf(sessionId: string, signal: Signal): Happening[] {
  const { attributes, name, startedAt: at } = signal;
  const key = keyOf(signal);
  if (name === "gemini_cli.user_prompt") {
    const text = contentIn(attributes, "prompt") ?? null;
    return [messageOf(sessionId, { key, role: "user", text, at })];
  }
  if (name === "gemini_cli.api_response") return answerRows(sessionId, signal);
  if (name === "gemini_cli.api_error") {
    const text = textIn(attributes, "error", "error.message", "error_type") ?? "error";
    return [errorOf(sessionId, { key, text, at })];
  }
  return name === "gemini_cli.tool_call" ? [toolRow(sessionId, signal)] : [];
}

function keyOf({ name, attributes, raw }: Signal): string {
  return `${name} ${textIn(attributes, "event.timestamp") ?? String(raw["timeUnixNano"])}`;
}

/** Input holds what came from the cache, but not what tools put in; output does not hold what was thought. */
function answerRows(sessionId: string, signal: Signal): Happening[] {
  const { attributes, startedAt: at } = signal;
  const model = textIn(attributes, "model");
  const cached = countIn(attributes, "cached_content_token_count");
  const thoughts = countIn(attributes, "thoughts_token_count");
  const durationMs = numberIn(attributes, "duration_ms");
  const input = Math.max(0, countIn(attributes, "input_token_count") - cached);
  const call = modelCallOf(sessionId, {
    key: `${sessionId} ${keyOf(signal)}`,
    model,
    provider: "google",
    tokens: [
      input + countIn(attributes, "tool_token_count"),
      countIn(attributes, "output_token_count") + thoughts,
      cached,
      0,
    ],
    reasoning: thoughts,
    startedAt: at - (durationMs ?? 0),
    durationMs,
  });
  const text = answerText(attributes["response_text"]);
  const said = { key: keyOf(signal), role: "assistant", text, at, model };
  return text === "" ? [call] : [messageOf(sessionId, said), call];
}

/** The pieces of an answer as the server streamed them, thoughts left out. */
function answerText(response: unknown): string {
  const pieces = jsonIn(response);
  if (!Array.isArray(pieces)) return typeof pieces === "string" ? pieces : "";
  return pieces
    .flatMap((piece) => objectOf(piece)?.["candidates"] ?? [])
    .flatMap((candidate) => objectOf(objectOf(candidate)?.["content"])?.["parts"] ?? [])
    .map((part) => (objectOf(part)?.["thought"] === true ? "" : (textOf(objectOf(part)?.["text"]) ?? "")))
    .join("");
}

function toolRow(sessionId: string, signal: Signal): Happening {
  const { attributes, startedAt: at } = signal;
  const durationMs = numberIn(attributes, "duration_ms");
  const failed = !isTrue(attributes["success"]);
  const name = textIn(attributes, "function_name") ?? "unknown";
  return toolOf(sessionId, {
    key: `${keyOf(signal)} ${name}`,
    name,
    input: jsonIn(attributes["function_args"]),
    status: failed ? "error" : "completed",
    ...(failed ? { error: textIn(attributes, "error", "error_type") ?? "error" } : {}),
    startedAt: at - (durationMs ?? 0),
    endedAt: at,
    durationMs,
  });
}
