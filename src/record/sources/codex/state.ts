import { noProgress, type Progress, type SourceState } from "../parser.ts";
import type { Tokens, Transcript } from "../claude-code/state.ts";

/** A call of a tool; kept behind its result too, for what is told of it later. */
export interface CodexTool {
  readonly id: string;
  readonly at: number;
  readonly name: string;
  /** When its result came; none yet. */
  readonly answeredAt?: number;
  /** The turn ended without a result. */
  readonly closed?: true;
  readonly exitCode?: number;
  readonly durationMs?: number;
  readonly failed?: boolean;
}

/** Everything the parser of rollout files has to know to go on at a later line. Plain JSON. */
export interface CodexState extends SourceState, Progress {
  readonly source: "codex";
  parentSessionId: string | null;
  agentId: string | null;
  agentType: string | null;
  provider: string | null;
  /** The model of the turn. */
  model: string | null;
  metadata: Record<string, string>;
  forkedFrom: string | null;
  /** The turn that the lines belong to. */
  turnId: string | null;
  /** The first `session_meta`, which is the file's own, was read. */
  started: boolean;
  /** What Codex counted until here, cumulative as it says it. */
  counted: Tokens;
  /** Newest last, bounded. */
  tools: Record<string, CodexTool>;
}

export function freshCodexState({ sessionId, at }: Transcript): CodexState {
  return {
    format: 1,
    source: "codex",
    sessionId,
    parentSessionId: null,
    agentId: null,
    subpath: "",
    lines: 0,
    unreadable: 0,
    seen: false,
    version: null,
    ...noProgress(at ?? null),
    agentType: null,
    provider: null,
    model: null,
    metadata: {},
    forkedFrom: null,
    turnId: null,
    started: false,
    counted: [0, 0, 0, 0, 0],
    tools: {},
  };
}
