import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { countOf, type JsonObject, objectOf, own, textOf } from "../claude-code/line.ts";
import type { Tokens } from "../claude-code/state.ts";
import { isNone, minus } from "../claude-code/usage.ts";
import type { CodexState } from "./state.ts";

/**
 * What Codex counts, with each token once: its input holds what was read from the cache and written to it, its output
 * what was reasoned. `total_tokens` is the sum of these four.
 */
export function codexTokens(usage: unknown): Tokens {
  const given = objectOf(usage);
  const cached = countOf(given?.["cached_input_tokens"]);
  const written = countOf(given?.["cache_write_input_tokens"]);
  const input = Math.max(0, countOf(given?.["input_tokens"]) - cached - written);
  return [input, countOf(given?.["output_tokens"]), cached, written, 0];
}

interface Counted {
  readonly tokens: Tokens;
  readonly at: number;
  readonly key: string;
  readonly inherited: boolean;
  readonly reasoning: number;
}

/** A `token_usage_record`: one call of a model, exactly (since 0.16x). */
export function usageRecord(state: CodexState, payload: JsonObject, at: number): Happening[] {
  const usage = objectOf(payload["usage"]);
  if (usage === undefined) return [];
  const total = objectOf(payload["thread_token_usage"]);
  if (total !== undefined) state.counted = codexTokens(total);
  const thread = textOf(payload["thread_id"]) ?? state.sessionId;
  return [
    callOf(state, {
      tokens: codexTokens(usage),
      at,
      key: textOf(payload["response_id"]) ?? `line ${state.lines}`,
      inherited: thread !== state.sessionId || isCopied(state),
      reasoning: countOf(usage["reasoning_output_tokens"]),
    }),
  ];
}

/**
 * A `token_count` says the total so far, again and again: what it grew by is a call that no record told of. The first
 * of a fork begins with what its parent used.
 */
export function tokenCount(state: CodexState, payload: JsonObject, at: number): Happening[] {
  const info = objectOf(payload["info"]);
  if (info === undefined) return [];
  const total = codexTokens(info["total_token_usage"]);
  const last = objectOf(info["last_token_usage"]);
  const shrank = total.some((count, kind) => count < (state.counted[kind] ?? 0));
  const first = isNone(state.counted);
  const grown = minus(total, state.counted);
  state.counted = total;
  const afresh = shrank || (first && state.forkedFrom !== null);
  const tokens = afresh && last !== undefined ? codexTokens(last) : grown;
  if (isNone(tokens)) return [];
  return [
    callOf(state, {
      tokens,
      at,
      key: `line ${state.lines}`,
      inherited: isCopied(state),
      reasoning: countOf(last?.["reasoning_output_tokens"]),
    }),
  ];
}

/** A fork's file begins with its parent's lines: their turns have older ids (version 7) than the session itself. */
export function isCopied({ forkedFrom, turnId, sessionId }: CodexState): boolean {
  return forkedFrom !== null && (turnId === null || turnId < sessionId);
}

function callOf(state: CodexState, { tokens, at, key, inherited, reasoning }: Counted): Happening {
  const model = state.model ?? "unknown";
  if (!inherited) state.models[model] = (own(state.models, model) ?? 0) + 1;
  const [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens] = tokens;
  return {
    kind: "modelCall",
    id: stableId(at, state.sessionId, "call", key),
    sessionId: state.sessionId,
    messageId: state.messageId,
    model,
    provider: state.provider,
    inputTokens,
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    startedAt: at,
    final: true,
    estimated: false,
    inherited,
    metadata: { callId: key, line: state.lines, ...(reasoning > 0 ? { reasoningTokens: reasoning } : {}) },
  };
}
