import type { Engine } from "../engine/engine.ts";
import { type ModelCall, modelCalls } from "../model/model-call.ts";
import { importedFiles } from "../model/raw-event.ts";
import { rawBytes } from "./export.ts";
import { objectOf, parseLine, type TranscriptLine, textOf } from "./sources/claude-code/line.ts";
import { sourceName } from "./sources/claude-code/session.ts";
import { freshState, type Tokens } from "./sources/claude-code/state.ts";
import { callKey, isInherited, tokensOf } from "./sources/claude-code/usage.ts";

/** One call of a model and the lines that tell of it. */
export interface ExplainedCall {
  readonly call: ModelCall;
  /** Numbers of all lines that carry its usage, from 1; none for a call that stands in no line. */
  readonly lines: readonly number[];
  /** The line whose numbers were taken: the largest, the last of several. */
  readonly takenFrom: number | null;
}

export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
}

export interface CostExplanation {
  readonly sessionId: string;
  /** Counted into the session's cost. */
  readonly counted: readonly ExplainedCall[];
  /** Listed, and not counted: copied from the session this one was forked from. */
  readonly inherited: readonly ExplainedCall[];
  /** Lines with a usage that added nothing, and why. */
  readonly rejected: readonly RejectedLine[];
  readonly costUsd: number;
  readonly costComplete: boolean;
}

interface Evidence {
  readonly lines: Array<{ readonly line: number; readonly tokens: Tokens }>;
  inheritedFrom: string | null;
}

/** Which lines made the cost of a session: read again from the transcript that is kept, nothing is stored for it. */
export async function explainCost(engine: Engine, sessionId: string): Promise<CostExplanation> {
  const calls = await engine.find(modelCalls, { where: { sessionId }, orderBy: [["startedAt", "up"]] });
  const { evidence, rejected } = await readEvidence(engine, sessionId);
  const explained = calls.map((call) => explainCall(call, evidence));
  const counted = explained.filter(({ call }) => !call.inherited);
  return {
    sessionId,
    counted,
    inherited: explained.filter(({ call }) => call.inherited),
    rejected: [...rejected, ...repeats(evidence)].sort((a, b) => a.line - b.line),
    costUsd: counted.reduce((sum, { call }) => sum + (call.costUsd ?? 0), 0),
    costComplete: counted.every(({ call }) => call.costUsd !== null),
  };
}

function explainCall(call: ModelCall, evidence: ReadonlyMap<string, Evidence>): ExplainedCall {
  const key = textOf(objectOf(call.metadata)?.["callId"]);
  const lines = key === undefined ? [] : (evidence.get(key)?.lines ?? []);
  // Other sources note the line with the call: each call stands in one.
  const noted = objectOf(call.metadata)?.["line"];
  if (typeof noted === "number") return { call, lines: [noted], takenFrom: noted };
  return { call, lines: lines.map(({ line }) => line), takenFrom: largest(lines) };
}

function largest(lines: Evidence["lines"]): number | null {
  let best: Evidence["lines"][number] | undefined;
  for (const item of lines) if (best === undefined || sum(item.tokens) >= sum(best.tokens)) best = item;
  return best?.line ?? null;
}

function sum(tokens: Tokens): number {
  return tokens[0] + tokens[1] + tokens[2] + tokens[3];
}

function* repeats(evidence: ReadonlyMap<string, Evidence>): Generator<RejectedLine> {
  for (const [key, { lines, inheritedFrom }] of evidence) {
    const taken = largest(lines);
    for (const { line } of lines) {
      if (inheritedFrom !== null) yield { line, reason: `copied from session ${inheritedFrom}` };
      else if (line !== taken)
        yield { line, reason: `repeats the usage of ${key}, counted from line ${taken}` };
    }
  }
}

async function readEvidence(
  engine: Engine,
  sessionId: string,
): Promise<{ evidence: Map<string, Evidence>; rejected: RejectedLine[] }> {
  const evidence = new Map<string, Evidence>();
  const rejected: RejectedLine[] = [];
  const [file] = await engine.find(importedFiles, { where: { id: sessionId }, fields: ["id", "source"] });
  if (file?.source !== sourceName) return { evidence, rejected };
  const [main] = sessionId.split("/");
  const state = freshState({ sessionId, parentSessionId: main === sessionId ? null : (main ?? null) });
  let number = 0;
  for await (const text of linesOf(rawBytes(engine, sessionId))) {
    number++;
    if (!text.includes('"usage"')) continue;
    const line = parseLine(text);
    if (line === undefined) continue;
    const message = objectOf(line.message);
    if (line.type === "assistant" && message !== undefined) {
      const key = callKey(line, message);
      if (key === undefined) rejected.push({ line: number, reason: "no model was called" });
      else {
        const known = evidence.get(key) ?? { lines: [], inheritedFrom: null };
        known.lines.push({ line: number, tokens: tokensOf(message["usage"]) });
        if (isInherited(state, line)) known.inheritedFrom = originOf(line);
        evidence.set(key, known);
      }
    } else rejected.push({ line: number, reason: reasonOf(line) });
  }
  return { evidence, rejected };
}

function originOf(line: TranscriptLine): string {
  return textOf(line.requestSessionId) ?? textOf(line.sessionId) ?? "another session";
}

function reasonOf(line: TranscriptLine): string {
  if (line.type === "user") return "a tool's own report of a sub-agent, whose session has the calls";
  if (line.type === "progress") return "a copy shown while a sub-agent worked, whose session has the calls";
  return `a line of type ${textOf(line.type) ?? "unknown"} is no answer of a model`;
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let open: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let bytes = open.length === 0 ? chunk : Buffer.concat([open, chunk]);
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10)) {
      yield bytes.subarray(0, end).toString("utf8");
      bytes = bytes.subarray(end + 1);
    }
    open = bytes;
  }
  if (open.length > 0) yield open.toString("utf8");
}
