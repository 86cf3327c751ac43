import { type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag, projectFlag, sinceFlag, untilFlag } from "./params.ts";

export interface SearchItem {
  readonly sessionId: string;
  readonly messageId: string;
  readonly sequence: number;
  readonly role: string;
  readonly score: number;
  readonly snippet: string;
}

export interface SearchAnswer {
  readonly items: readonly SearchItem[];
  readonly next: string | null;
  /** What a person wants to know of the sessions that were found. */
  readonly sessions: Readonly<Record<string, FoundSession>>;
  /** Messages that are stored and cannot be found yet. */
  readonly behind: number;
}

export interface FoundSession {
  readonly title: string | null;
  readonly projectPath: string | null;
  readonly updatedAt: string;
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
      summary: 'what to look for; "exact words", prefix*, tool:NAME, is:error, after:7d, project:NAME narrow it',
    },
    project: projectFlag,
    session: { kind: "string", summary: "only this session", placeholder: "ID" },
    since: sinceFlag,
    until: untilFlag,
    limit: { ...limitFlag, default: 10, max: 500 },
    after: pageFlag,
  },
  async run(loci, input): Promise<SearchAnswer> {
    const session = input.session === undefined ? undefined : (await loci.sessions.resolve(input.session)).id;
    const found = await loci.search(input.words.join(" "), {
      project: input.project,
      session,
      since: input.since,
      until: input.until,
      limit: input.limit,
      after: input.after,
    });
    const sessions: Record<string, FoundSession> = {};
    for (const id of new Set(found.items.map(({ sessionId }) => sessionId))) {
      const row = await loci.sessions.get(id);
      if (row === null) continue;
      const { title, projectPath, updatedAt } = row;
      sessions[id] = { title, projectPath, updatedAt: new Date(updatedAt).toISOString() };
    }
    return { items: found.items, next: found.next, sessions, behind: (await loci.index.lag()).messages };
  },
});
