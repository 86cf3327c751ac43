import {
  addConversation,
  type AddedConversation,
  type Conversations,
  getConversations,
} from "../../operations/conversations.ts";
import { LociError } from "../../errors.ts";
import { counted } from "../cli/people.ts";
import { answerOf, fits, mostThatFits, nextCall } from "./fit.ts";
import { messagePages } from "./message-pages.ts";
import { clipped, named, whole } from "./recalled.ts";
import { ask, cursor, maxTokens, type Tool, type ToolAnswer } from "./tool.ts";

const sessionId = { kind: "string", required: true, summary: "whole session id" } as const;

const addConversationTool: Tool = {
  name: "add_conversation",
  description:
    "Store what was said: role and content, or message and response. A new session_id begins a session. get_conversations reads it back.",
  toolset: "conversations",
  operation: addConversation,
  writes: {},
  params: {
    session_id: sessionId,
    role: { kind: "enum", choices: ["user", "assistant", "system", "tool"], summary: "" },
    content: { kind: "string", summary: "" },
    metadata: { kind: "json", of: "object", summary: "" },
    user_id: { kind: "string", summary: "", hidden: true },
    message: { kind: "string", summary: "" },
    response: { kind: "string", summary: "" },
    context: { kind: "string", summary: "", hidden: true },
  },
  async run(call) {
    const { input, project } = call;
    const { session_id: session, user_id: user, ...rest } = input;
    const asked = { ...rest, session, user, project: project === "*" ? undefined : project };
    const added = await ask<AddedConversation>(addConversation, call, asked);
    const count = added.messageIds.length;
    return {
      text: `Stored ${counted(count, "message")} in session ${named(added.sessionId, 1000)}.`,
      data: { session_id: added.sessionId, message_ids: added.messageIds, stored: count },
    };
  },
};

const getConversationsTool: Tool = {
  name: "get_conversations",
  description: "The last messages of a session, in order, to take it up again; older ones with the cursor.",
  toolset: "conversations",
  operation: getConversations,
  params: {
    session_id: sessionId,
    limit: { kind: "integer", default: 50, min: 1, max: 200, summary: "" },
    cursor,
    max_tokens: maxTokens,
  },
  async run(call) {
    const { input, context, room } = call;
    const session = input["session_id"];
    const asked = { session, limit: input["limit"], before: readCursor(input["cursor"]) };
    const { messages, more, sessionId: id } = await ask<Conversations>(getConversations, call, asked);
    const now = context.now();
    const name = named(id, 1000);
    const make = (count: number, entries: Parameters<typeof answerOf>[0]["entries"]): ToolAnswer => {
      const kept = messages.slice(messages.length - count);
      const older = (count < messages.length || more) && kept[0] !== undefined;
      const before = `<${kept[0]?.sequence ?? 0}`;
      const rest = nextCall("get_conversations", { session_id: id, limit: input["limit"], cursor: before });
      return answerOf({
        head: `${counted(count, "message")} of session ${name}, in order`,
        list: "conversations",
        entries,
        data: { session_id: id, count },
        ...(older ? { rest } : {}),
      });
    };
    if (messages.length === 0) {
      const none = `Session ${name} has no messages${asked.before === undefined ? " yet" : " before that"}.`;
      return answerOf({ head: none, list: "conversations", entries: [], data: { session_id: id, count: 0 } });
    }
    const entry = (at: number, to?: number) => {
      const message = messages[at];
      if (message === undefined) throw new RangeError(`There is no message ${at}.`);
      return messagePages.entryOf({ message, tools: [] }, now, {
        from: 0,
        ...(to === undefined ? {} : { to }),
      });
    };
    const all = messages.map((_, at) => entry(at));
    const newest = (count: number): ToolAnswer => make(count, all.slice(all.length - count));
    const count = mostThatFits({ least: 1, most: all.length }, room, newest);
    if (fits(newest(count), room)) return newest(count);
    // The newest alone is too long: its beginning, and get_session has the rest.
    const last = messages.at(-1);
    const content = last?.content ?? "";
    const cut = (most: number): ToolAnswer => {
      const { length } = whole(content, most);
      const { text, data } = make(1, [entry(messages.length - 1, length)]);
      const rest = nextCall("get_session", { id, cursor: `${last?.sequence ?? 1}.${length}` });
      return {
        text: `${text}\n${rest.said} (the rest of this message)`,
        data: { ...data, rest_of_message: rest.data["next"] },
      };
    };
    return cut(mostThatFits({ least: Math.min(2, content.length), most: content.length }, room, cut));
  },
};

/** `<41` means before message 41. */
function readCursor(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const found = /^<(\d{1,15})$/.exec(String(given));
  if (found) return Number(found[1]);
  throw new LociError(
    "invalid",
    `The cursor ${JSON.stringify(clipped(String(given), 60))} is not one of a conversation.`,
    {
      next: "Leave cursor out, then go on with the one of that answer.",
    },
  );
}

export const conversationTools: readonly Tool[] = [getConversationsTool, addConversationTool];
