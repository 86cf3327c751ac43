import type { Where } from "../engine/engine.ts";
import type { Moment } from "../model/happening.ts";
import { messages } from "../model/message.ts";
import { type Session, sessions } from "../model/session.ts";
import { toolExecutions } from "../model/tool-execution.ts";
import type { Loci } from "../open.ts";
import type { TursoClient } from "./client.ts";

export interface SessionSummary {
  readonly id: string;
  readonly agentType: string;
  readonly model: string;
  readonly provider: string | null;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly status: string;
  readonly messageCount: number;
  readonly toolCount: number;
}

export interface SessionDetail extends SessionSummary {
  readonly errorMessage: string | null;
  readonly metadata: unknown;
  readonly messages: ReadonlyArray<{
    readonly id: string;
    readonly sequence: number;
    readonly role: string;
    readonly content: string | null;
    readonly toolName: string | null;
    readonly createdAt: string;
    readonly tokenCount: number | null;
  }>;
  readonly toolExecutions: ReadonlyArray<{
    readonly id: string;
    readonly toolName: string;
    readonly status: string;
    readonly startedAt: string;
    readonly durationMs: number | null;
    readonly input: unknown;
    readonly output: string | null;
    readonly error: string | null;
  }>;
}

export interface SessionFilter {
  readonly agentType?: string;
  readonly status?: string;
  readonly startedAfter?: Moment;
  readonly startedBefore?: Moment;
}

export interface ListSessionsOptions extends SessionFilter {
  /** Default 50. */
  readonly limit?: number;
  readonly offset?: number;
}

export interface SessionStats {
  readonly totalSessions: number;
  readonly runningSessions: number;
  readonly completedSessions: number;
  readonly errorSessions: number;
  readonly totalMessages: number;
  readonly totalToolExecutions: number;
  readonly totalTokens: number;
  readonly sessionsByAgentType: Readonly<Record<string, number>>;
}

/** Sessions, newest first; none when logging is off. */
export async function listSessions(
  client: TursoClient | null,
  { limit = 50, offset = 0, ...filter }: ListSessionsOptions = {},
): Promise<SessionSummary[]> {
  const loci = await opened(client);
  if (loci === null) return [];
  const rows = await loci.engine.find(sessions, {
    where: filterOf(filter),
    orderBy: [["startedAt", "down"]],
    limit: offset + limit,
  });
  return rows.slice(offset).map(summaryOf);
}

export async function getSession(
  client: TursoClient | null,
  sessionId: string,
): Promise<SessionDetail | null> {
  const loci = await opened(client);
  const session = (await loci?.sessions.get(sessionId)) ?? null;
  if (loci === null || session === null) return null;
  const said = await loci.sessions.messages(sessionId);
  const called = await loci.sessions.toolExecutions(sessionId);
  return {
    ...summaryOf(session),
    errorMessage: session.errorMessage,
    metadata: session.metadata,
    messages: said.map(({ id, sequence, role, content, toolName, createdAt, tokenCount }) => ({
      id,
      sequence,
      role,
      content,
      toolName,
      tokenCount,
      createdAt: iso(createdAt),
    })),
    toolExecutions: called.map(({ id, toolName, status, startedAt, durationMs, input, output, error }) => ({
      id,
      toolName,
      status,
      durationMs,
      input,
      output,
      error,
      startedAt: iso(startedAt),
    })),
  };
}

/** Sessions in which these words were said, or stand in a tool's input or output; the best first. */
export async function searchSessions(
  client: TursoClient | null,
  query: string,
  { limit = 50 }: { readonly limit?: number } = {},
): Promise<SessionSummary[]> {
  const loci = await opened(client);
  if (loci === null || !/[\p{L}\p{N}]/u.test(query)) return [];
  await loci.index.catchUp();
  const { items } = await loci.search(query, { limit: 500 });
  // % and _ are signs like others. The index knows words only, so with them the text itself is asked.
  const found = /[%_]/.test(query) ? await holding(loci, items, query) : items;
  const ids = [...new Set(found.map((item) => item.sessionId))].slice(0, limit);
  if (ids.length === 0) return [];
  const rows = await loci.engine.find(sessions, { where: { id: { anyOf: ids } } });
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []).map(summaryOf);
}

