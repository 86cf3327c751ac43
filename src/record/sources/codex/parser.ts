import { createHash } from "node:crypto";
import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { type JsonObject, objectOf, textOf } from "../claude-code/line.ts";
import type { Transcript } from "../claude-code/state.ts";
import { titleOf } from "../claude-code/title.ts";
import { noteMoment, type SourceParser } from "../parser.ts";
import { partsOf, type RolloutLine, rolloutLine } from "./line.ts";
import { isMachineText, noteHead, noteName, sessionHappening } from "./session.ts";
import { type CodexState, type CodexTool, freshCodexState } from "./state.ts";
import { closeOpenTools, isCall, isOutput, toolAnswered, toolCalled, toolTold } from "./tools.ts";
import { tokenCount, usageRecord } from "./usage.ts";

/** The lines of a rollout file of Codex become happenings. */
export function createCodexParser(from: Transcript | CodexState): SourceParser<CodexState> {
  const state = "format" in from ? restored(from) : freshCodexState(from);
  return {
    state,
    read(text, out) {
      state.lines++;
      if (text.trim() === "") return true;
      const line = rolloutLine(text);
      if (line === undefined) {
        state.unreadable++;
        return false;
      }
      const at = noteMoment(state, line.at);
      const before = out.length;
      readLine({ state, line, text, out, at });
      if (out.length > before) state.seen = true;
      return true;
    },
    flush(out) {
      if (state.seen) out.push(sessionHappening(state));
    },
  };
}

/** A state as a store gives it back: some keep the names of an object in an order of their own. */
function restored(state: CodexState): CodexState {
  const tools: Array<[string, CodexTool]> = Object.entries(state.tools);
  tools.sort(([, one], [, other]) => (one.answeredAt ?? one.at) - (other.answeredAt ?? other.at));
  return { ...structuredClone(state), tools: Object.fromEntries(tools) };
}

interface Reading {
  readonly state: CodexState;
  readonly line: RolloutLine;
  readonly text: string;
  readonly out: Happening[];
  readonly at: number;
}

function readLine(reading: Reading): void {
  const { state, line, out, at } = reading;
  const { type, payload } = line;
  if (type === "session_meta") noteHead(state, payload);
  else if (type === "turn_context") noteTurn(state, payload);
  else if (type === "response_item") readItem(reading);
  else if (type === "event_msg") readEvent(reading);
  else if (type === "token_usage_record") out.push(...usageRecord(state, payload, at));
  else if (type === "compacted") {
    const text = textOf(payload["message"]) ?? "The conversation was compacted.";
    out.push(messageOf(reading, { role: "system", text, metadata: { subtype: "compacted" } }));
  }
}

function noteTurn(state: CodexState, payload: JsonObject): void {
  state.turnId = textOf(payload["turn_id"]) ?? state.turnId;
  state.model = textOf(payload["model"]) ?? state.model;
  state.projectPath ??= textOf(payload["cwd"]) ?? null;
}

interface Row {
  readonly role: string;
  readonly text: string | null;
  readonly metadata?: Record<string, unknown>;
}

function messageOf(
  { state, line, text: raw, at }: Reading,
  { role, text, metadata }: Row,
): Happening & { readonly id: string } {
  const given = textOf(line.payload["id"]);
  // Events have no id, and two may have the same text: the line's number tells them apart.
  const name = given ?? `#${state.lines}:${createHash("sha256").update(raw).digest("hex").slice(0, 16)}`;
  const all = { ...(given === undefined ? {} : { itemId: given }), ...metadata };
  const id = stableId(at, state.sessionId, name);
  if (role === "assistant") state.messageId = id;
  return {
    kind: "message",
    id,
    sessionId: state.sessionId,
    role,
    content: text,
    createdAt: at,
    agentId: state.agentId,
    model: role === "assistant" ? state.model : null,
    metadata: Object.keys(all).length === 0 ? null : all,
  };
}

