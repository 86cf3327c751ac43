import { errorCode } from "../errors.ts";
import type { ModelCall } from "../model/model-call.ts";
import type { Loci } from "../open.ts";
import { rawBytes } from "../record/export.ts";
import { type CallItem, callItem } from "./answers.ts";

export interface ExplainedCall extends CallItem {
  /** The lines of the transcript that report this call, from 1; null where no transcript is kept. */
  readonly lines: readonly number[] | null;
}

export interface Explanation {
  readonly items: readonly ExplainedCall[];
  /** How many lines of the transcript report usage; each call is counted once, whatever stands in several lines. */
  readonly usageLines: number | null;
}

/** Which lines made a session's number: each call with the lines that report it. */
export async function explainCalls(loci: Loci, id: string): Promise<Explanation> {
  const calls = await loci.sessions.modelCalls(id);
  const found = await linesByCall(loci, id);
  const noted = calls.flatMap((call) => lineOf(call) ?? []);
  const lines = (call: ModelCall): readonly number[] | null => {
    const line = lineOf(call);
    if (line !== undefined) return [line];
    return found === null ? null : (found.get(callIdOf(call)) ?? []);
  };
  return {
    items: calls.map((call) => ({ ...callItem(call), lines: lines(call) })),
    usageLines:
      found === null ? null : [...found.values()].reduce((sum, own) => sum + own.length, noted.length),
  };
}

/** Sources whose calls stand in one line each note it with them. */
function lineOf({ metadata }: ModelCall): number | undefined {
  if (typeof metadata !== "object" || metadata === null || !("line" in metadata)) return undefined;
  return typeof metadata.line === "number" ? metadata.line : undefined;
}

function callIdOf({ metadata }: ModelCall): string {
  if (typeof metadata !== "object" || metadata === null || !("callId" in metadata)) return "";
  return String(metadata.callId);
}

/** The numbers of the lines with usage, by the message id that all lines of a call share. */
async function linesByCall(loci: Loci, id: string): Promise<Map<string, number[]> | null> {
  const found = new Map<string, number[]>();
  let number = 0;
  try {
    for await (const line of linesOf(rawBytes(loci.engine, id))) {
      number++;
      // Most lines are no answers of a model, and are not parsed.
      if (!line.includes('"usage"')) continue;
      const call = messageIdOf(line);
      if (call === undefined) continue;
      const own = found.get(call);
      if (own) own.push(number);
      else found.set(call, [number]);
    }
  } catch (error) {
    if (errorCode(error) === "not-found") return null;
    throw error;
  }
  return found;
}

function messageIdOf(line: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== "object" || parsed === null || !("message" in parsed)) return undefined;
    const { message } = parsed;
    if (typeof message !== "object" || message === null || !("usage" in message && "id" in message))
      return undefined;
    return typeof message.id === "string" ? message.id : undefined;
  } catch {
    // A torn line counts as a line and reports nothing.
    return undefined;
  }
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