/** Counts over all sessions that the filter lets through. */
export async function getSessionStats(
  client: TursoClient | null,
  filter: SessionFilter = {},
): Promise<SessionStats> {
  const loci = await opened(client);
  const groups =
    (await loci?.engine.rollup(sessions, {
      by: ["agentType", "status"],
      where: filterOf(filter),
      measures: {
        count: "count",
        said: { sum: "messageCount" },
        called: { sum: "toolCount" },
        read: { sum: "inputTokens" },
        wrote: { sum: "outputTokens" },
      },
    })) ?? [];
  type Measured = "count" | "said" | "called" | "read" | "wrote";
  const sum = (name: Measured, status?: string): number =>
    groups.reduce(
      (all, group) => all + (status === undefined || group.status === status ? (group[name] ?? 0) : 0),
      0,
    );
  const types: Record<string, number> = {};
  for (const { agentType, count } of groups) types[agentType] = (types[agentType] ?? 0) + (count ?? 0);
  return {
    totalSessions: sum("count"),
    runningSessions: sum("count", "running"),
    completedSessions: sum("count", "completed"),
    errorSessions: sum("count", "error"),
    totalMessages: sum("said"),
    totalToolExecutions: sum("called"),
    totalTokens: sum("read") + sum("wrote") + (await saidTokens(loci, filter)),
    sessionsByAgentType: types,
  };
}

/** The tokens that `logMessage` was told, of sessions whose model calls nobody recorded. */
async function saidTokens(loci: Loci | null, filter: SessionFilter): Promise<number> {
  if (loci === null) return 0;
  const where = { ...filterOf(filter), inputTokens: 0, outputTokens: 0 };
  const own = await loci.engine.find(sessions, { where, fields: ["id"] });
  const [all] = await loci.engine.rollup(messages, {
    by: [],
    where: { sessionId: { anyOf: own.map(({ id }) => id) } },
    measures: { tokens: { sum: "tokenCount" } },
  });
  return all?.tokens ?? 0;
}

/** The store, with what this process logged a moment ago in it. */
async function opened(client: TursoClient | null): Promise<Loci | null> {
  if (client === null) return null;
  await client.flush();
  return client.open();
}

async function holding<Item extends { readonly sessionId: string; readonly messageId: string | null }>(
  { engine }: Loci,
  items: readonly Item[],
  query: string,
): Promise<Item[]> {
  const ids = items.flatMap(({ messageId }) => (messageId === null ? [] : [messageId]));
  if (ids.length === 0) return [];
  const texts = new Map<string, string>();
  for (const row of await engine.find(messages, { where: { id: { anyOf: ids } } })) {
    texts.set(row.id, JSON.stringify([row.content, row.toolInput, row.toolOutput]).toLowerCase());
  }
  for (const row of await engine.find(toolExecutions, { where: { messageId: { anyOf: ids } } })) {
    const id = row.messageId ?? "";
    texts.set(
      id,
      `${texts.get(id) ?? ""} ${JSON.stringify([row.input, row.output, row.error]).toLowerCase()}`,
    );
  }
  const wanted = query.toLowerCase();
  return items.filter(({ messageId }) => texts.get(messageId ?? "")?.includes(wanted));
}

function filterOf({ agentType, status, startedAfter, startedBefore }: SessionFilter): Where<Session> {
  const after = startedAfter === undefined ? {} : { above: new Date(startedAfter).getTime() };
  const before = startedBefore === undefined ? {} : { below: new Date(startedBefore).getTime() };
  return {
    ...(agentType !== undefined && { agentType }),
    ...(isStatus(status) && { status }),
    ...((startedAfter !== undefined || startedBefore !== undefined) && {
      startedAt: { ...after, ...before },
    }),
  };
}

function isStatus(status: string | undefined): status is Session["status"] {
  return status !== undefined;
}

function summaryOf(row: Session): SessionSummary {
  return {
    id: row.id,
    agentType: row.agentType,
    model: row.model ?? "",
    provider: row.provider,
    startedAt: iso(row.startedAt),
    endedAt: row.endedAt === null ? null : iso(row.endedAt),
    status: row.status,
    messageCount: row.messageCount,
    toolCount: row.toolCount,
  };
}

function iso(moment: number): string {
  return new Date(moment).toISOString();
}
