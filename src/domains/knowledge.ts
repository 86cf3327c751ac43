import { type Engine, guard, insert, remove, update, type Where } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { newId } from "../model/id.ts";
import { type Knowledge as Row, knowledge } from "../model/knowledge.ts";
import { knowledgeIndex } from "../model/knowledge-index.ts";
import { needed, newestOf, onlyOne } from "./chain.ts";
import { pageSize } from "./cursor.ts";
import { findKnowledge } from "./knowledge-index/find.ts";
import { entryOf } from "./knowledge-index/segment.ts";
import { catchUp, comeBack, digestOf, enter, leave, supersededOf } from "./knowledge-index/upkeep.ts";
import { sessionOf } from "./memory.ts";
import { fence, refuseRecalled } from "./recalled.ts";
import type { Page } from "./sessions.ts";

export type KnowledgeEntry = Omit<Row, "tags"> & { readonly tags: readonly string[] };

export interface KnowledgeGiven {
  readonly category: string;
  readonly topic: string;
  readonly content: string;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: unknown;
  readonly agentId?: string | null | undefined;
  readonly sessionId?: string | null | undefined;
  /** Without a session of its own, the entry belongs to the message's. */
  readonly messageId?: string | null | undefined;
  readonly supersedes?: string | null | undefined;
}

export interface KnowledgeFilter {
  readonly category?: string | undefined;
  /** All of these, however they are written. */
  readonly tags?: readonly string[] | undefined;
  readonly agentId?: string | undefined;
  /** 1 to 1,000; 10 when left out. */
  readonly limit?: number | undefined;
}

