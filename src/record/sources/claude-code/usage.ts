import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { countOf, type JsonObject, objectOf, own, type TranscriptLine, textOf } from "./line.ts";
import { keepNewest, noTokens, type OpenCall, type ParserState, type Tokens, zipTokens } from "./state.ts";

/** Lines of one call stand close together; a call is forgotten when this many newer ones came. */
export const rememberedCalls = 24;

export const largest = (one: Tokens, other: Tokens): Tokens => zipTokens(one, other, Math.max);
export const plus = (one: Tokens, other: Tokens): Tokens => zipTokens(one, other, (a, b) => a + b);
export const minus = (one: Tokens, other: Tokens): Tokens =>
  zipTokens(one, other, (a, b) => Math.max(0, a - b));
export const isNone = (tokens: Tokens): boolean => tokens.every((count) => count === 0);

export function tokensOf(usage: unknown): Tokens {
  const given = objectOf(usage);
  return [
    countOf(given?.["input_tokens"]),
    countOf(given?.["output_tokens"]),
    countOf(given?.["cache_read_input_tokens"]),
    countOf(given?.["cache_creation_input_tokens"]),
    countOf(objectOf(given?.["cache_creation"])?.["ephemeral_1h_input_tokens"]),
  ];
}

/** Messages that the program made up itself: no model was called for them. */
export const synthetic = "<synthetic>";

/** The name that all lines of one model call share; undefined where the line tells of no call. */
export function callKey(line: TranscriptLine, message: JsonObject): string | undefined {
  if (objectOf(message["usage"]) === undefined) return undefined;
  if (message["model"] === synthetic && isNone(tokensOf(message["usage"]))) return undefined;
  return textOf(message["id"]) ?? textOf(line.requestId) ?? textOf(line.uuid);
}

/** Copied from the session this one was forked from: its usage is that session's. */
export function isInherited(state: ParserState, line: TranscriptLine): boolean {
  const mine = state.parentSessionId ?? state.sessionId;
  const session = textOf(line.sessionId) ?? mine;
  return session !== mine || (textOf(line.requestSessionId) ?? session) !== session;
}

/** Counts the usage that a line repeats for its call: one usage a call, the largest that any of its lines named. */
export function noteCall(
  state: ParserState,
  line: TranscriptLine,
  given: {
    readonly key: string;
    readonly message: JsonObject;
    readonly at: number;
    readonly messageId: string;
  },
): void {
  const { key, message, at } = given;
  const known = own(state.calls, key);
  const model = known?.model ?? textOf(message["model"]) ?? "unknown";
  const inherited = known?.inherited ?? isInherited(state, line);
  const tokens = largest(known?.tokens ?? noTokens, tokensOf(message["usage"]));
  state.calls[key] = {
    id: known?.id ?? stableId(at, state.sessionId, state.subpath, "call", key),
    at: known?.at ?? at,
    model,
    tokens,
    messageId: known?.messageId ?? given.messageId,
    requestId: known?.requestId ?? textOf(line.requestId),
    inherited,
    estimated: (known?.estimated ?? false) || line.isAbortedMidStream === true,
    final: (known?.final ?? false) || textOf(message["stop_reason"]) !== undefined,
  };
  if (known === undefined) keepNewest(state.calls, rememberedCalls);
  if (known === undefined) state.models[model] = (own(state.models, model) ?? 0) + 1;
  if (!inherited) {
    const grown = minus(tokens, known?.tokens ?? noTokens);
    state.usage[model] = plus(own(state.usage, model) ?? noTokens, grown);
  }
}

export function callHappening(sessionId: string, key: string, call: OpenCall): Happening {
  const [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, cacheWrite1h] = call.tokens;
  return {
    kind: "modelCall",
    id: call.id,
    sessionId,
    messageId: call.messageId,
    model: call.model,
    provider: providerOf(call.model),
    inputTokens,
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    startedAt: call.at,
    final: call.final && !call.estimated,
    estimated: call.estimated,
    inherited: call.inherited,
    metadata: {
      callId: key,
      ...(call.requestId === undefined ? {} : { requestId: call.requestId }),
      ...(cacheWrite1h > 0 ? { cacheWrite1h } : {}),
    },
  };
}

export function providerOf(model: string | null): string | null {
  return model?.startsWith("claude") === true ? "anthropic" : null;
}

/**
 * What the program itself has counted since the session began, over resumes; each line replaces the one before. A
 * saved `--output-format stream-json` says it in its `result` lines, where the other lines have output counts of 1.
 */
export function noteCostState(state: ParserState, line: TranscriptLine, at: number): void {
  if (objectOf(line.modelUsage) === undefined) return;
  const models: Record<string, Tokens> = {};
  for (const [model, value] of Object.entries(objectOf(line.modelUsage) ?? {})) {
    const given = objectOf(value);
    models[model] = [
      countOf(given?.["inputTokens"]),
      countOf(given?.["outputTokens"]),
      countOf(given?.["cacheReadInputTokens"]),
      countOf(given?.["cacheCreationInputTokens"]),
      countOf(given?.["cacheCreationEphemeral1hInputTokens"]),
    ];
  }
  state.told = { at, models, usage: { ...state.usage } };
}
