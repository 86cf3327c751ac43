import type { Happening } from "../../../model/happening.ts";
import { telemetryId } from "../../../model/id.ts";
import type { SessionStatus } from "../../../model/session.ts";
import { countOf, isDeeperThan, type JsonObject, textOf } from "../claude-code/line.ts";
import { numberOf } from "./signal.ts";

/** What a signal says of a session itself: what it does not know is left out. */
export interface SessionFacts {
  readonly agentType?: string | undefined;
  readonly agentId?: string | undefined;
  readonly parentSessionId?: string | undefined;
  readonly provider?: string | undefined;
  /** A prompt that may name the session. */
  readonly prompt?: string | undefined;
  readonly status?: SessionStatus | undefined;
  readonly errorMessage?: string | null | undefined;
}

/** What one signal tells. */
export interface Telling {
  readonly sessionId: string;
  readonly facts: SessionFacts;
  readonly rows: readonly Happening[];
}

interface Said {
  /** Names it within its session: the same key is the same message. */
  readonly key: string;
  readonly role: string;
  readonly text: string | null;
  readonly at: number;
  readonly model?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

export function messageOf(sessionId: string, { key, role, text, at, model, metadata }: Said): Happening {
  return {
    kind: "message",
    id: telemetryId(sessionId, "message", key),
    sessionId,
    role,
    content: text,
    createdAt: at,
    model: model ?? null,
    metadata: metadata ?? null,
  };
}

/** An error of the server, as a message of the session. */
export function errorOf(sessionId: string, given: { key: string; text: string; at: number }): Happening {
  return messageOf(sessionId, { ...given, role: "system", metadata: { subtype: "api_error" } });
}

interface Called {
  readonly key: string;
  readonly model: string | undefined;
  readonly provider?: string | undefined;
  /** Each token once: input without what the cache gave or took, output with what was reasoned. */
  readonly tokens: readonly [input: number, output: number, cacheRead: number, cacheWrite: number];
  readonly reasoning?: number;
  readonly costUsd?: number | undefined;
  readonly startedAt: number;
  readonly durationMs?: number | undefined;
  readonly metadata?: JsonObject;
}

export function modelCallOf(sessionId: string, given: Called): Happening {
  const { key, model, provider, tokens, reasoning = 0, costUsd, durationMs, metadata } = given;
  const [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens] = tokens;
  return {
    kind: "modelCall",
    id: telemetryId("call", key),
    sessionId,
    model: model ?? "unknown",
    provider: provider ?? null,
    inputTokens,
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    ...(costUsd === undefined ? {} : { costUsd }),
    startedAt: given.startedAt,
    ...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }),
    metadata: { ...metadata, ...(reasoning > 0 ? { reasoningTokens: reasoning } : {}) },
  };
}

interface Ran {
  /** The runtime's own id of the call; where it has none, `key` names it. */
  readonly callId?: string | undefined;
  readonly key?: string;
  readonly name: string;
  readonly status?: "running" | "completed" | "error" | undefined;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string | undefined;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** Deeper input than this is left to the raw lines. */
const deepest = 200;

export function toolOf(sessionId: string, { callId, name, durationMs, ...given }: Ran): Happening {
  const { key = "", status, input, output, error, startedAt, endedAt, metadata } = given;
  const deep = isDeeperThan(input, deepest);
  return {
    kind: "toolExecution",
    id: telemetryId(sessionId, "tool", callId ?? key),
    sessionId,
    toolName: name,
    ...(callId === undefined ? {} : { callId }),
    ...(status === undefined ? {} : { status }),
    ...(input === undefined ? {} : { input: deep ? null : input }),
    ...(output === undefined ? {} : { output: isDeeperThan(output, deepest) ? null : output }),
    ...(error === undefined ? {} : { error }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(durationMs === undefined ? {} : { durationMs: Math.max(0, Math.round(durationMs)) }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** The first of these attributes that is a number of tokens; 0 where none is. */
export function countIn(attributes: JsonObject, ...names: readonly string[]): number {
  const name = names.find((one) => attributes[one] !== undefined);
  return name === undefined ? 0 : countOf(numberOf(attributes[name]));
}

/** The first of these attributes that is a number. */
export function numberIn(attributes: JsonObject, ...names: readonly string[]): number | undefined {
  const name = names.find((one) => attributes[one] !== undefined);
  const number = name === undefined ? undefined : numberOf(attributes[name]);
  return typeof number === "number" ? number : undefined;
}

export function textIn(attributes: JsonObject, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = textOf(attributes[name]);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** What was said, unless the program was not told to export it. */
export function contentIn(attributes: JsonObject, ...names: readonly string[]): string | undefined {
  const text = textIn(attributes, ...names);
  return text === undefined || /^[<[]REDACTED[\]>]$/i.test(text) ? undefined : text;
}

/** JSON in a text, as the value that it is; any other text as it stands. */
export function jsonIn(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{"]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Attributes say `true` or `"true"`. */
export function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}
