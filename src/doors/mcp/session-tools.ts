import type { Page, SessionItem } from "../../operations/answers.ts";
import type { SearchAnswer } from "../../operations/search.ts";
import { searchMessages } from "../../operations/search.ts";
import { inputLine, listSessions, readSession, type SessionAnswer } from "../../operations/sessions.ts";
import type { Input } from "../../operations/operation.ts";
import { money } from "../cli/people.ts";
import { type Entry, nextCall } from "./fit.ts";
import { messagePages } from "./message-pages.ts";
import { fittedPage, mostHits, readOffset } from "./pages.ts";
import { age, clipped, named, quoted } from "./recalled.ts";
import { ask, cursor, maxTokens, quietMaxTokens, type Tool, type ToolCall } from "./tool.ts";

const limit = { kind: "integer", default: 10, min: 1, max: 50, summary: "" } as const;
const project = { kind: "string", summary: "folder; * for all" } as const;
const since = { kind: "time", summary: "7d, 2026-08-23" } as const;
const until = { kind: "time", summary: "", hidden: true } as const;
const agent = { kind: "string", summary: "agent type" } as const;

/** What a person who did not name a project has to know of the one that was meant. */
function scopeOf({ input, project: usual }: ToolCall): string {
  const scoped = input["project"] === undefined && usual !== undefined && usual !== "*";
  return scoped ? ` in ${clipped(usual, 200)} (project * is all)` : "";
}

/** The project that is meant: the call's own, else the server's; `*` is every one. */
function projectOf({ input, project: usual }: ToolCall): unknown {
  const asked = input["project"] ?? usual;
  return asked === "*" ? undefined : asked;
}

const searchSessionsTool: Tool = {
  name: "search_sessions",
  description:
    'Find messages and tool calls of past sessions by plain words, best first, as snippets: get_session reads on. Also tool:NAME, is:error, "exact".',
  toolset: "sessions",
  operation: searchMessages,
  params: {
    query: { kind: "string", required: true, summary: "plain words" },
    project,
    session: { kind: "string", summary: "" },
    agent,
    since,
    until,
    limit,
    cursor,
    max_tokens: maxTokens,
  },
  run(call) {
    const { input, context } = call;
    const names = ["query", "project", "session", "agent", "since", "until", "limit"];
    return fittedPage(call, { tool: "search_sessions", list: "hits", names }, async (count) => {
      const offset = readOffset(input["cursor"]);
      const asked: Input = {
        words: [input["query"]],
        project: projectOf(call),
        session: input["session"],
        agent: input["agent"],
        since: input["since"],
        until: input["until"],
        limit: Math.min(offset + count, mostHits),
        after: undefined,
      };
      const found = await ask<SearchAnswer>(searchMessages, call, asked);
      const hits = found.items.slice(offset);
      const behind = found.behind > 0 ? `; ${found.behind} newer messages cannot be found yet` : "";
      return {
        head: `${hits.length === 0 ? "0" : `${offset + 1} to ${offset + hits.length}`} of ${found.total} hits for ${JSON.stringify(clipped(String(input["query"]), 80))}${scopeOf(call)}${behind}`,
        entries: hits.map((item) => hit(item, found, context.now())),
        next(shown) {
          const left = shown < hits.length || found.next !== null;
          return left && offset + shown < mostHits ? String(offset + shown) : null;
        },
        data: { total: found.total, not_yet_searchable: found.behind },
      };
    });
  },
};

function hit(item: SearchAnswer["items"][number], { sessions }: SearchAnswer, now: number): Entry {
  const of = sessions[item.sessionId];
  const about = [item.role, item.toolName ?? "", age(item.createdAt, now), clipped(of?.title ?? "", 60)];
  const snippet = clipped(item.snippet, 400);
  return {
    text: `${named(item.sessionId, 1000)}#${item.sequence} ${about
      .map((word) => clipped(word, 60))
      .filter((word) => word !== "")
      .join(" · ")}\n${quoted(snippet)}`,
    data: {
      session_id: item.sessionId,
      sequence: item.sequence,
      role: clipped(item.role, 60),
      tool: item.toolName === null ? null : clipped(item.toolName, 60),
      created_at: item.createdAt,
      title: of === undefined || of.title === null ? null : clipped(of.title, 60),
      snippet,
    },
  };
}