function readItem(reading: Reading): void {
  const { state, line, out, at } = reading;
  const { payload } = line;
  const type = textOf(payload["type"]) ?? "unknown";
  if (type === "message" || type === "agent_message") readMessage(reading);
  else if (type === "reasoning") readReasoning(reading);
  else if (isCall(type)) {
    const row = messageOf(reading, { role: "assistant", text: null });
    out.push(row, toolCalled(state, payload, { at, messageId: row.id }));
  } else if (isOutput(type)) {
    const row = messageOf(reading, { role: "tool", text: null });
    out.push(row, toolAnswered(state, payload, { at, messageId: row.id }));
  }
}

function readMessage(reading: Reading): void {
  const { state, line, out, at } = reading;
  const { payload } = line;
  const { text, blocks } = partsOf(payload["content"]);
  const role = textOf(payload["role"]) ?? "assistant";
  const meta = role === "developer" || (role === "user" && isMeta(payload, text));
  const metadata = {
    ...(meta ? { meta: true } : {}),
    ...(blocks.some((block) => block !== "input_text") ? { blocks } : {}),
  };
  out.push(messageOf(reading, { role: role === "developer" ? "system" : role, text, metadata }));
  if (role === "assistant") {
    if (state.status === "error") recover(state);
    return;
  }
  if (role !== "user" || meta || text === null) return;
  // A new turn: the one before is over, however it ended.
  out.push(...closeOpenTools(state, at));
  recover(state);
  const title = titleOf(text);
  if (title !== undefined) state.titles.prompt ??= title;
}

function recover(state: CodexState): void {
  state.status = "completed";
  state.errorMessage = null;
}

/** What nobody typed. Newer versions name the kinds of a message's parts, older ones only begin it with a tag. */
function isMeta(payload: JsonObject, text: string | null): boolean {
  const kinds = objectOf(payload["internal_chat_message_metadata_passthrough"])?.["content_item_kinds"];
  if (Array.isArray(kinds) && kinds.length > 0 && !kinds.every((kind) => kind === "unknown")) {
    return !kinds.some((kind) => typeof kind === "string" && kind.startsWith("user."));
  }
  return text !== null && isMachineText(text);
}

function readReasoning(reading: Reading): void {
  const { payload } = reading.line;
  const summary = partsOf(payload["summary"]).text;
  const content = partsOf(payload["content"]).text;
  const texts = [summary, content].filter((text) => text !== null);
  const hidden = textOf(payload["encrypted_content"]) !== undefined;
  const metadata = { thinking: true, ...(hidden ? { blocks: ["encrypted_content"] } : {}) };
  const text = texts.length === 0 ? null : texts.join("\n\n");
  reading.out.push(messageOf(reading, { role: "assistant", text, metadata }));
}

/** Most events say again what stands in an item; some say what stands nowhere else. */
function readEvent(reading: Reading): void {
  const { state, line, out, at } = reading;
  const { payload } = line;
  const type = textOf(payload["type"]);
  state.turnId = textOf(payload["turn_id"]) ?? state.turnId;
  if (type === "token_count") out.push(...tokenCount(state, payload, at));
  else if (type === "task_complete" || type === "turn_complete") {
    const error = objectOf(payload["error"]);
    if (error !== undefined) fail(reading, error["message"]);
    out.push(...closeOpenTools(state, at));
  } else if (type === "turn_aborted") {
    out.push(...closeOpenTools(state, at));
    state.status = "interrupted";
    state.errorMessage = `The turn was aborted: ${textOf(payload["reason"]) ?? "no reason was given"}.`;
  } else if (type === "error" || type === "stream_error") fail(reading, payload["message"]);
  else if (type === "thread_name_updated") noteName(state, payload["thread_name"]);
  else out.push(...toolTold(state, payload, at));
}

function fail(reading: Reading, message: unknown): void {
  const text = textOf(message) ?? "The model's server answered with an error.";
  reading.state.status = "error";
  reading.state.errorMessage = text;
  reading.out.push(messageOf(reading, { role: "system", text, metadata: { subtype: "error" } }));
}
