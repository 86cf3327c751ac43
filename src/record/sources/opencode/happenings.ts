import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { momentOf, objectOf, textOf } from "../claude-code/line.ts";
import type { OpenCodeMessage, OpenCodeRow, OpenCodeSession } from "./rows.ts";
import { errorText, isOver, openCodeSession } from "./session.ts";
import { openCodeTool } from "./tools.ts";
import { openCodeCalls } from "./usage.ts";

/**
 * What a session of OpenCode becomes. It is made of all its rows each time: those that stand already stay as they
 * are. A text that is still being written waits for the next time.
 */
export function openCodeHappenings(sessionId: string, session: OpenCodeSession): Happening[] {
  const said: Happening[] = [];
  const messageOf = new Map<string, string>();
  const answered = lastAnswer(session.messages);
  for (const [number, message] of session.messages.entries()) {
    const over = isOver(message.data) || number < answered;
    const { told, newest } = openCodeMessage(sessionId, message, over);
    said.push(...told.map(({ happening }) => happening));
    if (newest !== undefined) messageOf.set(message.id, newest);
  }
  return [openCodeSession(sessionId, session), ...said, ...openCodeCalls(sessionId, session, messageOf)];
}

/** Whatever stands before the newest answer is over; a prompt may wait behind one that is being given. */
export function lastAnswer(messages: readonly OpenCodeMessage[]): number {
  return messages.findLastIndex(({ data }) => data["role"] === "assistant");
}

/** What was told, and which part told it. */
interface Told {
  readonly part: string;
  readonly happening: Happening;
}

/** What one message becomes: its rows and its tool executions, and the newest of its rows. */
export function openCodeMessage(
  sessionId: string,
  message: OpenCodeMessage,
  over: boolean,
): { readonly told: readonly Told[]; readonly newest: string | undefined } {
  const talk: Talk = { sessionId, message, over, out: [], newest: undefined };
  if (message.data["role"] === "assistant") answered(talk);
  else asked(talk);
  return { told: talk.out, newest: talk.newest };
}

interface Talk {
  readonly sessionId: string;
  readonly message: OpenCodeMessage;
  readonly over: boolean;
  readonly out: Told[];
  /** The newest row of the message. */
  newest: string | undefined;
}

interface Row {
  readonly role: string;
  readonly name: string;
  readonly text: string | null;
  readonly metadata?: Record<string, unknown>;
}

function say(talk: Talk, { role, name, text, metadata = {} }: Row): string {
  const { sessionId, message } = talk;
  const id = stableId(message.at, sessionId, name);
  const parent = textOf(message.data["parentID"]);
  talk.newest = id;
  const happening: Happening = {
    kind: "message",
    id,
    sessionId,
    role,
    content: text,
    createdAt: message.at,
    model: role === "assistant" ? (textOf(message.data["modelID"]) ?? null) : null,
    metadata: { partId: name, ...(parent === undefined ? {} : { parent }), ...metadata },
  };
  talk.out.push({ part: name, happening });
  return id;
}

/** What a person wrote; what OpenCode added to it is a row of its own. */
function asked(talk: Talk): void {
  const blocks: string[] = [];
  for (const { id, data } of talk.message.parts) {
    const type = textOf(data["type"]) ?? "unknown";
    if (type === "text") {
      const metadata = data["synthetic"] === true ? { meta: true } : {};
      say(talk, { role: "user", name: id, text: textOf(data["text"]) ?? null, metadata });
    } else if (type === "compaction") {
      const text = "The conversation was compacted.";
      say(talk, { role: "system", name: id, text, metadata: { subtype: "compaction" } });
    } else blocks.push(textOf(data["mime"]) ?? type);
  }
  if (blocks.length > 0) {
    say(talk, { role: "user", name: `${talk.message.id}:blocks`, text: null, metadata: { blocks } });
  }
}

function answered(talk: Talk): void {
  const { message, over, sessionId } = talk;
  const summary = message.data["summary"] === true ? { compactSummary: true } : {};
  for (const part of message.parts) {
    const { id, data } = part;
    const type = data["type"];
    const text = textOf(data["text"]);
    if (type === "text" || type === "reasoning") {
      if (!over && momentOf(objectOf(data["time"])?.["end"]) === undefined) {
        // It will be the row that the calls behind it belong to.
        talk.newest = stableId(message.at, sessionId, id);
        continue;
      }
      if (text === undefined) continue;
      const metadata = type === "reasoning" ? { thinking: true } : summary;
      say(talk, { role: "assistant", name: id, text, metadata });
    } else if (type === "tool") called(talk, part);
    else if (type === "retry") {
      const said = errorText(objectOf(data["error"]) ?? {});
      say(talk, { role: "system", name: id, text: said, metadata: { subtype: "retry" } });
    }
  }
  const error = objectOf(message.data["error"]);
  if (error === undefined) return;
  const subtype = error["name"] === "MessageAbortedError" ? "aborted" : "error";
  say(talk, { role: "system", name: `${message.id}:error`, text: errorText(error), metadata: { subtype } });
}

function called(talk: Talk, part: OpenCodeRow): void {
  const { sessionId, message, over, out } = talk;
  const messageId = talk.newest ?? say(talk, { role: "assistant", name: `${message.id}:calls`, text: null });
  const happening = openCodeTool(part, { sessionId, messageId, at: message.at, over });
  out.push({ part: part.id, happening });
}
