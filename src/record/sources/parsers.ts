import { createParser } from "./claude-code/parser.ts";
import type { ParserState, Transcript } from "./claude-code/state.ts";
import { createCodexParser } from "./codex/parser.ts";
import type { CodexState } from "./codex/state.ts";
import { createGeminiParser } from "./gemini/parser.ts";
import type { GeminiState } from "./gemini/state.ts";
import type { SourceParser } from "./parser.ts";

/** The sources whose files are read line by line, in threads. */
export type LineSource = "claude-code" | "codex" | "gemini";

export const lineSources: readonly LineSource[] = ["claude-code", "codex", "gemini"];

export type AnyState = ParserState | CodexState | GeminiState;

/** The parser of a source's lines, at their begin or where a state was kept. */
export function createSourceParser(source: LineSource, from: Transcript | AnyState): SourceParser<AnyState> {
  if (source === "codex") return createCodexParser(isCodex(from) ? from : transcriptOf(from));
  if (source === "gemini") return createGeminiParser(isGemini(from) ? from : transcriptOf(from));
  return createParser(isClaude(from) ? from : transcriptOf(from));
}

function isCodex(from: Transcript | AnyState): from is CodexState {
  return "format" in from && from.source === "codex";
}

function isGemini(from: Transcript | AnyState): from is GeminiState {
  return "format" in from && from.source === "gemini";
}

/** The states of Claude Code's parser have no name of their source: they were there first. */
export function isClaude(from: Transcript | AnyState): from is ParserState {
  return "format" in from && !("source" in from && from.source !== undefined);
}

/** A state of another source says only whose session it is: its file is read from the begin. */
function transcriptOf(from: Transcript | AnyState): Transcript {
  if (!("format" in from)) return from;
  const { sessionId, parentSessionId, agentId } = from;
  return { sessionId, parentSessionId, agentId };
}
