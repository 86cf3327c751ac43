import { objectOf, textOf, type JsonObject } from "../claude-code/line.ts";
import type { Signal } from "./signal.ts";
import { jsonIn } from "./telling.ts";

/** A tool of which only a result is told. */
export const unnamed = "unknown";

/** One message as telemetry has it: what was said, and the calls and results that stood beside it. */
export interface Turn {
  readonly role: string;
  readonly text: string;
  readonly thinking: string;
  readonly calls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly input: unknown }>;
  readonly results: ReadonlyArray<{ readonly id: string; readonly name: string; readonly output: unknown }>;
}

interface Conversation {
  /** What was said since the model last answered: what stands before it was told with an earlier call. */
  readonly asked: readonly Turn[];
  readonly answered: readonly Turn[];
}

/**
 * What was said in a call, wherever its convention has it: in attributes (`gen_ai.input.messages`), in an event with
 * all of it (`gen_ai.client.inference.operation.details`), in one event a message (`gen_ai.user.message`,
 * `gen_ai.choice`; to 1.36), or in numbered attributes (`gen_ai.prompt.0.content`).
 */
export function conversationOf({ attributes, events }: Signal): Conversation {
  const details = events.find(({ name }) => name === "gen_ai.client.inference.operation.details");
  const from = { ...attributes, ...details?.attributes };
  const told = events.flatMap(({ name, attributes: own }) => turnOfEvent(name, own, undefined) ?? []);
  const input = [
    ...turnsOf(from["gen_ai.input.messages"]),
    ...numbered(from, "gen_ai.prompt"),
    ...told.filter(({ isAnswer }) => !isAnswer).map(({ turn }) => turn),
  ];
  const output = [
    ...turnsOf(from["gen_ai.output.messages"]),
    ...numbered(from, "gen_ai.completion"),
    ...told.filter(({ isAnswer }) => isAnswer).map(({ turn }) => turn),
  ];
  return { asked: sinceAnswer(named(input)), answered: output };
}

/** A result names only its call: what was called stands there. */
function named(turns: readonly Turn[]): Turn[] {
  const names = new Map(turns.flatMap(({ calls }) => calls.map(({ id, name }) => [id, name])));
  return turns.map((turn) => ({
    ...turn,
    results: turn.results.map((result) => ({ ...result, name: names.get(result.id) ?? result.name })),
  }));
}

export function sinceAnswer(turns: readonly Turn[]): readonly Turn[] {
  return turns.slice(turns.findLastIndex(({ role }) => role === "assistant" || role === "model") + 1);
}

/** An event or a log record that is one message. */
export function turnOfEvent(
  name: string,
  attributes: JsonObject,
  body: unknown,
): { readonly turn: Turn; readonly isAnswer: boolean } | undefined {
  const role = /^gen_ai\.(user|assistant|system|tool)\.message$/.exec(name)?.[1];
  if (role === undefined && name !== "gen_ai.choice") return undefined;
  const given = objectOf(jsonIn(body)) ?? attributes;
  const message = objectOf(jsonIn(given["message"])) ?? given;
  const turn = turnOf({ role: role ?? "assistant", ...message });
  return turn === undefined ? undefined : { turn, isAnswer: role === undefined };
}

/** Messages as a list, or as the JSON of one. */
export function turnsOf(value: unknown): Turn[] {
  const list = jsonIn(value);
  if (typeof list === "string") return [plain("user", list)];
  return Array.isArray(list) ? list.flatMap((item) => turnOf(item) ?? []) : [];
}

function plain(role: string, text: string): Turn {
  return { role, text, thinking: "", calls: [], results: [] };
}

/** `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`, … */
function numbered(attributes: JsonObject, prefix: string): Turn[] {
  const turns: Turn[] = [];
  for (let at = 0; at < 10_000; at++) {
    const role = textOf(attributes[`${prefix}.${at}.role`]);
    const content = attributes[`${prefix}.${at}.content`];
    if (role === undefined && content === undefined) return turns;
    const turn = turnOf({
      role: role ?? (prefix.endsWith("prompt") ? "user" : "assistant"),
      content: jsonIn(content),
    });
    if (turn !== undefined) turns.push(turn);
  }
  return turns;
}

function turnOf(given: unknown): Turn | undefined {
  const message = objectOf(given);
  if (message === undefined) return undefined;
  const parts = jsonIn(message["parts"] ?? message["content"]);
  const role = textOf(message["role"]) ?? "user";
  if (typeof parts === "string") {
    // A tool's answer as a message of its own.
    const id = textOf(message["id"] ?? message["tool_call_id"]);
    return role === "tool" && id !== undefined
      ? { ...plain(role, ""), results: [{ id, name: unnamed, output: parts }] }
      : plain(role, parts);
  }
  const list = (Array.isArray(parts) ? parts : []).map(objectOf).filter((part) => part !== undefined);
  return {
    role,
    text: list.map((part) => (part["type"] === "text" ? partText(part) : "")).join(""),
    thinking: list.map((part) => (part["type"] === "reasoning" ? partText(part) : "")).join(""),
    calls: list.flatMap((part) => callIn(part)),
    results: list.flatMap((part) => resultIn(part)),
  };
}

function partText(part: JsonObject): string {
  return textOf(part["content"]) ?? textOf(part["text"]) ?? "";
}

/** As the conventions write it, and as the AI SDK does. */
function callIn(part: JsonObject): Turn["calls"] {
  if (part["type"] !== "tool_call" && part["type"] !== "tool-call") return [];
  const id = textOf(part["id"]) ?? textOf(part["toolCallId"]);
  const name = textOf(part["name"]) ?? textOf(part["toolName"]) ?? unnamed;
  return id === undefined ? [] : [{ id, name, input: part["arguments"] ?? part["input"] }];
}

function resultIn(part: JsonObject): Turn["results"] {
  if (part["type"] !== "tool_call_response" && part["type"] !== "tool-result") return [];
  const id = textOf(part["id"]) ?? textOf(part["toolCallId"]);
  const name = textOf(part["name"]) ?? textOf(part["toolName"]) ?? unnamed;
  return id === undefined ? [] : [{ id, name, output: part["response"] ?? part["result"] ?? part["output"] }];
}
