import { LociError } from "../errors.ts";
import { messages as messageRows } from "../model/message.ts";
import { type ToolExecution, toolExecutions as toolRows } from "../model/tool-execution.ts";
import type { Loci } from "../open.ts";
import {
  type MessageItem,
  messageItem,
  type Page,
  type SessionDetail,
  type SessionItem,
  sessionDetail,
  sessionItem,
  type ToolItem,
  toolItem,
} from "./answers.ts";
import { type Operation, operation } from "./operation.ts";
import { allFlag, limitFlag, pageFlag, projectFlag, sinceFlag, untilFlag } from "./params.ts";

export const listSessions: Operation = operation({
  name: "ls",
  summary: "list sessions, the newest first, each with its cost",
  access: "read",
  params: {
    limit: limitFlag,
    all: allFlag,
    project: projectFlag,
    since: sinceFlag,
    until: untilFlag,
    agent: { kind: "string", summary: "only agents of this type", placeholder: "TYPE" },
    status: {
      kind: "enum",
      choices: ["running", "completed", "error", "interrupted"],
      summary: "only sessions in this state",
    },
    top: { kind: "boolean", summary: "leave out the sessions of sub-agents" },
    parent: { kind: "string", summary: "only the sub-agents of this session", placeholder: "ID" },
    after: pageFlag,
  },
  async run(loci, input): Promise<Page<SessionItem>> {
    const parent = input.parent === undefined ? undefined : (await loci.sessions.resolve(input.parent)).id;
    const query = {
      project: input.project,
      agentType: input.agent,
      status: input.status,
      parent: parent ?? (input.top ? null : undefined),
      since: input.since,
      until: input.until,
    };
    const items: SessionItem[] = [];
    let after = input.after;
    do {
      const limit = input.all ? 1000 : input.limit;
      const page = await loci.sessions.list({ ...query, limit, after });
      for (const session of page.items) items.push(sessionItem(session));
      after = page.next ?? undefined;
    } while (input.all && after !== undefined);
    return { items, next: after ?? null };
  },
});

export interface SessionAnswer {
  readonly session: SessionDetail;
  readonly messages: readonly MessageItem[];
  readonly toolExecutions: readonly ToolItem[];
}

export const showSession: Operation = operation({
  name: "show",
  summary: "show a session: what was said, the tools, the errors",
  access: "read",
  params: {
    id: {
      kind: "string",
      positional: true,
      required: true,
      summary: "the session, by its id or the beginning of it; ID#12 shows message 12 and its neighbours",
    },
    around: {
      kind: "integer",
      default: 2,
      min: 0,
      max: 1000,
      summary: "with ID#12: how many messages before and behind it",
    },
  },
  async run(loci, input): Promise<SessionAnswer> {
    const [name, at] = splitPlace(input.id);
    const session = await loci.sessions.resolve(name);
    if (at === undefined) {
      const [messages, tools] = await Promise.all([
        loci.sessions.messages(session.id),
        loci.sessions.toolExecutions(session.id),
      ]);
      return answerOf(sessionDetail(session), messages.map(messageItem), tools);
    }
    const from = Math.max(1, at - input.around);
    const messages = await loci.sessions.messages(session.id, {
      after: from - 1,
      limit: at + input.around - from + 1,
    });
    if (!messages.some(({ sequence }) => sequence === at)) {
      throw new LociError("not-found", `Session ${session.id} has no message ${at}.`, {
        where: loci.place,
        next: `loci show ${session.id}`,
      });
    }
    const tools = await toolsAround(loci, session.id, messages);
    return answerOf(sessionDetail(session), messages.map(messageItem), tools);
  },
});

export const readSession: Operation = operation({
  name: "read",
  summary: "read a session page by page",
  access: "read",
  params: {
    id: {
      kind: "string",
      required: true,
      summary: "the session, by its id or the beginning of it; ID#12 begins at message 12",
    },
    from: { kind: "integer", summary: "the first message, by its sequence" },
    limit: { ...limitFlag, max: 50 },
  },
  async run(loci, input): Promise<SessionAnswer> {
    const [name, at = 1] = splitPlace(input.id);
    const session = await loci.sessions.resolve(name);
    const messages = await loci.sessions.messages(session.id, {
      after: (input.from ?? at) - 1,
      limit: input.limit,
    });
    const ids = messages.map(({ id }) => id);
    const tools = ids.length === 0 ? [] : await toolsOf(loci, ids);
    return answerOf(sessionDetail(session), messages.map(messageItem), tools);
  },
});

