import type { Happening } from "../../model/happening.ts";
import type { SessionStatus } from "../../model/session.ts";

/** What every parser of lines keeps, so that it goes on at a later line. Plain JSON. */
export interface SourceState {
  readonly format: 1;
  readonly sessionId: string;
  readonly parentSessionId: string | null;
  readonly agentId: string | null;
  readonly subpath: string;
  /** Lines read, blank and unreadable ones included. */
  lines: number;
  unreadable: number;
  /** There is something to list: a line that is a session's own was read. */
  seen: boolean;
  /** The program's version that wrote the lines. */
  version: string | null;
}

/** What the parsers of Codex and Gemini know of a session by now. */
export interface Progress {
  startedAt: number | null;
  endedAt: number | null;
  /** The moment of the last line that had one: for those that have none. */
  lastAt: number | null;
  projectPath: string | null;
  gitBranch: string | null;
  titles: { custom?: string; prompt?: string };
  /** Calls by model, to name the session's. */
  models: Record<string, number>;
  status: SessionStatus;
  errorMessage: string | null;
  /** The newest message that an agent said: what asked for a call. */
  messageId: string | null;
}

export function noProgress(at: number | null): Progress {
  return {
    startedAt: null,
    endedAt: null,
    lastAt: at,
    projectPath: null,
    gitBranch: null,
    titles: {},
    models: {},
    status: "completed",
    errorMessage: null,
    messageId: null,
  };
}

/** Notes the moment of a line. Answers it, or that of the line before where it has none. */
export function noteMoment(state: Progress, at: number | undefined): number {
  if (at !== undefined) {
    state.lastAt = at;
    state.startedAt = Math.min(state.startedAt ?? at, at);
    state.endedAt = Math.max(state.endedAt ?? at, at);
  }
  return at ?? state.lastAt ?? 0;
}

/** The lines of one file become happenings, in their order. Pure: no clock, no files. */
export interface SourceParser<State extends SourceState = SourceState> {
  /** Takes the next line. Answers false where it cannot be read: it is counted, and only its raw form is kept. */
  read(text: string, out: Happening[]): boolean;
  /** What is known of the session and of its model calls by now; call it at the end of every batch. */
  flush(out: Happening[]): void;
  /** Plain JSON: a parser made with it goes on at the next line. */
  readonly state: State;
}
