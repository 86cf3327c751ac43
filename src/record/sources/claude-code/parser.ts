import { createHash } from "node:crypto";
import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { contentOf, type Part } from "./content.ts";
import { countOf, momentOf, objectOf, own, parseLine, type TranscriptLine, textOf } from "./line.ts";
import { sessionHappening } from "./session.ts";
import { freshState, keepNewest, type ParserState, restoredState, type Transcript } from "./state.ts";
import { commandOf, isInterruption, isMachineText, titleOf } from "./title.ts";
import { closeOpenTools, toolAnswered, toolCalled } from "./tools.ts";
import { callHappening, callKey, noteCall, noteCostState, rememberedCalls, synthetic } from "./usage.ts";

/** How many lines back a parent is looked for, at least; the raw lines know all. */
const rememberedParents = 48;

export interface Parser {
  /** Takes the next line. Answers false where it cannot be read: it is counted, and only its raw form is kept. */
  read(text: string, out: Happening[]): boolean;
  /** What is known of the session and of its model calls by now; call it at the end of every batch. */
  flush(out: Happening[]): void;
  /** Plain JSON: a parser made with it goes on at the next line. */
  readonly state: ParserState;
}

/** The lines of one transcript become happenings, in their order. Pure: no clock, no files. */
export function createParser(from: Transcript | ParserState): Parser {
  const state = "format" in from ? restoredState(from) : freshState(from);
  const calls = new Set<string>();
  return {
    state,
    read(text, out) {
      state.lines++;
      if (text.trim() === "") return true;
      const line = parseLine(text);
      if (line === undefined) {
        state.unreadable++;
        return false;
      }
      const before = out.length;
      readLine({ state, line, text, out, calls });
      // Rows must not stand in a session that is never said, with totals that are never set.
      if (out.length > before) state.seen = true;
      noteParent(state, line, out.slice(before));
      return true;
    },
    flush(out) {
      writeCalls({ state, out, calls });
      if (state.seen) out.push(sessionHappening(state));
    },
  };
}

interface Reading {
  readonly state: ParserState;
  readonly line: TranscriptLine;
  readonly text: string;
  readonly out: Happening[];
  /** Calls that this batch has to write. */
  readonly calls: Set<string>;
}

function writeCalls({ state, out, calls }: Pick<Reading, "state" | "out" | "calls">): void {
  for (const key of calls) {
    const call = own(state.calls, key);
    if (call !== undefined) out.push(callHappening(state.sessionId, key, call));
  }
  calls.clear();
}

function readLine(reading: Reading): void {
  const { state, line } = reading;
  const at = noteLine(state, line);
  if (line.type === "user") readUser(reading, at);
  else if (line.type === "assistant") readAssistant(reading, at);
  else if (line.type === "system") readSystem(reading, at);
  else if (line.type === "attachment") readAttachment(reading, at);
  else if (line.type === "agent_metadata") noteAgent(state, line);
  else if (line.type === "cost-state" || line.type === "result") noteCostState(state, line, at);
  else noteTitle(state, line);
}

/** What any line says of its session. Answers its moment: its own, or that of the line before. */
function noteLine(state: ParserState, line: TranscriptLine): number {
  const at = momentOf(line.timestamp);
  if (at !== undefined) {
    state.lastAt = at;
    state.startedAt = Math.min(state.startedAt ?? at, at);
    state.endedAt = Math.max(state.endedAt ?? at, at);
  }
  if (textOf(line.uuid) !== undefined && textOf(line.sessionId) !== undefined) state.seen = true;
  state.projectPath ??= textOf(line.cwd) ?? null;
  state.gitBranch = textOf(line.gitBranch) ?? state.gitBranch;
  state.version = textOf(line.version) ?? state.version;
  const forked = textOf(objectOf(line.forkedFrom)?.["sessionId"]) ?? textOf(line.requestSessionId);
  if (forked !== undefined && forked !== textOf(line.sessionId)) state.forkedFrom ??= forked;
  const session = textOf(line.sessionTitle);
  if (session !== undefined) state.titles.generated = titleOf(session) ?? session;
  return at ?? state.lastAt ?? 0;
}

