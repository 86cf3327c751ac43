import type { SqlAnswer } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import { type Loci, open } from "../open.ts";
import { addConversation, type Conversations, getConversations } from "../operations/conversations.ts";
import { storeUrl } from "../place.ts";

export interface TursoPoolConfig {
  /** `libsql://…`, a path, a `file:` URL or `postgres://…`. Default: what the environment names, else `~/.loci/loci.db`. */
  readonly url?: string | undefined;
  /** What a libSQL server asks for. Files and PostgreSQL need none. */
  readonly authToken?: string | undefined;
  /** Connections at once, where the store is a server. Default 10. */
  readonly maxConnections?: number | undefined;
  /** An unused connection is closed after so many ms. Default 30,000. */
  readonly idleTimeout?: number | undefined;
}

export interface TursoQuery {
  /** One statement. */
  readonly query: string;
  /** Values for its `?`, in order. */
  readonly params?: readonly unknown[] | undefined;
}

export interface TursoRows {
  /** Each with its columns by name. */
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly columns: readonly string[];
  /** More rows were there than one answer brings. */
  readonly truncated: boolean;
}

export interface TursoChanged extends TursoRows {
  readonly rowsAffected: number;
  readonly lastInsertRowid: number | string | null;
}

/** Either what one said, or a message with its response. */
export interface TursoConversation {
  readonly session_id: string;
  readonly role?: "user" | "assistant" | "system" | "tool";
  readonly content?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly user_id?: string;
  readonly message?: string;
  readonly response?: string;
  readonly context?: string;
}

export interface TursoMessage {
  readonly session_id: string;
  readonly sequence: number;
  readonly role: string;
  readonly content: string | null;
  readonly metadata: unknown;
  readonly created_at: string;
}

export interface TursoKnowledge {
  readonly category?: string;
  readonly topic: string;
  readonly content: string;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface TursoFound extends Required<Omit<TursoKnowledge, "metadata">> {
  readonly id: string;
  readonly metadata: unknown;
  readonly created_at: string;
  readonly score: number;
}

/** The calls of the guide's `turso`, on a store of ours. Opened by the first call; closed, the next one opens it again. */
export interface Turso extends AsyncDisposable {
  /** Changes rows, or tables of your own. Errors: `read-only` where a table is Loci's, `invalid`, `unsupported`. */
  readonly execute_query: (asked: TursoQuery) => Promise<TursoChanged>;
  /** Can change nothing. */
  readonly execute_read_only_query: (asked: TursoQuery) => Promise<TursoRows>;
  readonly add_conversation: (
    said: TursoConversation,
  ) => Promise<{ readonly session_id: string; readonly message_ids: readonly string[] }>;
  /** In order; the newest of the session. */
  readonly get_conversations: (asked: {
    readonly session_id: string;
    readonly limit?: number;
  }) => Promise<TursoMessage[]>;
  readonly add_knowledge: (entry: TursoKnowledge) => Promise<{ readonly id: string }>;
  /** By plain words, the best first, whoever found it out. */
  readonly search_knowledge: (asked: {
    readonly query: string;
    readonly category?: string;
    readonly tags?: readonly string[];
    readonly limit?: number;
  }) => Promise<TursoFound[]>;
  /** The store itself: everything else. */
  readonly open: () => Promise<Loci>;
  readonly close: () => Promise<void>;
}

/** Opens nothing yet. */
export function createTursoPool({
  url,
  authToken,
  maxConnections,
  idleTimeout,
}: TursoPoolConfig = {}): Turso {
  let opened: Promise<Loci> | undefined;
  const connections = {
    ...(maxConnections === undefined ? {} : { max: maxConnections }),
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
  };
  const openOnce = (): Promise<Loci> => {
    const opening = (opened ??= open(url ?? storeUrl(), { connections, authToken }));
    // One that failed is tried again by the next call.
    opening.catch(() => {
      if (opened === opening) opened = undefined;
    });
    return opening;
  };
  const close = async (): Promise<void> => {
    const open = opened;
    opened = undefined;
    // One that could not be opened has told its caller.
    await (await open?.catch(() => undefined))?.close();
  };
  return {
    ...sqlCalls(openOnce),
    ...conversationCalls(openOnce),
    ...knowledgeCalls(openOnce),
    open: openOnce,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The process's own: on the store that the environment names. */
export const turso: Turso = createTursoPool();

type Opening = () => Promise<Loci>;

function sqlCalls(opened: Opening): Pick<Turso, "execute_query" | "execute_read_only_query"> {
  return {
    async execute_read_only_query({ query, params = [] }) {
      const { sql, engine } = await opened();
      if (!sql) throw new LociError("unsupported", `${engine.name} does not answer SQL.`);
      return named(await sql.query(query, { params }));
    },
    async execute_query({ query, params = [] }) {
      const { sql, engine } = await opened();
      if (!sql?.execute) throw new LociError("unsupported", `${engine.name} takes no SQL that writes.`);
      const { rowsAffected, lastInsertRowid, ...answer } = await sql.execute(query, { params });
      return { ...named(answer), rowsAffected, lastInsertRowid };
    },
  };
}

function named({ columns, rows, truncated }: SqlAnswer): TursoRows {
  const records = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
  return { rows: records, columns, truncated };
}

function conversationCalls(opened: Opening): Pick<Turso, "add_conversation" | "get_conversations"> {
  const context = {
    now: Date.now,
    env: process.env,
    folder: process.cwd(),
    progress: (): void => undefined,
  };
  return {
    async add_conversation({ session_id: session, user_id: user, ...said }) {
      const nothing = { role: undefined, content: undefined, metadata: undefined, project: undefined };
      const pair = { message: undefined, response: undefined, context: undefined };
      const input = { ...nothing, ...pair, session, user, ...said };
      const answer: { readonly messageIds?: readonly string[] } = await addConversation.run(
        await opened(),
        input,
        context,
      );
      return { session_id: session, message_ids: answer.messageIds ?? [] };
    },
    async get_conversations({ session_id: session, limit = 50 }) {
      const input = { session, limit, before: undefined };
      const answer: Partial<Conversations> = await getConversations.run(await opened(), input, context);
      return (answer.messages ?? []).map(({ sequence, role, content, metadata, createdAt }) => ({
        session_id: session,
        sequence,
        role,
        content,
        metadata,
        created_at: createdAt,
      }));
    },
  };
}

function knowledgeCalls(opened: Opening): Pick<Turso, "add_knowledge" | "search_knowledge"> {
  return {
    async add_knowledge({ category = "general", metadata, ...entry }) {
      const finder = metadata?.["discovered_by"] ?? metadata?.["agent"];
      const { knowledge } = await opened();
      const { id } = await knowledge.add({
        category,
        ...entry,
        ...(metadata === undefined ? {} : { metadata }),
        ...(typeof finder === "string" && finder !== "" ? { agentId: finder.slice(0, 200) } : {}),
      });
      return { id };
    },
    async search_knowledge({ query, category, tags, limit = 10 }) {
      const { knowledge } = await opened();
      const { items } = await knowledge.search(query, { category, tags, limit });
      return items.map((item) => ({
        id: item.id,
        category: item.category,
        topic: item.topic,
        content: item.content,
        tags: item.tags,
        metadata: item.metadata,
        created_at: new Date(item.createdAt).toISOString(),
        score: item.score,
      }));
    },
  };
}
