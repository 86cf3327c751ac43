import { createHash } from "node:crypto";
import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { type JsonObject, momentOf, objectOf, own, parseLine, textOf } from "../claude-code/line.ts";
import { mostCalled } from "../claude-code/session.ts";
import { keepNewest, type Transcript } from "../claude-code/state.ts";
import { titleOf } from "../claude-code/title.ts";
import { noteMoment, type SourceParser } from "../parser.ts";
import { geminiCall } from "./usage.ts";
import { type GeminiState, freshGeminiState } from "./state.ts";
import { geminiTools } from "./tools.ts";

/** How many rows back a record said again is known; one that is older is the same row all the same. */
const remembered = 400;

/** The lines of a chat file of Gemini CLI become happenings. */
export function createGeminiParser(from: Transcript | GeminiState): SourceParser<GeminiState> {
  const state = "format" in from ? restored(from) : freshGeminiState(from);
  return {
    state,
    read(text, out) {
      state.lines++;
      if (text.trim() === "") return true;
      const line = objectOf(parseLine(text));
      if (line === undefined) {
        state.unreadable++;
        return false;
      }
      const before = out.length;
      readLine(state, line, out);
      if (out.length > before) state.seen = true;
      return true;
    },
    flush(out) {
      if (state.seen) out.push(sessionHappening(state));
    },
  };
}

function restored(state: GeminiState): GeminiState {
  const sorted = (entries: Record<string, number>): Record<string, number> =>
    Object.fromEntries(Object.entries(entries).sort(([, one], [, other]) => one - other));
  return { ...structuredClone(state), rows: sorted(state.rows), calls: sorted(state.calls) };
}

function readLine(state: GeminiState, line: JsonObject, out: Happening[]): void {
  const set = objectOf(line["$set"]);
  if (set !== undefined) {
    noteHead(state, set);
    for (const record of Array.isArray(set["messages"]) ? set["messages"] : []) {
      const message = objectOf(record);
      if (message !== undefined) readRecord(state, message, out);
    }
  } else if (textOf(line["id"]) !== undefined) readRecord(state, line, out);
  else if (textOf(line["sessionId"]) !== undefined) {
    state.seen = true;
    noteHead(state, line);
    // The form of older versions: one record of the whole conversation.
    for (const record of Array.isArray(line["messages"]) ? line["messages"] : []) {
      const message = objectOf(record);
      if (message !== undefined) readRecord(state, message, out);
    }
  }
}

function noteHead(state: GeminiState, head: JsonObject): void {
  noteMoment(state, momentOf(head["startTime"]));
  noteMoment(state, momentOf(head["lastUpdated"]));
  const summary = titleOf(textOf(head["summary"]) ?? "");
  if (summary !== undefined) state.titles.custom = summary;
  const [folder] = Array.isArray(head["directories"]) ? head["directories"] : [];
  state.projectPath ??= textOf(folder) ?? null;
}

function readRecord(state: GeminiState, record: JsonObject, out: Happening[]): void {
  const at = noteMoment(state, momentOf(record["timestamp"]));
  const type = textOf(record["type"]);
  if (type === "user") readUser(state, record, { at, out });
  else if (type === "gemini") readAnswer(state, record, { at, out });
  else if (type === "error" || type === "warning" || type === "info") {
    const { text } = contentOf(record["content"]);
    if (text === null) return;
    say(state, { record, at, out, role: "system", name: "text", text, metadata: { subtype: type } });
    if (type !== "error") return;
    state.status = "error";
    state.errorMessage = text;
  }
}

interface Place {
  readonly at: number;
  readonly out: Happening[];
}

interface Said extends Place {
  readonly record: JsonObject;
  readonly role: string;
  readonly name: string;
  readonly text: string | null;
  readonly metadata?: Record<string, unknown>;
}