/** The side file of a sub-agent, as a SessionStore gets it: the last one counts. */
function noteAgent(state: ParserState, { type: _, ...meta }: TranscriptLine): void {
  if (state.parentSessionId === null) return;
  state.meta = meta;
  state.agentType = textOf(objectOf(meta)?.["agentType"]) ?? state.agentType;
}

function noteTitle(state: ParserState, line: TranscriptLine): void {
  const note = (name: "custom" | "summary" | "generated", given: unknown): void => {
    const title = titleOf(textOf(given) ?? "");
    if (title !== undefined) state.titles[name] = title;
  };
  if (line.type === "custom-title") note("custom", line.customTitle);
  if (line.type === "summary") note("summary", line.summary);
  if (line.type === "ai-title") note("generated", line.aiTitle);
}

interface Row {
  readonly at: number;
  readonly role: string;
  readonly part: Part;
  readonly block: number;
  readonly metadata?: Record<string, unknown>;
  readonly model?: string | null;
}

function messageOf({ state, line, text }: Reading, row: Row): Happening & { readonly id: string } {
  const uuid = textOf(line.uuid);
  const name = uuid ?? `#${state.lines}:${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  const above = textOf(line.parentUuid) ?? textOf(line.logicalParentUuid) ?? "";
  const metadata = {
    ...(uuid === undefined ? {} : { uuid }),
    ...(row.part.kind === "thinking" ? { thinking: true } : {}),
    ...(line.isMeta === true ? { meta: true } : {}),
    ...(line.isSidechain === true && state.agentId === null ? { sidechain: true } : {}),
    ...(row.part.blocks.length === 0 ? {} : { blocks: row.part.blocks }),
    ...row.metadata,
  };
  return {
    kind: "message",
    id: stableId(row.at, state.sessionId, state.subpath, name, String(row.block)),
    sessionId: state.sessionId,
    role: row.role,
    content: row.part.text,
    createdAt: row.at,
    parentId: own(state.parents, above) ?? null,
    agentId: state.agentId,
    model: row.model ?? null,
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
  };
}

function readUser(reading: Reading, at: number): void {
  const { state, line, out } = reading;
  const message = objectOf(line.message);
  if (message === undefined) return;
  const { parts, results } = contentOf(message["content"]);
  let resultMessage: string | undefined;
  for (const [block, part] of parts.entries()) {
    const isResult = part.kind === "result";
    const row = messageOf(reading, {
      at,
      role: isResult ? "tool" : "user",
      part,
      block,
      ...(line.isCompactSummary === true ? { metadata: { compactSummary: true } } : {}),
    });
    if (isResult) resultMessage ??= row.id;
    else if (part.text !== null) notePrompt(reading, part.text, at);
    out.push(row);
  }
  for (const result of results) {
    out.push(toolAnswered(state, result, { line, at, messageId: resultMessage ?? "" }));
  }
}

/** A new turn: what was asked, how the one before ended, and perhaps the session's title. */
function notePrompt({ state, line, out }: Reading, text: string, at: number): void {
  if (line.isMeta === true || line.isCompactSummary === true) return;
  if (line.isSidechain === true && state.agentId === null) return;
  if (isInterruption(text)) {
    out.push(...closeOpenTools(state, at));
    state.status = "interrupted";
    state.errorMessage = "The user interrupted the request.";
    return;
  }
  const command = commandOf(text);
  const title = isMachineText(text) ? undefined : titleOf(text);
  if (command !== undefined) state.titles.command ??= command;
  if (title === undefined) return;
  out.push(...closeOpenTools(state, at));
  state.status = "completed";
  state.errorMessage = null;
  state.titles.prompt ??= title;
}

function readAssistant(reading: Reading, at: number): void {
  const { state, line, out, calls } = reading;
  const message = objectOf(line.message);
  if (message === undefined) return;
  const model = textOf(message["model"]) ?? null;
  const { parts, calls: toolCalls, results } = contentOf(message["content"]);
  const metadata = {
    ...(line.isApiErrorMessage === true ? { apiError: textOf(line.error) ?? true } : {}),
    ...(line.isAbortedMidStream === true ? { aborted: true } : {}),
  };
  const rows = (parts.length === 0 ? [{ kind: "text", text: null, blocks: [] } as const] : parts).map(
    (part, block) => messageOf(reading, { at, role: "assistant", part, block, metadata, model }),
  );
  out.push(...rows);
  const messageId = rows.at(-1)?.id ?? "";
  for (const block of toolCalls) out.push(toolCalled(state, block, { at, messageId }));
  // A tool that the model's own server ran answers in the same turn.
  for (const block of results) out.push(toolAnswered(state, block, { line, at, messageId }));
  const key = callKey(line, message);
  if (key !== undefined) {
    noteCall(state, line, { key, message, at, messageId: rows[0]?.id ?? messageId });
    calls.add(key);
    // The state forgets old calls: they are written before it does.
    if (calls.size >= rememberedCalls / 2) writeCalls(reading);
  }
  noteOutcome(state, line, { model, text: parts.find((part) => part.text !== null)?.text ?? null });
}

function noteOutcome(
  state: ParserState,
  line: TranscriptLine,
  { model, text }: { readonly model: string | null; readonly text: string | null },
): void {
  if (line.isApiErrorMessage === true) {
    state.status = "error";
    state.errorMessage = text ?? textOf(line.error) ?? "The model's server answered with an error.";
  } else if (line.isAbortedMidStream === true) {
    state.status = "interrupted";
    state.errorMessage = "The answer was cut off.";
  } else if (model !== synthetic) {
    state.status = "completed";
    state.errorMessage = null;
  }
}

/** Lines that a person would want to see: errors of the server, where the conversation was compacted, commands. */
function readSystem(reading: Reading, at: number): void {
  const { line, out } = reading;
  const subtype = textOf(line.subtype) ?? "system";
  const error = objectOf(line.error);
  const said =
    textOf(line.content) ??
    textOf(error?.["formatted"]) ??
    textOf(error?.["message"]) ??
    (subtype === "api_error" ? "The model's server answered with an error." : undefined);
  const text = subtype === "local_command" && said !== undefined ? localCommand(said) : said;
  if (text === undefined || text.trim() === "") return;
  const part: Part = { kind: "text", text, blocks: [] };
  out.push(messageOf(reading, { at, role: "system", part, block: 0, metadata: { subtype } }));
}

function localCommand(text: string): string | undefined {
  return commandOf(text) ?? /<local-command-std(?:out|err)>([\s\S]*?)<\/local-command/.exec(text)?.[1];
}

function readAttachment(reading: Reading, at: number): void {
  const { state, line, out } = reading;
  const attachment = objectOf(line.attachment);
  if (attachment?.["type"] === "max_turns_reached") {
    state.status = "error";
    state.errorMessage = `The limit of turns was reached (${countOf(attachment["maxTurns"])}).`;
  }
  // What a person typed while the agent was at work.
  const { parts } = contentOf(attachment?.["type"] === "queued_command" ? attachment["prompt"] : []);
  for (const [block, part] of parts.entries()) {
    out.push(messageOf(reading, { at, role: "user", part, block, metadata: { queued: true } }));
  }
}

/** The message a line stands for, or that of its own parent: chains run over lines that are no messages. */
function noteParent(state: ParserState, line: TranscriptLine, made: readonly Happening[]): void {
  const uuid = textOf(line.uuid);
  if (uuid === undefined) return;
  const message = made.findLast((happening) => happening.kind === "message")?.id;
  const above = textOf(line.parentUuid) ?? textOf(line.logicalParentUuid) ?? "";
  state.parents[uuid] = message ?? own(state.parents, above) ?? null;
  // By the line's number, so that it does not matter where a batch ended; at every line it took a tenth of the time.
  if (state.lines % rememberedParents === 0) keepNewest(state.parents, rememberedParents);
}