function answerOf(
  session: SessionDetail,
  messages: readonly MessageItem[],
  tools: readonly ToolExecution[],
): SessionAnswer {
  return { session, messages, toolExecutions: tools.map(toolItem) };
}

/** `k3f9#218` names message 218 of session k3f9. */
function splitPlace(place: string): [name: string, at?: number] {
  const found = /^(.*)#(\d{1,15})$/.exec(place);
  return found ? [found[1] ?? "", Number(found[2])] : [place];
}

/** The tools whose results these messages brought. */
async function resultsOf(
  loci: Loci,
  messages: ReadonlyArray<{ readonly sessionId: string }>,
  ids: readonly string[],
): Promise<ToolExecution[]> {
  const sessionIds = [...new Set(messages.map(({ sessionId }) => sessionId))];
  return loci.engine.find(toolRows, {
    where: { sessionId: { anyOf: sessionIds }, resultMessageId: { anyOf: ids } },
  });
}

/** The tools that these messages called, and those whose results they brought. */
async function toolsAround(
  loci: Loci,
  sessionId: string,
  messages: ReadonlyArray<{ readonly id: string }>,
): Promise<ToolExecution[]> {
  const ids = messages.map(({ id }) => id);
  const brought = await resultsOf(loci, [{ sessionId }], ids);
  const all = new Map([...(await toolsOf(loci, ids)), ...brought].map((tool) => [tool.id, tool]));
  return [...all.values()].sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1));
}

function toolsOf(loci: Loci, messageIds: readonly string[]): Promise<ToolExecution[]> {
  return loci.engine.find(toolRows, {
    where: { messageId: { anyOf: messageIds } },
    orderBy: [["startedAt", "up"]],
  });
}

export interface TailItem {
  readonly sessionId: string;
  readonly messageId: string;
  readonly sequence: number;
  readonly role: string;
  readonly createdAt: string;
  readonly text: string;
}

export const tailMessages: Operation = operation({
  name: "tail",
  summary: "show the newest messages of all sessions, or of one",
  access: "read",
  params: {
    id: { kind: "string", positional: true, summary: "only this session, by its id or the beginning of it" },
    limit: { ...limitFlag, default: 10 },
    follow: { kind: "boolean", letter: "f", summary: "go on showing what comes, until Ctrl-C" },
    after: { kind: "time", summary: "only messages behind this moment", hidden: true },
  },
  async run(loci, input): Promise<Page<TailItem>> {
    const session = input.id === undefined ? undefined : await loci.sessions.resolve(input.id);
    const found = await loci.engine.find(messageRows, {
      where: {
        ...(session === undefined ? {} : { sessionId: session.id }),
        ...(input.after === undefined ? {} : { createdAt: { from: input.after } }),
      },
      orderBy: session === undefined ? [["createdAt", "down"]] : [["sequence", "down"]],
      limit: input.limit,
    });
    const silent = found.filter(({ content }) => content === null).map(({ id }) => id);
    const tools = silent.length === 0 ? [] : await toolsOf(loci, silent);
    const results = silent.length === 0 ? [] : await resultsOf(loci, found, silent);
    const items = found.reverse().map((message) => ({
      sessionId: message.sessionId,
      messageId: message.id,
      sequence: message.sequence,
      role: message.role,
      createdAt: new Date(message.createdAt).toISOString(),
      text:
        message.content ??
        [
          ...tools
            .filter(({ messageId }) => messageId === message.id)
            .map((tool) => `${tool.toolName} ${inputLine(tool.input)}`),
          ...results
            .filter(({ resultMessageId }) => resultMessageId === message.id)
            .map(({ toolName, error, output }) => `${toolName} → ${error ?? output ?? ""}`.slice(0, 2000)),
        ].join(" · "),
    }));
    return { items, next: null };
  },
});

/** What a tool was asked, in a few words: its command, path or pattern, else its JSON. */
export function inputLine(input: unknown): string {
  if (typeof input === "string") return input;
  if (typeof input !== "object" || input === null) return "";
  const fields: Readonly<Record<string, unknown>> = { ...input };
  for (const name of [
    "command",
    "cmd",
    "file_path",
    "filePath",
    "path",
    "pattern",
    "query",
    "url",
    "description",
    "prompt",
  ]) {
    const value = fields[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return JSON.stringify(input);
}
