import type { LineReader, LiveSource, ReadPart } from "../../../domains/live-source.ts";
import { familyHappenings } from "./family.ts";
import { objectOf, parseLine, textOf } from "./line.ts";
import { createParser } from "./parser.ts";
import { sourceName } from "./session.ts";
import type { ParserState, Transcript } from "./state.ts";
import { foldSummary } from "./summary.ts";

/** Transcript lines as they are written: the same rows that an import of the file makes. */
export const claudeCodeLive: LiveSource = {
  sessionOf: (rootId, subpath) => (subpath === "" ? rootId : `${rootId}/${agentOf(subpath)}`),
  reader({ rootId, sessionId, subpath }, { at, state, summary: before }) {
    const transcript: Transcript = { sessionId, at, ...(subpath === "" ? {} : partOf(rootId, subpath)) };
    const parser = createParser(parserState(state) ?? transcript);
    const summary = { ...objectOf(before) };
    const reader: LineReader = {
      read(text, out) {
        const line = subpath === "" ? objectOf(parseLine(text)) : undefined;
        if (line !== undefined) foldSummary(summary, line);
        parser.read(text, out);
      },
      flush: (out) => parser.flush(out),
      get state() {
        return parser.state;
      },
      get summary() {
        return subpath === "" ? { ...summary } : null;
      },
    };
    return reader;
  },
  async together(engine, _, parts) {
    const { main, children } = familyIn(parts);
    return main === undefined ? [] : familyHappenings(engine, main, children);
  },
};

/** The session and its sub-agents, as far as their transcripts were recorded. */
export function familyIn(parts: readonly ReadPart[]): {
  readonly main: ParserState | undefined;
  readonly children: readonly ParserState[];
} {
  const states = parts.flatMap((part) => (part.source === sourceName ? (parserState(part.state) ?? []) : []));
  return {
    main: states.find(({ parentSessionId }) => parentSessionId === null),
    children: states.filter(({ parentSessionId }) => parentSessionId !== null),
  };
}

/** `subagents/agent-X` is the agent X. */
function agentOf(subpath: string): string {
  const name = subpath.split("/").at(-1) ?? "";
  return name.startsWith("agent-") ? name.slice("agent-".length) : subpath;
}

/** As the import of the sub-agent's file names it. */
function partOf(rootId: string, subpath: string): Omit<Transcript, "sessionId"> {
  const agentId = agentOf(subpath);
  return {
    parentSessionId: rootId,
    agentId,
    subpath: `subagents/${subpath.split("/").at(-1) ?? ""}.jsonl`,
    agentType: agentId.startsWith("acompact-") ? "compact" : null,
  };
}

/** The state that a reader of this version left; undefined where another one wrote it. */
export function parserState(state: unknown): ParserState | undefined {
  const given = objectOf(state);
  if (given?.["format"] !== 1 || textOf(given["sessionId"]) === undefined) return undefined;
  // Written by `reader` in this form.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return state as ParserState;
}
