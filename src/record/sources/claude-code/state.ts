import type { SessionStatus } from "../../../model/session.ts";

/** Token counts: input, output, cache read, cache write, and of the last the part kept for one hour. */
export type Tokens = readonly [
  input: number,
  output: number,
  cacheRead: number,
  cacheWrite: number,
  cacheWrite1h: number,
];

export const noTokens: Tokens = [0, 0, 0, 0, 0];

export function zipTokens(one: Tokens, other: Tokens, join: (a: number, b: number) => number): Tokens {
  return [
    join(one[0], other[0]),
    join(one[1], other[1]),
    join(one[2], other[2]),
    join(one[3], other[3]),
    join(one[4], other[4]),
  ];
}

/** A call of a tool whose result has not come yet, or came too late to be waited for. */
export interface OpenTool {
  readonly id: string;
  readonly at: number;
  readonly name: string;
  readonly agent?: { readonly type: string | null; readonly description: string | null };
  /** The turn ended without a result. */
  readonly closed?: true;
}

/** A call of a model, as far as its lines were read. */
export interface OpenCall {
  readonly id: string;
  readonly at: number;
  readonly model: string;
  readonly tokens: Tokens;
  readonly messageId: string | null;
  /** The server's name of it, which telemetry has too. */
  readonly requestId?: string | undefined;
  readonly inherited: boolean;
  readonly estimated: boolean;
  readonly final: boolean;
}

/** Everything a parser has to know to go on at a later line. Plain JSON. */
export interface ParserState {
  readonly format: 1;
  readonly source?: undefined;
  readonly sessionId: string;
  readonly parentSessionId: string | null;
  readonly agentId: string | null;
  readonly subpath: string;
  agentType: string | null;
  /** What the side file of a sub-agent says, when there is one. */
  meta: unknown;
  /** Lines read, blank and unreadable ones included. */
  lines: number;
  unreadable: number;
  /** A line that is a session's own was read: there is something to list. */
  seen: boolean;
  startedAt: number | null;
  endedAt: number | null;
  /** The moment of the last line that had one: for those that have none. */
  lastAt: number | null;
  projectPath: string | null;
  gitBranch: string | null;
  version: string | null;
  titles: { custom?: string; summary?: string; generated?: string; prompt?: string; command?: string };
  /** Calls by model, to name the session's. */
  models: Record<string, number>;
  status: SessionStatus;
  errorMessage: string | null;
  forkedFrom: string | null;
  /** Newest last, bounded. */
  tools: Record<string, OpenTool>;
  calls: Record<string, OpenCall>;
  /** The message that a line's uuid stands for, or its nearest ancestor that is one. Newest last, bounded. */
  parents: Record<string, string | null>;
  /** Own tokens by model; inherited calls are not in it. */
  usage: Record<string, Tokens>;
  /** The last `cost-state` line, and `usage` as it was there. */
  told: {
    readonly at: number;
    readonly models: Record<string, Tokens>;
    readonly usage: Record<string, Tokens>;
  } | null;
  /** Sub-agents that this session started. */
  agents: Record<string, { readonly type: string | null; readonly description: string | null }>;
}

export interface Transcript {
  readonly sessionId: string;
  readonly parentSessionId?: string | null;
  readonly agentId?: string | null;
  readonly subpath?: string;
  readonly agentType?: string | null;
  readonly meta?: unknown;
  /** The folder the agent worked in, where the lines do not say it. */
  readonly projectPath?: string | null;
  /** Stands in for the moment of lines before the first that names one. */
  readonly at?: number;
}

export function freshState(transcript: Transcript): ParserState {
  return {
    format: 1,
    sessionId: transcript.sessionId,
    parentSessionId: transcript.parentSessionId ?? null,
    agentId: transcript.agentId ?? null,
    subpath: transcript.subpath ?? "",
    agentType: transcript.agentType ?? null,
    meta: transcript.meta ?? null,
    lines: 0,
    unreadable: 0,
    seen: false,
    startedAt: null,
    endedAt: null,
    lastAt: transcript.at ?? null,
    projectPath: null,
    gitBranch: null,
    version: null,
    titles: {},
    models: {},
    status: "completed",
    errorMessage: null,
    forkedFrom: null,
    tools: {},
    calls: {},
    parents: {},
    usage: {},
    told: null,
    agents: {},
  };
}

/** Keeps the newest `limit` entries: an object remembers the order in which names were added. */
export function keepNewest(entries: Record<string, unknown>, limit: number): void {
  const names = Object.keys(entries);
  for (const name of names.slice(0, Math.max(0, names.length - limit))) delete entries[name];
}

/** A state as a store gives it back: some keep the names of an object in an order of their own. */
export function restoredState(state: ParserState): ParserState {
  return { ...structuredClone(state), tools: byTime(state.tools), calls: byTime(state.calls) };
}

function byTime<Entry extends { readonly at: number }>(
  entries: Record<string, Entry>,
): Record<string, Entry> {
  return Object.fromEntries(Object.entries(entries).sort(([, one], [, other]) => one.at - other.at));
}