export interface KnowledgeQuery extends KnowledgeFilter {
  /** Superseded ones too. */
  readonly history?: boolean | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export type KnowledgeHit = KnowledgeEntry & {
  readonly score: number;
  /** The place that was found, its words in [ ]. */
  readonly snippet: string;
};

export interface KnowledgeFound {
  readonly items: readonly KnowledgeHit[];
  /** So many entries match. */
  readonly total: number;
  /** False: they were too many to look at each, and some of them may be superseded, or lack the exact words. */
  readonly isCounted: boolean;
}

export interface Knowledge {
  /**
   * Keeps what was found out. What stands there already, word for word, is answered as it stands. Errors: `invalid`
   * for recalled text and for what was superseded already, `not-found`.
   */
  add(given: KnowledgeGiven): Promise<KnowledgeEntry>;
  /** The best matches first, whoever found them out: docs/memory.md says what words may be. */
  search(words: string, filter?: KnowledgeFilter): Promise<KnowledgeFound>;
  /** Entries, newest first. */
  list(query?: KnowledgeQuery): Promise<Page<KnowledgeEntry>>;
  get(id: string): Promise<KnowledgeEntry | null>;
  /** The entry with this id, or the only one whose id begins with it. Errors: `not-found`. */
  resolve(idOrPrefix: string): Promise<KnowledgeEntry>;
  /** Takes an entry away; one that replaced it replaces what it had replaced. Errors: `not-found`. */
  remove(id: string): Promise<void>;
  /** Replaces an entry: what is not given is taken from it. */
  supersede(
    id: string,
    given: Partial<KnowledgeGiven> & Pick<KnowledgeGiven, "content">,
  ): Promise<KnowledgeEntry>;
  /** Counts a use of each of these. */
  used(ids: readonly string[]): Promise<void>;
  /** What matches as text for an agent: fenced, with source and age, and counted as used. */
  recall(words: string, filter?: KnowledgeFilter): Promise<string>;
}

export function createKnowledge(engine: Engine, { now }: { readonly now: () => Millis }): Knowledge {
  const get = (id: string): Promise<KnowledgeEntry | null> => getEntry(engine, id);
  const add = (given: KnowledgeGiven): Promise<KnowledgeEntry> => addEntry(engine, given, now());
  const search: Knowledge["search"] = async (words, filter = {}) => {
    const { category, agentId, tags = [] } = filter;
    const limit = pageSize(filter.limit ?? 10, 1_000);
    return findKnowledge(engine, { words, category, agentId, tags, limit, now: now() });
  };
  const used: Knowledge["used"] = async (ids) => {
    if (ids.length === 0) return;
    const patch = { uses: { add: 1 }, updatedAt: now() };
    await engine.write([update(knowledge, { id: { anyOf: [...new Set(ids)] } }, patch)]);
  };
  return {
    get,
    add,
    search,
    used,
    list: (query = {}) => listEntries(engine, query),

    async resolve(idOrPrefix) {
      const exact = await get(idOrPrefix);
      const rows =
        exact !== null || idOrPrefix.length < 4
          ? []
          : await engine.find(knowledge, { where: { id: { startsWith: idOrPrefix } }, limit: 5 });
      const naming = { noun: "entry of knowledge", where: engine.place, next: "loci know ls" };
      return onlyOne(exact === null ? rows.map(entryOf) : [exact], idOrPrefix, naming);
    },

    async remove(id) {
      const entry = await known(engine, id);
      const { supersedes } = entry;
      await engine.write([
        remove(knowledge, { id }),
        // Else what this one had replaced would come back.
        update(knowledge, { supersedes: id }, { supersedes }),
        ...(supersedes === null ? [] : [comeBack(supersedes)]),
        ...(await leave(engine, entry)),
      ]);
    },

    async supersede(id, given) {
      const { category, topic, tags, metadata } = await known(engine, id);
      return add({ category, topic, tags, metadata, ...given, supersedes: id });
    },

    async recall(words, filter) {
      const { items } = await search(words, filter);
      await used(items.map(({ id }) => id));
      return items
        .map((row) =>
          fence(`${row.topic}\n${row.content}`, { from: sourceOf(row), at: row.createdAt }, now()),
        )
        .join("\n");
    },
  };
}

async function getEntry(engine: Engine, id: string): Promise<KnowledgeEntry | null> {
  const [row] = await engine.find(knowledge, { where: { id }, limit: 1 });
  return row === undefined ? null : entryOf(row);
}

async function known(engine: Engine, id: string): Promise<KnowledgeEntry> {
  const row = await getEntry(engine, id);
  if (row !== null) return row;
  throw new LociError("not-found", `No entry of knowledge has the id ${JSON.stringify(id)}.`, {
    where: engine.place,
    next: "loci know ls",
  });
}

async function addEntry(engine: Engine, given: KnowledgeGiven, at: Millis): Promise<KnowledgeEntry> {
  const { topic, content, tags = [], metadata = null, messageId = null, supersedes = null } = given;
  refuseRecalled({ topic, content, metadata });
  const row: KnowledgeEntry = {
    id: newId(at),
    category: needed("category", given.category),
    topic: needed("topic", topic),
    content: needed("content", content),
    tags: [...new Set(tagList(tags))],
    metadata,
    agentId: given.agentId ?? null,
    sessionId: given.sessionId ?? (await sessionOf(engine, messageId)),
    messageId,
    supersedes,
    uses: 0,
    createdAt: at,
    updatedAt: at,
  };
  if (supersedes !== null) await known(engine, supersedes);
  await catchUp(engine);
  const same = await sameEntry(engine, row);
  if (same !== undefined) return same;
  const [written] = await engine.write([guard(insert(knowledge, [row])), enter([row])]);
  if (written === 1) return row;
  const [other] = await engine.find(knowledge, { where: { supersedes }, limit: 1, fields: ["id"] });
  throw new LociError("invalid", `${supersedes} was superseded already, by ${other?.id ?? "another"}.`, {
    next: `Supersede ${other?.id ?? "that one"} instead.`,
  });
}

/** A text in the place of the list would become one tag for each of its letters. */
function tagList(tags: readonly string[]): readonly string[] {
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string")) return tags;
  throw new LociError("invalid", `tags is a list of texts, not ${JSON.stringify(tags)}.`);
}

/** The current entry that says the same, word for word. */
async function sameEntry(engine: Engine, row: KnowledgeEntry): Promise<KnowledgeEntry | undefined> {
  const known = await engine.find(knowledgeIndex, { where: { digest: digestOf(row) }, limit: 100 });
  const ids = known.map(({ entryId }) => entryId);
  if (ids.length === 0) return undefined;
  const rows = await engine.find(knowledge, { where: { id: { anyOf: ids } } });
  const hidden = await supersededOf(engine, ids);
  const same = rows.find(
    ({ id, category, topic, content }) =>
      !hidden.has(id) && category === row.category && topic === row.topic && content === row.content,
  );
  return same === undefined ? undefined : entryOf(same);
}

function whereOf({ category, agentId }: KnowledgeFilter): Where<Row> {
  return {
    ...(category === undefined ? {} : { category }),
    ...(agentId === undefined ? {} : { agentId }),
  };
}

function hasTags(row: KnowledgeEntry, tags: readonly string[]): boolean {
  const own = new Set(row.tags.map((tag) => tag.toLowerCase()));
  return tags.every((tag) => own.has(tag.toLowerCase()));
}

function listEntries(engine: Engine, query: KnowledgeQuery): Promise<Page<KnowledgeEntry>> {
  const { tags = [], history = false, limit = 10, after: cursor } = query;
  return newestOf<KnowledgeEntry>({
    limit,
    after: cursor,
    history,
    page: async (after, size) => {
      const where = whereOf(query);
      const rows = await engine.find(knowledge, {
        where,
        orderBy: [["createdAt", "down"]],
        limit: size,
        ...after,
      });
      return rows.map(entryOf);
    },
    superseded: (ids) => supersededOf(engine, ids),
    ...(tags.length === 0 ? {} : { keep: (row) => hasTags(row, tags) }),
  });
}

function sourceOf({ id, agentId, sessionId, messageId }: KnowledgeEntry): string {
  return [
    `knowledge ${id}${agentId === null ? "" : ` of ${agentId}`}`,
    ...(sessionId === null ? [] : [`session ${sessionId}`]),
    ...(messageId === null ? [] : [`message ${messageId}`]),
  ].join(", ");
}
