import { type Engine, insert, update, type Where } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { type Message, messages } from "../model/message.ts";
import { type ModelCall, modelCalls } from "../model/model-call.ts";
import { type Session, type SessionStatus, sessions } from "../model/session.ts";
import { type ToolExecution, toolExecutions } from "../model/tool-execution.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import { projectPaths } from "./projects.ts";
import { sessionRow } from "./rows.ts";

export interface SessionQuery {
  /** A project's path, or its folder's name. */
  readonly project?: string | undefined;
  readonly agentType?: string | undefined;
  readonly status?: SessionStatus | undefined;
  /** Only the sub-agents of this session; null: only sessions that are nobody's sub-agent. */
  readonly parent?: string | null | undefined;
  /** Only sessions in which something happened at or after this, or before that. */
  readonly since?: Millis | undefined;
  readonly until?: Millis | undefined;
  /** 1 to 1,000; 20 when left out. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface SessionState {
  readonly id: string;
  readonly projectId?: string | null | undefined;
  /** Any JSON value. */
  readonly data: unknown;
}

export interface Sessions {
  /** Saves the state of a session, which is made where it is not there; `updatedAt` is now. */
  save(state: SessionState): Promise<Session>;
  /** Sessions, the one in which something happened last first. */
  list(query?: SessionQuery): Promise<Page<Session>>;
  get(id: string): Promise<Session | null>;
  /** The session with this id, or the only one whose id begins with it. Errors: `not-found`, `invalid` (several). */
  resolve(idOrPrefix: string): Promise<Session>;
  /** The shortest beginnings (of 4 characters or more) that name these sessions and no other. */
  shorten(ids: readonly string[]): Promise<Map<string, string>>;
  /** The messages of a session in order, after a sequence. */
  messages(id: string, page?: { after?: number; limit?: number }): Promise<Message[]>;
  /** The tool executions of a session in the order they started. */
  toolExecutions(id: string): Promise<ToolExecution[]>;
  modelCalls(id: string): Promise<ModelCall[]>;
  count(): Promise<number>;
}

export function createSessions(engine: Engine, now: () => Millis = Date.now): Sessions {
  return {
    save: (state) => saveSession(engine, state, now()),
    get: (id) => getSession(engine, id),
    list: (query = {}) => listSessions(engine, query),
    resolve: (idOrPrefix) => resolveSession(engine, idOrPrefix),

    async shorten(ids) {
      const short = new Map<string, string>();
      for (const id of ids) short.set(id, await shortest(engine, id));
      return short;
    },

    messages: (id, { after = 0, limit } = {}) =>
      engine.find(messages, {
        where: { sessionId: id, sequence: { above: after } },
        orderBy: [["sequence", "up"]],
        ...(limit === undefined ? {} : { limit }),
      }),

    toolExecutions: (id) =>
      engine.find(toolExecutions, { where: { sessionId: id }, orderBy: [["startedAt", "up"]] }),

    modelCalls: (id) => engine.find(modelCalls, { where: { sessionId: id }, orderBy: [["startedAt", "up"]] }),

    async count() {
      const [all] = await engine.rollup(sessions, { by: [], measures: { count: "count" } });
      return all?.count ?? 0;
    },
  };
}

async function getSession(engine: Engine, id: string): Promise<Session | null> {
  return (await engine.find(sessions, { where: { id }, limit: 1 }))[0] ?? null;
}

async function saveSession(engine: Engine, state: SessionState, at: Millis): Promise<Session> {
  const { id, projectId, data } = state;
  if (data === undefined) throw new LociError("invalid", "The state of a session is data: any JSON value.");
  const patch = { data, updatedAt: at, ...(projectId === undefined ? {} : { projectId }) };
  await engine.write([insert(sessions, [sessionRow({ id, ...patch }, at)]), update(sessions, { id }, patch)]);
  return resolveSession(engine, id);
}

