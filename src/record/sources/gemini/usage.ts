import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { countOf, type JsonObject, objectOf, own, textOf } from "../claude-code/line.ts";
import { keepNewest } from "../claude-code/state.ts";
import type { GeminiState } from "./state.ts";

const remembered = 400;

/**
 * The call behind an answer. Gemini's input holds what came from the cache, but not what its tools put in; its output
 * does not hold what was thought, which is paid as output. Together they are its `total`.
 */
export function geminiCall(
  state: GeminiState,
  record: JsonObject,
  { at, messageId }: { readonly at: number; readonly messageId: string },
): Happening[] {
  const tokens = objectOf(record["tokens"]);
  if (tokens === undefined) return [];
  const key = textOf(record["id"]) ?? "";
  const model = textOf(record["model"]) ?? "unknown";
  const cached = countOf(tokens["cached"]);
  const thoughts = countOf(tokens["thoughts"]);
  const id = stableId(at, state.sessionId, "call", key);
  if (own(state.calls, id) === undefined) state.models[model] = (own(state.models, model) ?? 0) + 1;
  state.calls[id] = at;
  keepNewest(state.calls, remembered);
  return [
    {
      kind: "modelCall",
      id,
      sessionId: state.sessionId,
      messageId,
      model,
      provider: "google",
      inputTokens: Math.max(0, countOf(tokens["input"]) - cached) + countOf(tokens["tool"]),
      outputTokens: countOf(tokens["output"]) + thoughts,
      cacheReadTokens: cached,
      cacheWriteTokens: 0,
      startedAt: at,
      final: true,
      estimated: false,
      inherited: false,
      metadata: { callId: key, line: state.lines, ...(thoughts > 0 ? { reasoningTokens: thoughts } : {}) },
    },
  ];
}
