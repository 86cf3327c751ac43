import type { Transcript } from "../claude-code/state.ts";
import { noProgress, type Progress, type SourceState } from "../parser.ts";

/** Everything the parser of Gemini's chats has to know to go on at a later line. Plain JSON. */
export interface GeminiState extends SourceState, Progress {
  readonly source: "gemini";
  /** A record said again replaces the one before: the rows that stand already, each with its moment. Bounded. */
  rows: Record<string, number>;
  /** Calls that were counted. Bounded. */
  calls: Record<string, number>;
}

export function freshGeminiState(transcript: Transcript): GeminiState {
  return {
    format: 1,
    source: "gemini",
    sessionId: transcript.sessionId,
    parentSessionId: transcript.parentSessionId ?? null,
    agentId: transcript.agentId ?? null,
    subpath: "",
    lines: 0,
    unreadable: 0,
    seen: false,
    version: null,
    ...noProgress(transcript.at ?? null),
    projectPath: transcript.projectPath ?? null,
    rows: {},
    calls: {},
  };
}