/** In order; a sub-agent's id begins with its parent's and a slash. */
function idsFrom(engine: Engine, prefix: string, limit: number): Promise<Array<Pick<Session, "id">>> {
  return engine.find(sessions, { where: { id: { startsWith: prefix } }, limit, fields: ["id"] });
}

async function resolveSession(engine: Engine, idOrPrefix: string): Promise<Session> {
  const exact = await getSession(engine, idOrPrefix);
  if (exact !== null) return exact;
  const prefix = await wholeParent(engine, idOrPrefix);
  const found = idOrPrefix.length < 4 ? [] : await idsFrom(engine, prefix, 1_000);
  const [first] = found;
  const others = found.filter(({ id }) => id !== first?.id && !id.startsWith(`${first?.id}/`));
  if (others.length > 0) throw ambiguous(idOrPrefix, found);
  const session = first === undefined ? null : await getSession(engine, first.id);
  if (session !== null) return session;
  throw new LociError(
    "not-found",
    `No session has the id ${JSON.stringify(idOrPrefix)}, or one that begins so (4 characters or more).`,
    { where: engine.place, next: "loci ls" },
  );
}

/** `k3f9/a1` is said of a sub-agent: what stands before the slash may be short too. */
async function wholeParent(engine: Engine, idOrPrefix: string): Promise<string> {
  const slash = idOrPrefix.indexOf("/");
  if (slash < 0) return idOrPrefix;
  const parent = await resolveSession(engine, idOrPrefix.slice(0, slash));
  return parent.id + idOrPrefix.slice(slash);
}

async function shortest(engine: Engine, id: string): Promise<string> {
  const slash = id.indexOf("/");
  if (slash < 0) return shortestFrom(engine, id, 4);
  const whole = await shortestFrom(engine, id, slash + 5);
  return (await shortest(engine, id.slice(0, slash))) + whole.slice(slash);
}

async function shortestFrom(engine: Engine, id: string, least: number): Promise<string> {
  let length = least;
  while (length < id.length) {
    const [first, second] = await idsFrom(engine, id.slice(0, length), 2);
    const other = first?.id === id ? second : first;
    if (other === undefined || (first?.id === id && other.id.startsWith(`${id}/`))) break;
    length = Math.max(length, sharedLength(id, other.id)) + 1;
  }
  return id.slice(0, length);
}

async function listSessions(engine: Engine, query: SessionQuery): Promise<Page<Session>> {
  const limit = pageSize(query.limit ?? 20, 1_000);
  const paths = query.project === undefined ? undefined : await projectPaths(engine, query.project);
  const where: Where<Session> = {
    ...(paths === undefined ? {} : { projectPath: { anyOf: paths } }),
    ...(query.agentType === undefined ? {} : { agentType: query.agentType }),
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.parent === undefined ? {} : { parentSessionId: query.parent }),
    ...(query.since === undefined && query.until === undefined
      ? {}
      : {
          updatedAt: {
            ...(query.since === undefined ? {} : { from: query.since }),
            ...(query.until === undefined ? {} : { below: query.until }),
          },
        }),
  };
  const [updatedAt, id] = query.after === undefined ? [] : fromCursor(query.after);
  const items = await engine.find(sessions, {
    where,
    orderBy: [["updatedAt", "down"]],
    limit: limit + 1,
    ...(updatedAt === undefined || id === undefined ? {} : { after: { updatedAt, id } }),
  });
  const last = items.length > limit ? items[limit - 1] : undefined;
  return {
    items: items.slice(0, limit),
    next: last === undefined ? null : toCursor(last.updatedAt, last.id),
  };
}

function ambiguous(prefix: string, found: ReadonlyArray<Pick<Session, "id">>): LociError {
  const some = found.slice(0, 5).map(({ id }) => id);
  const more = found.length > some.length ? ` and ${found.length - some.length} more` : "";
  return new LociError(
    "not-found",
    `${found.length} sessions begin with ${JSON.stringify(prefix)}: ${some.join(", ")}${more}.`,
    {
      next: "Give more of the id.",
    },
  );
}

function sharedLength(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}
