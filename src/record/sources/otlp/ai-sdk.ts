import type { Happening } from "../../../model/happening.ts";
import { type JsonObject, objectOf } from "../claude-code/line.ts";
import { sinceAnswer, type Turn, turnsOf } from "./conversation.ts";
import { sayTurns, sessionOf } from "./genai.ts";
import type { Signal } from "./signal.ts";
import { countIn, jsonIn, modelCallOf, numberIn, type Telling, textIn, toolOf } from "./telling.ts";

const namedBy = ["ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId"] as const;

/**
 * The AI SDK's own spans (`ai.*`, to version 6), which OpenCode sends: one a call of the model (`….doStream`,
 * `….doGenerate`), one a tool call. The spans around them sum up, and are kept raw only.
 */
export function aiSdkTelling(signal: Signal): Telling | undefined {
  const { attributes, resource, kind, name } = signal;
  const sessionId = sessionOf(signal, ...namedBy);
  if (sessionId === undefined || kind !== "traces") return undefined;
  const isOpenCode = textIn(resource, "service.name") === "opencode";
  // OpenCode asks for the session's title by a call without tools; its tokens count, its words are not the talk's.
  const hidden = isOpenCode && attributes["ai.prompt.tools"] === undefined;
  const isCall = /\.do(Stream|Generate)$/.test(name);
  const rows =
    name === "ai.toolCall"
      ? toolRows(sessionId, signal)
      : isCall
        ? [...(hidden ? [] : saidRows(sessionId, signal)), ...callRows(sessionId, signal, hidden)]
        : [];
  const prompt = rows.find((row) => row.kind === "message" && row.role === "user");
  return {
    sessionId,
    facts: {
      agentType: textIn(resource, "service.name") ?? textIn(attributes, "ai.telemetry.functionId"),
      provider: textIn(attributes, "ai.model.provider", "gen_ai.system"),
      ...(prompt?.kind === "message" ? { prompt: prompt.content ?? undefined } : {}),
    },
    rows,
  };
}

function saidRows(sessionId: string, signal: Signal): Happening[] {
  const { attributes, startedAt, endedAt } = signal;
  const answer: Turn = {
    role: "assistant",
    text: textIn(attributes, "ai.response.text") ?? "",
    thinking: textIn(attributes, "ai.response.reasoning") ?? "",
    calls: [],
    results: [],
  };
  const asked = sinceAnswer(turnsOf(attributes["ai.prompt.messages"]));
  return [
    ...sayTurns(sessionId, signal, { turns: asked, at: startedAt }),
    ...sayTurns(sessionId, signal, { turns: [answer], at: endedAt }),
  ];
}

/** Its input holds what came from the cache and went to it. */
function tokensIn(attributes: JsonObject): readonly [number, number, number, number] {
  const read = countIn(
    attributes,
    "ai.usage.inputTokenDetails.cacheReadTokens",
    "ai.usage.cachedInputTokens",
  );
  const written = countIn(attributes, "ai.usage.inputTokenDetails.cacheWriteTokens");
  const all = countIn(
    attributes,
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "gen_ai.usage.input_tokens",
  );
  const output = countIn(
    attributes,
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
    "gen_ai.usage.output_tokens",
  );
  return [all >= read + written ? all - read - written : all, output, read, written];
}

function callRows(sessionId: string, signal: Signal, hidden: boolean): Happening[] {
  const { attributes, traceId, spanId, startedAt, endedAt } = signal;
  const tokens = tokensIn(attributes);
  if (tokens.every((count) => count === 0)) return [];
  const responseId = textIn(attributes, "gen_ai.response.id", "ai.response.id");
  const first = numberIn(attributes, "ai.response.msToFirstChunk");
  return [
    modelCallOf(sessionId, {
      key: `${sessionId} ${responseId ?? `${traceId}/${spanId}`}`,
      model: textIn(attributes, "ai.response.model", "ai.model.id"),
      provider: textIn(attributes, "ai.model.provider", "gen_ai.system"),
      tokens,
      reasoning: countIn(
        attributes,
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
      ),
      startedAt,
      durationMs: endedAt - startedAt,
      metadata: {
        ...(responseId === undefined ? {} : { callId: responseId }),
        ...(first === undefined ? {} : { ttftMs: Math.round(first) }),
        ...(hidden ? { hidden: true } : {}),
      },
    }),
  ];
}

function toolRows(sessionId: string, signal: Signal): Happening[] {
  const { attributes, startedAt, endedAt, traceId, spanId } = signal;
  const { output, exitCode } = resultIn(attributes["ai.toolCall.result"]);
  const failure = signal.failure ?? (exitCode === 0 ? undefined : String(output));
  return [
    toolOf(sessionId, {
      callId: textIn(attributes, "ai.toolCall.id"),
      key: `${traceId}/${spanId}`,
      name: textIn(attributes, "ai.toolCall.name") ?? "unknown",
      status: failure === undefined ? "completed" : "error",
      input: jsonIn(attributes["ai.toolCall.args"]),
      ...(failure === undefined ? { output } : { error: failure }),
      ...(exitCode === 0 ? {} : { metadata: { exitCode } }),
      startedAt,
      endedAt,
      durationMs: endedAt - startedAt,
    }),
  ];
}

/** OpenCode's tools answer an object around what they put out; a command that failed is told by its exit code. */
function resultIn(value: unknown): { readonly output: unknown; readonly exitCode: number } {
  const output = jsonIn(value);
  const around = objectOf(output);
  const exit = objectOf(around?.["metadata"])?.["exit"];
  return {
    output: typeof around?.["title"] === "string" ? (around["output"] ?? output) : output,
    exitCode: typeof exit === "number" ? exit : 0,
  };
}
