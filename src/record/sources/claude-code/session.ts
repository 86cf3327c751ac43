import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { modelFamily } from "../../../domains/prices.ts";
import { type JsonObject, objectOf, textOf } from "./line.ts";
import { noTokens, type ParserState, type Tokens } from "./state.ts";
import { bestTitle, titleOf } from "./title.ts";
import { isNone, minus, plus, providerOf, synthetic } from "./usage.ts";

export const sourceName = "claude-code";

/** The session as its lines tell it so far. */
export function sessionHappening(state: ParserState): Happening {
  const model = mostCalled(state.models);
  const metadata: JsonObject = {
    ...(state.version === null ? {} : { version: state.version }),
    ...(state.forkedFrom === null ? {} : { forkedFrom: state.forkedFrom }),
    ...(state.meta === null ? {} : { agent: state.meta }),
  };
  const startedAt = state.startedAt ?? state.lastAt ?? 0;
  return {
    kind: "session",
    id: state.sessionId,
    agentType: state.agentType ?? (state.parentSessionId === null ? sourceName : "subagent"),
    model,
    provider: providerOf(model),
    startedAt,
    endedAt: Math.max(startedAt, state.endedAt ?? startedAt),
    status: state.status,
    errorMessage: state.errorMessage,
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
    projectPath: state.projectPath,
    title: titleOf(textOf(objectOf(state.meta)?.["description"]) ?? "") ?? bestTitle(state.titles),
    source: sourceName,
    sourceId: state.agentId,
    agentId: state.agentId,
    // Who started a session of its own stands in no transcript: what is known from elsewhere stays.
    ...(state.parentSessionId === null ? {} : { parentSessionId: state.parentSessionId }),
    gitBranch: state.gitBranch,
  };
}

export function mostCalled(models: Readonly<Record<string, number>>): string | null {
  const named = Object.entries(models).filter(([model]) => model !== synthetic);
  named.sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  return named[0]?.[0] ?? null;
}

type ModelCallHappening = Extract<Happening, { kind: "modelCall" }> & { readonly id: string };

/**
 * Calls that stand in no line (compaction, titles): what the program counted less what the lines of the session and
 * of its sub-agents account for, one estimated call a model. A model that has nothing left over is answered with
 * zeros, so that an earlier, larger remainder can be taken back. A fork has none: its count began with its parent's.
 */
export function hiddenCalls(
  main: ParserState,
  subagents: readonly ParserState[],
): readonly ModelCallHappening[] {
  const { told } = main;
  if (told === null || main.forkedFrom !== null) return [];
  const known = new Map<string, Tokens>();
  const account = (usage: Readonly<Record<string, Tokens>>): void => {
    for (const [model, tokens] of Object.entries(usage)) {
      const family = modelFamily(model);
      known.set(family, plus(known.get(family) ?? noTokens, tokens));
    }
  };
  account(told.usage);
  for (const { usage } of subagents) account(usage);
  return Object.entries(told.models).map(([model, tokens]) => {
    const left = minus(tokens, known.get(modelFamily(model)) ?? noTokens);
    return {
      kind: "modelCall",
      id: stableId(0, main.sessionId, "hidden", modelFamily(model)),
      sessionId: main.sessionId,
      messageId: null,
      model,
      provider: providerOf(model),
      inputTokens: left[0],
      outputTokens: left[1],
      cacheReadTokens: left[2],
      cacheWriteTokens: left[3],
      startedAt: told.at,
      final: false,
      estimated: true,
      inherited: false,
      metadata: { hidden: true, ...(left[4] > 0 ? { cacheWrite1h: left[4] } : {}) },
    };
  });
}

export function isEmptyCall(call: ModelCallHappening): boolean {
  return isNone([
    call.inputTokens ?? 0,
    call.outputTokens ?? 0,
    call.cacheReadTokens ?? 0,
    call.cacheWriteTokens ?? 0,
    0,
  ]);
}
