import type { DocumentSession } from "./document.ts";
import type { Columns } from "./columns.ts";
import { filterMark } from "./layout.ts";
import type { ParsedQuery } from "./query.ts";

/** What a caller asks beside the words. */
export interface SearchScope {
  /** A project's path, a folder above it, or the name of a folder in it. */
  readonly project?: string | undefined;
  readonly session?: string | undefined;
  /** What the agent is (`claude-code`), or its id. */
  readonly agent?: string | undefined;
}

/** All have to hold; of the values of one, any. */
export interface Filters {
  readonly projects: readonly string[];
  readonly sessions: readonly string[];
  readonly agents: readonly string[];
  readonly scope: SearchScope;
  /** Each is a set of filter terms, any of which the document has. */
  readonly marks: ReadonlyArray<readonly string[]>;
  readonly after: number | undefined;
  readonly before: number | undefined;
  readonly isEmpty: boolean;
}

export function filtersOf(parsed: ParsedQuery, scope: SearchScope): Filters {
  const values = (name: string): string[] =>
    parsed.filters.filter((filter) => filter.name === name).map(({ value }) => value);
  const marks = (["tool", "role"] as const)
    .map((name) => values(name).map((value) => `${filterMark}${name}:${value.toLowerCase()}`))
    .concat(values("is").length > 0 ? [[`${filterMark}error`]] : [])
    .filter((terms) => terms.length > 0);
  const [after, before] = [values("after").map(Number), values("before").map(Number)];
  const isScoped = Object.values(scope).some((value) => value !== undefined);
  return {
    projects: values("project"),
    sessions: values("session"),
    agents: values("agent"),
    scope,
    marks,
    after: after.length > 0 ? Math.max(...after) : undefined,
    before: before.length > 0 ? Math.min(...before) : undefined,
    isEmpty: parsed.filters.length === 0 && !isScoped,
  };
}

function isProject(session: DocumentSession, value: string): boolean {
  const path = session.projectPath?.toLowerCase();
  if (path === undefined) return false;
  const wanted = value.toLowerCase().replace(/[\\/]+$/, "");
  if (path === wanted || path.startsWith(`${wanted}/`) || path.startsWith(`${wanted}\\`)) return true;
  return path.split(/[\\/]/).includes(wanted);
}

function isAgent(session: DocumentSession, value: string): boolean {
  const wanted = value.toLowerCase();
  return session.agentType.toLowerCase() === wanted || session.agentId?.toLowerCase() === wanted;
}

/** A session's id, or the beginning of one as lists show it. */
function isSession(session: DocumentSession, value: string): boolean {
  return session.id === value || (value.length >= 6 && session.id.startsWith(value));
}

function isWanted(session: DocumentSession, filters: Filters): boolean {
  const { project, agent, session: id } = filters.scope;
  if (project !== undefined && !isProject(session, project)) return false;
  if (agent !== undefined && !isAgent(session, agent)) return false;
  if (id !== undefined && !isSession(session, id)) return false;
  const any = (
    values: readonly string[],
    test: (session: DocumentSession, value: string) => boolean,
  ): boolean => values.length === 0 || values.some((value) => test(session, value));
  return any(filters.projects, isProject) && any(filters.agents, isAgent) && any(filters.sessions, isSession);
}

/** Whether each session is wanted. Thousands of sessions share few projects and agents: each is tested once. */
function wantedSessions(columns: Columns, filters: Filters): Uint8Array {
  const isById = filters.sessions.length > 0 || filters.scope.session !== undefined;
  const known = new Map<string, boolean>();
  return Uint8Array.from(columns.sessions, (session) => {
    if (isById) return isWanted(session, filters) ? 1 : 0;
    const name = `${session.projectPath}\u0000${session.agentType}\u0000${session.agentId}`;
    const wanted = known.get(name) ?? isWanted(session, filters);
    known.set(name, wanted);
    return wanted ? 1 : 0;
  });
}

/** 1 for each document that the sessions and times let through; undefined where all are. */
export function allowedByColumns(columns: Columns, filters: Filters): Uint8Array | undefined {
  const { after, before, scope } = filters;
  const { count, owners, times } = columns;
  const isTimed = after !== undefined || before !== undefined;
  const isOwned =
    filters.projects.length + filters.agents.length + filters.sessions.length > 0 ||
    Object.values(scope).some((value) => value !== undefined);
  if (!isTimed && !isOwned) return undefined;
  const allowed = new Uint8Array(count);
  if (isOwned) {
    const wanted = wantedSessions(columns, filters);
    for (let i = 0; i < count; i++) allowed[i] = wanted[owners[i] ?? 0] ?? 0;
  } else allowed.fill(1);
  if (!isTimed) return allowed;
  const [from, to] = [after ?? -Infinity, before ?? Infinity];
  for (let i = 0; i < count; i++) {
    const time = times[i] ?? 0;
    if (time < from || time >= to) allowed[i] = 0;
  }
  return allowed;
}