const listSessionsTool: Tool = {
  name: "list_sessions",
  description:
    "Past sessions, newest first: id, title, project, status, counts, cost. Not their messages: get_session reads one.",
  toolset: "sessions",
  operation: listSessions,
  params: {
    project,
    agent,
    status: { kind: "enum", choices: ["running", "completed", "error", "interrupted"], summary: "state" },
    since,
    until,
    limit,
    cursor,
    max_tokens: quietMaxTokens,
  },
  run(call) {
    const { input, context } = call;
    const names = ["project", "agent", "status", "since", "until", "limit"];
    return fittedPage(call, { tool: "list_sessions", list: "sessions", names }, async (count) => {
      const asked: Input = { ...input, project: projectOf(call), limit: count, after: input["cursor"] };
      const { items, next } = await ask<Page<SessionItem>>(listSessions, call, asked);
      return {
        head: `${items.length === 0 ? "No session matches" : "Sessions, newest first"}${scopeOf(call)}`,
        entries: items.map((item) => line(item, context.now())),
        next: (shown) => (shown === items.length ? next : undefined),
      };
    });
  },
};

function line(item: SessionItem, now: number): Entry {
  const title = clipped(item.title ?? "", 120);
  const folder = clipped(item.projectPath ?? "", 120);
  const agentType = clipped(item.agentType, 40);
  const counts = `${item.messageCount} messages, ${item.toolCount} tools, ${item.errorCount} errors`;
  const about = [
    age(item.updatedAt, now),
    agentType,
    item.status,
    counts,
    money(item.costUsd, item.costComplete),
  ];
  return {
    text: `${named(item.id, 1000)} ${about.join(" · ")}\n${quoted(`${title}${folder === "" ? "" : ` (${folder})`}`)}`,
    data: {
      id: item.id,
      title,
      project: folder,
      agent: agentType,
      status: item.status,
      updated_at: item.updatedAt,
      messages: item.messageCount,
      tools: item.toolCount,
      errors: item.errorCount,
      cost_usd: item.costUsd,
      cost_complete: item.costComplete,
    },
  };
}

const getSessionTool: Tool = {
  name: "get_session",
  description:
    "Read a session's messages in order, tool calls in short. id may be its beginning; ID#12 begins at message 12.",
  toolset: "sessions",
  operation: readSession,
  aliases: { session_id: "id" },
  params: {
    id: { kind: "string", required: true, summary: "session id" },
    limit: { ...limit, default: 20 },
    cursor,
    max_tokens: maxTokens,
  },
  async run(call) {
    const { input, context, room } = call;
    const { sequence, offset } = messagePages.read(input["cursor"]);
    const asked: Input = { id: input["id"], from: sequence, limit: input["limit"] };
    const { session, messages, toolExecutions } = await ask<SessionAnswer>(readSession, call, asked);
    const title = clipped(session.title ?? "", 120);
    const head = `Session ${named(session.id, 1000)}: ${session.status}, ${session.messageCount} messages, ${session.toolCount} tools, ${session.errorCount} errors, ${money(session.costUsd, session.costComplete)}, ${age(session.updatedAt, context.now())}`;
    const about = {
      ...line(session, context.now()).data,
      model: session.model === null ? null : clipped(session.model, 60),
    };
    const shown = messages.map((message) => ({
      // What a runtime notes of every message says nothing to a reader.
      message: { ...message, metadata: null },
      tools: toolExecutions
        .filter(({ messageId }) => messageId === message.id)
        .map(({ toolName, status, input: given, output, error }) => ({
          name: clipped(toolName, 60),
          status,
          input: clipped(inputLine(given), 160),
          result: clipped(error ?? output ?? "", 240),
        })),
    }));
    return messagePages.answer(shown, {
      head: title === "" ? head : `${head}\n${quoted(title)}`,
      data: { session: about },
      offset,
      room,
      now: context.now(),
      next: (place) => nextCall("get_session", { id: session.id, limit: input["limit"], cursor: place }),
      last: session.messageCount,
    });
  },
};

export const sessionTools: readonly Tool[] = [searchSessionsTool, listSessionsTool, getSessionTool];