/** One row. A record said again with the same text is the same row; with another text, it is one more. */
function say(state: GeminiState, said: Said): string {
  const { record, at, out, role, name, text } = said;
  const uuid = textOf(record["id"]) ?? "";
  const hash = createHash("sha256")
    .update(text ?? "")
    .digest("hex")
    .slice(0, 16);
  const id = stableId(at, state.sessionId, uuid, name, hash);
  if (own(state.rows, id) !== undefined) return id;
  state.rows[id] = at;
  keepNewest(state.rows, remembered);
  out.push({
    kind: "message",
    id,
    sessionId: state.sessionId,
    role,
    content: text,
    createdAt: at,
    agentId: state.agentId,
    model: role === "assistant" ? (textOf(record["model"]) ?? null) : null,
    metadata: { uuid, ...said.metadata },
  });
  return id;
}

/** The text of a content: a text, a part, or a list of them. */
function contentOf(content: unknown): {
  readonly text: string | null;
  readonly blocks: readonly string[];
  readonly isResult: boolean;
} {
  const texts: string[] = [];
  const blocks: string[] = [];
  let isResult = false;
  for (const item of Array.isArray(content) ? content : [content]) {
    const part = typeof item === "string" ? { text: item } : objectOf(item);
    if (part === undefined) continue;
    if (typeof part["text"] === "string") texts.push(part["text"]);
    else if ("functionResponse" in part) isResult = true;
    else blocks.push(Object.keys(part)[0] ?? "unknown");
  }
  const text = texts.join("");
  return { text: text === "" ? null : text, blocks, isResult };
}

function readUser(state: GeminiState, record: JsonObject, { at, out }: Place): void {
  const { text, blocks, isResult } = contentOf(record["content"]);
  if (isResult && text === null) {
    say(state, { record, at, out, role: "tool", name: "result", text: null });
    return;
  }
  const meta = text !== null && /^\s*<[a-z_]+[ >]/.test(text);
  const metadata = { ...(meta ? { meta: true } : {}), ...(blocks.length === 0 ? {} : { blocks }) };
  say(state, { record, at, out, role: "user", name: "text", text, metadata });
  if (meta || text === null) return;
  state.status = "completed";
  state.errorMessage = null;
  const title = titleOf(text);
  if (title !== undefined) state.titles.prompt ??= title;
}

function readAnswer(state: GeminiState, record: JsonObject, { at, out }: Place): void {
  const thoughts = Array.isArray(record["thoughts"]) ? record["thoughts"] : [];
  for (const [number, thought] of thoughts.entries()) {
    const { subject, description } = objectOf(thought) ?? {};
    const text = [textOf(subject), textOf(description)].filter((part) => part !== undefined).join("\n\n");
    const metadata = { thinking: true };
    if (text !== "")
      say(state, { record, at, out, role: "assistant", name: `thought ${number}`, text, metadata });
  }
  const { text, blocks } = contentOf(record["content"]);
  const metadata = blocks.length === 0 ? {} : { blocks };
  const messageId = say(state, { record, at, out, role: "assistant", name: "text", text, metadata });
  out.push(...geminiTools(state, record, { at, messageId }), ...geminiCall(state, record, { at, messageId }));
  state.status = "completed";
  state.errorMessage = null;
}

function sessionHappening(state: GeminiState): Happening {
  const startedAt = state.startedAt ?? state.lastAt ?? 0;
  return {
    kind: "session",
    id: state.sessionId,
    agentType: state.parentSessionId === null ? "gemini" : "subagent",
    model: mostCalled(state.models),
    provider: "google",
    startedAt,
    endedAt: Math.max(startedAt, state.endedAt ?? startedAt),
    status: state.status,
    errorMessage: state.errorMessage,
    projectPath: state.projectPath,
    title: state.titles.custom ?? state.titles.prompt ?? null,
    source: "gemini",
    sourceId: null,
    agentId: state.agentId,
    parentSessionId: state.parentSessionId,
    gitBranch: null,
  };
}
