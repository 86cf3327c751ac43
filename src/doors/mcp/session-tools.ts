import { LociError } from "../../errors.ts";
import type { Page, SessionItem } from "../../operations/answers.ts";
import type { SearchAnswer } from "../../operations/search.ts";
import { searchMessages } from "../../operations/search.ts";
import { inputLine, listSessions, readSession, type SessionAnswer } from "../../operations/sessions.ts";
import type { Input } from "../../operations/operation.ts";
import { money } from "../cli/people.ts";
import { answerOf, type Entry, mostThatFits, nextCall } from "./fit.ts";
import { messagePages } from "./message-pages.ts";
import { age, clipped, quoted } from "./recalled.ts";
import { ask, cursor, maxTokens, type Tool, type ToolAnswer, type ToolCall } from "./tool.ts";

const limit = { kind: "integer", default: 10, min: 1, max: 50, summary: "how many" } as const;
const project = { kind: "string", summary: "folder's name or path; * for all" } as const;
const since = { kind: "time", summary: "7d, 12h, 2026-08-23" } as const;
const until = { kind: "time", summary: "before this" } as const;
const agent = { kind: "string", summary: "agent type" } as const;

/** The project that is meant: the call's own, else the server's; `*` is every one. */
function projectOf({ input, project: usual }: ToolCall): unknown {
  const asked = input["project"] ?? usual;
  return asked === "*" ? undefined : asked;
}

/** The same call again, from a cursor: what was given, and nothing that was filled in. */
function again({ input }: ToolCall, names: readonly string[], more: string | null): Record<string, unknown> {
  const given = names.map((name) => {
    const value = input[name];
    // A moment such as 7d would be another one by then.
    const asText = (name === "since" || name === "until") && typeof value === "number";
    return [name, asText ? new Date(value).toISOString() : value] as const;
  });
  return { ...Object.fromEntries(given), cursor: more };
}

interface Paged {
  readonly entries: readonly Entry[];
  readonly head: string;
  /** The cursor behind so many of the entries; null at the end; undefined where only a page of that size has it. */
  next(shown: number): string | null | undefined;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A page that fits: where fewer than asked for do, it is asked for again, so that its cursor is behind the last one. */
async function fittedPage(
  call: ToolCall,
  spec: { readonly tool: string; readonly list: string; readonly names: readonly string[] },
  read: (limit: number) => Promise<Paged>,
): Promise<ToolAnswer> {
  const make = ({ entries, head, next, data = {} }: Paged, shown: number): ToolAnswer => {
    // A cursor that is not known yet is one of about this length.
    const place = next(shown) === undefined ? "x".repeat(200) : (next(shown) ?? null);
    return answerOf({
      head,
      list: spec.list,
      entries: entries.slice(0, shown),
      data,
      ...(place === null ? {} : { rest: nextCall(spec.tool, again(call, spec.names, place)) }),
    });
  };
  const page = await read(Number(call.input["limit"]));
  const all = page.entries.length;
  if (all === 0) return make(page, 0);
  const count = mostThatFits({ least: 1, most: all }, call.room, (most) => make(page, most));
  if (page.next(count) !== undefined) return make(page, count);
  const shorter = await read(count);
  return make(shorter, shorter.entries.length);
}

/** A search's cursor here is how many hits were shown: the search's own has kilobytes, and a model would copy it. */
function readOffset(given: unknown): number {
  if (given === undefined) return 0;
  const found = /^\d{1,3}$/.test(String(given)) ? Number(given) : Number.NaN;
  if (found < mostHits) return found;
  throw new LociError(
    "invalid",
    `The cursor ${JSON.stringify(clipped(String(given), 60))} is not one of a search.`,
    {
      next: "Leave cursor out, then go on with the one of that answer; or ask with rarer words.",
    },
  );
}

/** As many as the search answers at once. */
const mostHits = 500;

const searchSessionsTool: Tool = {
  name: "search_sessions",
  description:
    'Find messages and tool calls of past agent sessions by plain words, best first, with snippets. Not whole texts: read on with get_session. Also tool:NAME, is:error, "exact".',
  toolset: "sessions",
  operation: searchMessages,
  params: {
    query: { kind: "string", required: true, summary: "plain words" },
    project,
    session: { kind: "string", summary: "only this id" },
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
        head: `${hits.length === 0 ? "0" : `${offset + 1} to ${offset + hits.length}`} of ${found.total} hits for ${JSON.stringify(clipped(String(input["query"]), 80))}${behind}`,
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
    text: `${clipped(item.sessionId, 1000)}#${item.sequence} ${about
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
    "List past agent sessions, newest first: id, title, project, status, counts, cost. Not their messages: get_session reads one, search_sessions finds by words.",
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
    max_tokens: maxTokens,
  },
  run(call) {
    const { input, context } = call;
    const names = ["project", "agent", "status", "since", "until", "limit"];
    return fittedPage(call, { tool: "list_sessions", list: "sessions", names }, async (count) => {
      const asked: Input = { ...input, project: projectOf(call), limit: count, after: input["cursor"] };
      const { items, next } = await ask<Page<SessionItem>>(listSessions, call, asked);
      return {
        head: items.length === 0 ? "No session matches." : "Sessions, newest first",
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
    text: `${clipped(item.id, 1000)} ${about.join(" · ")}\n${quoted(`${title}${folder === "" ? "" : ` (${folder})`}`)}`,
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
    "Read a session's messages in order, with short forms of its tool calls. Long ones come in pages: go on with the cursor. id may be its beginning; ID#12 begins at message 12.",
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
    const head = `Session ${clipped(session.id, 1000)}: ${session.status}, ${session.messageCount} messages, ${session.toolCount} tools, ${session.errorCount} errors, ${money(session.costUsd, session.costComplete)}, ${age(session.updatedAt, context.now())}`;
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
