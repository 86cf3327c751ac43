import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag, projectFlag, sinceFlag, untilFlag } from "./params.ts";

export interface SearchItem {
  readonly sessionId: string;
  /** Null for a tool execution that belongs to no message. */
  readonly messageId: string | null;
  readonly sequence: number;
  readonly role: string;
  readonly score: number;
  readonly snippet: string;
  readonly toolName: string | null;
  readonly createdAt: string;
}

export interface SearchAnswer {
  readonly items: readonly SearchItem[];
  readonly next: string | null;
  /** So many messages match, or at least so many. */
  readonly total: number;
  /** Messages that are stored and cannot be found yet. */
  readonly behind: number;
  /** What a person wants to know of the sessions that were found, by their ids. */
  readonly sessions: Readonly<Record<string, FoundSession>>;
}

export interface FoundSession {
  readonly title: string | null;
  readonly projectPath: string | null;
}

export const searchMessages: Operation = operation({
  name: "search",
  summary: "find messages and tool calls by words, plain ones",
  access: "read",
  params: {
    words: {
      kind: "list",
      positional: true,
      required: true,
      summary: "what to look for, in plain words",
    },
    project: projectFlag,
    session: { kind: "string", summary: "only this session", placeholder: "ID" },
    agent: { kind: "string", summary: "only agents of this type", placeholder: "TYPE" },
    since: sinceFlag,
    until: untilFlag,
    limit: { ...limitFlag, default: 10, max: 500 },
    after: pageFlag,
  },
  async run(loci, input): Promise<SearchAnswer> {
    const session = input.session === undefined ? undefined : (await loci.sessions.resolve(input.session)).id;
    const words = [
      ...input.words,
      ...(input.since === undefined ? [] : [`after:${isoTime(input.since)}`]),
      ...(input.until === undefined ? [] : [`before:${isoTime(input.until)}`]),
    ];
    const { project, agent, limit, after } = input;
    const found = await loci.search(words.join(" "), { project, session, agent, limit, after });
    const sessions: Record<string, FoundSession> = {};
    for (const id of new Set(found.items.map(({ sessionId }) => sessionId))) {
      const row = await loci.sessions.get(id);
      if (row !== null) sessions[id] = { title: row.title, projectPath: row.projectPath };
    }
    const items = found.items.map(({ projectPath: _, ...item }) => ({
      ...item,
      createdAt: isoTime(item.createdAt),
    }));
    return { items, next: found.next, total: found.total, behind: found.lag, sessions };
  },
});
