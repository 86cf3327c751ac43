import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { countOf, momentOf, objectOf, textOf } from "../claude-code/line.ts";
import { noTokens, type Tokens } from "../claude-code/state.ts";
import { isNone, minus, plus } from "../claude-code/usage.ts";
import { type OpenCodeMessage, type OpenCodeSession, openCodeTokens } from "./rows.ts";

export type ModelCallHappening = Extract<Happening, { kind: "modelCall" }>;

interface Call {
  readonly name: string;
  readonly tokens: Tokens;
  readonly cost: unknown;
  readonly reasoning: number;
  readonly at: number;
}

/** The calls behind an answer: one a step; where no step was finished, what the answer itself says. */
function callsOf({ id, at, data, parts }: OpenCodeMessage): Call[] {
  const steps = parts.filter((part) => part.data["type"] === "step-finish");
  const told = steps.length > 0 ? steps : [{ id, at, data }];
  return told
    .map((one) => ({
      name: one.id,
      at,
      tokens: openCodeTokens(one.data["tokens"]),
      cost: one.data["cost"],
      reasoning: countOf(objectOf(one.data["tokens"])?.["reasoning"]),
    }))
    .filter(({ tokens }) => !isNone(tokens));
}

/** The model calls of a session: those of its answers, and, as one more, what it counts beside them (its title). */
export function openCodeCalls(
  sessionId: string,
  { row, messages }: OpenCodeSession,
  messageOf: ReadonlyMap<string, string>,
): ModelCallHappening[] {
  const forkedAt = momentOf(row["time_created"]) ?? 0;
  let known = noTokens;
  let copied = false;
  const calls = messages.flatMap((message) => {
    const inherited = message.at < forkedAt;
    if (message.data["role"] !== "assistant") return [];
    return callsOf(message).map((call): ModelCallHappening => {
      known = plus(known, call.tokens);
      copied ||= inherited;
      const told = typeof call.cost === "number" && call.cost > 0 ? call.cost : undefined;
      return {
        ...numbers(sessionId, call.tokens),
        id: stableId(message.at, sessionId, "call", call.name),
        messageId: messageOf.get(message.id) ?? null,
        model: textOf(message.data["modelID"]) ?? "unknown",
        provider: textOf(message.data["providerID"]) ?? null,
        startedAt: call.at,
        final: true,
        estimated: false,
        inherited,
        // What OpenCode itself worked out; a subscription costs nothing, and gets the list price.
        ...(told === undefined ? {} : { costUsd: told }),
        metadata: {
          callId: call.name,
          ...(told === undefined ? {} : { toldCostUsd: told }),
          ...(call.reasoning > 0 ? { reasoningTokens: call.reasoning } : {}),
        },
      };
    });
  });
  const left = minus(totalsOf(row), known);
  // A fork's totals began with its parent's.
  if (copied || isNone(left)) return calls;
  const last = calls.at(-1);
  return [
    ...calls,
    {
      ...noHiddenCall(sessionId),
      ...numbers(sessionId, left),
      model: last?.model ?? "unknown",
      provider: last?.provider ?? null,
      startedAt: last?.startedAt ?? 0,
    },
  ];
}

/** What a session counts beside its answers is one call: here without a token. */
export function noHiddenCall(sessionId: string): ModelCallHappening & { readonly id: string } {
  return {
    ...numbers(sessionId, noTokens),
    id: stableId(0, sessionId, "hidden"),
    messageId: null,
    model: "unknown",
    provider: null,
    startedAt: 0,
    final: false,
    estimated: true,
    inherited: false,
    metadata: { hidden: true },
  };
}

function numbers(
  sessionId: string,
  [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens]: Tokens,
): Pick<
  ModelCallHappening,
  "kind" | "sessionId" | "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens"
> {
  return { kind: "modelCall", sessionId, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens };
}

/** What OpenCode counted for a session. */
function totalsOf(row: OpenCodeSession["row"]): Tokens {
  return [
    countOf(row["tokens_input"]),
    countOf(row["tokens_output"]) + countOf(row["tokens_reasoning"]),
    countOf(row["tokens_cache_read"]),
    countOf(row["tokens_cache_write"]),
    0,
  ];
}
