import type { Happening } from "../../../model/happening.ts";
import type { JsonObject } from "../claude-code/line.ts";
import { conversationOf, type Turn, turnOfEvent, unnamed } from "./conversation.ts";
import type { Signal } from "./signal.ts";
import {
  countIn,
  errorOf,
  jsonIn,
  messageOf,
  modelCallOf,
  numberIn,
  type SessionFacts,
  type Telling,
  textIn,
  toolOf,
} from "./telling.ts";

/** Operations that call a model. A span or an event with tokens and no operation is one, too. */
const calling = new Set(["chat", "text_completion", "generate_content", "embeddings", "completion"]);

/** Names that may stand for a session, the best first. */
const sessionNames = ["gen_ai.conversation.id", "session.id", "conversation.id", "thread.id"] as const;

export function sessionOf(
  { attributes, resource, traceId }: Signal,
  ...more: readonly string[]
): string | undefined {
  const named = textIn(attributes, ...more, ...sessionNames) ?? textIn(resource, ...sessionNames);
  return named ?? (traceId === "" ? undefined : `trace-${traceId}`);
}

/** Whoever speaks the GenAI conventions, in their newer and older names. Without a conversation's id, a trace is one. */
export function genAiTelling(signal: Signal): Telling | undefined {
  const { attributes, kind, name } = signal;
  const sessionId = sessionOf(signal);
  if (sessionId === undefined || kind === "metrics") return undefined;
  const operation = textIn(attributes, "gen_ai.operation.name");
  const single = kind === "logs" ? turnOfEvent(name, attributes, signal.body) : undefined;
  const isCall = operation === undefined ? tokensIn(attributes) !== undefined : calling.has(operation);
  const rows =
    single !== undefined
      ? sayTurns(sessionId, signal, { turns: [single.turn], at: signal.startedAt })
      : operation === "execute_tool"
        ? toolRows(sessionId, signal)
        : isCall || operation === "invoke_agent"
          ? [...saidRows(sessionId, signal), ...(isCall ? callRows(sessionId, signal) : [])]
          : [];
  return { sessionId, facts: factsOf(signal, operation, rows), rows };
}

function factsOf(
  { attributes, resource, kind, failure }: Signal,
  operation: string | undefined,
  rows: readonly Happening[],
): SessionFacts {
  const prompt = rows.find((row) => row.kind === "message" && row.role === "user");
  return {
    agentType: textIn(attributes, "gen_ai.agent.name") ?? textIn(resource, "service.name"),
    provider: textIn(attributes, "gen_ai.provider.name", "gen_ai.system"),
    ...(prompt?.kind === "message" ? { prompt: prompt.content ?? undefined } : {}),
    ...(operation !== "invoke_agent" || kind !== "traces"
      ? {}
      : failure === undefined
        ? { status: "completed", errorMessage: null }
        : { status: "error", errorMessage: failure }),
  };
}

function saidRows(sessionId: string, signal: Signal): Happening[] {
  const { asked, answered } = conversationOf(signal);
  const { failure, traceId, startedAt, endedAt } = signal;
  return [
    ...sayTurns(sessionId, signal, { turns: asked, at: startedAt }),
    ...sayTurns(sessionId, signal, { turns: answered, at: endedAt }),
    ...(failure === undefined || traceId === ""
      ? []
      : [errorOf(sessionId, { key: `${traceId} error ${failure}`, text: failure, at: endedAt })]),
  ];
}

/**
 * Messages of a call. A call and the run around it tell the same ones, so within a trace the same words of the same
 * role are one message; the second time they are said in one list, they are another.
 */
export function sayTurns(
  sessionId: string,
  { traceId, attributes, raw }: Signal,
  { turns, at }: { readonly turns: readonly Turn[]; readonly at: number },
): Happening[] {
  const seen = new Map<string, number>();
  const model = textIn(attributes, "gen_ai.response.model", "gen_ai.request.model");
  const scope = traceId === "" ? String(raw["timeUnixNano"] ?? raw["observedTimeUnixNano"]) : traceId;
  const say = (role: string, text: string, metadata?: JsonObject): Happening[] => {
    if (text === "") return [];
    const name = `${role} ${text}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const said = { key: `${scope} ${count} ${name}`, role, text, at, metadata };
    return [messageOf(sessionId, role === "assistant" ? { ...said, model } : said)];
  };
  return turns.flatMap(({ role: given, text, thinking, calls, results }) => {
    const role = given === "model" ? "assistant" : given;
    return [
      ...say(role, thinking, { thinking: true }),
      ...say(role, text),
      ...calls.map(({ id, name, input }) =>
        toolOf(sessionId, { callId: id, name, input: jsonIn(input), startedAt: at }),
      ),
      // How it went stands in the tool's own span, where there is one. A result alone does not name its tool.
      ...results
        .filter(({ name }) => name !== unnamed)
        .map(({ id, name, output }) =>
          toolOf(sessionId, { callId: id, name, output: jsonIn(output), endedAt: at }),
        ),
    ];
  });
}

type Tokens = readonly [input: number, output: number, cacheRead: number, cacheWrite: number];

const inputNames = ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"];
const outputNames = [
  "gen_ai.usage.output_tokens",
  "gen_ai.usage.completion_tokens",
  "llm.usage.completion_tokens",
];

/** Each token once, or undefined where none are told. */
function tokensIn(attributes: JsonObject): Tokens | undefined {
  const told = [...inputNames, ...outputNames].some((name) => attributes[name] !== undefined);
  if (!told) return undefined;
  const all = countIn(attributes, ...inputNames);
  const read = countIn(
    attributes,
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_tokens",
  );
  const written = countIn(
    attributes,
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
  );
  // The conventions want them in the input; who counts them beside it shows it by an input that is too small.
  const input = all >= read + written ? all - read - written : all;
  return [input, countIn(attributes, ...outputNames), read, written];
}

function callRows(sessionId: string, signal: Signal): Happening[] {
  const { attributes, traceId, spanId, startedAt, endedAt, kind } = signal;
  const tokens = tokensIn(attributes);
  if (tokens === undefined) return [];
  const responseId = textIn(attributes, "gen_ai.response.id");
  const first = numberIn(attributes, "gen_ai.response.time_to_first_chunk");
  return [
    modelCallOf(sessionId, {
      key: `${sessionId} ${responseId ?? `${traceId}/${spanId}`}`,
      model: textIn(attributes, "gen_ai.response.model", "gen_ai.request.model"),
      provider: textIn(attributes, "gen_ai.provider.name", "gen_ai.system"),
      tokens,
      reasoning: countIn(attributes, "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
      startedAt,
      ...(kind === "traces" ? { durationMs: endedAt - startedAt } : {}),
      metadata: {
        ...(responseId === undefined ? {} : { callId: responseId }),
        ...(first === undefined ? {} : { ttftMs: Math.round(first * 1000) }),
      },
    }),
  ];
}

function toolRows(sessionId: string, { attributes, failure, name, ...signal }: Signal): Happening[] {
  const { startedAt, endedAt, traceId, spanId } = signal;
  return [
    toolOf(sessionId, {
      callId: textIn(attributes, "gen_ai.tool.call.id"),
      key: `${traceId}/${spanId}`,
      name: textIn(attributes, "gen_ai.tool.name") ?? name.replace(/^execute_tool /, ""),
      status: failure === undefined ? "completed" : "error",
      input: jsonIn(attributes["gen_ai.tool.call.arguments"]),
      output: jsonIn(attributes["gen_ai.tool.call.result"]),
      error: failure,
      startedAt,
      endedAt,
      durationMs: endedAt - startedAt,
    }),
  ];
}
