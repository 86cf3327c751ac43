import { createHash } from "node:crypto";
import { type Change, type Engine, guard, insert, remove, update } from "../../engine/engine.ts";
import { newId } from "../../model/id.ts";
import { type Knowledge as Row, knowledge } from "../../model/knowledge.ts";
import {
  type KnowledgeSegment,
  knowledgeIndex,
  knowledgeSegments,
  knowledgeTerms,
} from "../../model/knowledge-index.ts";
import { replacedBy } from "../chain.ts";
import type { KnowledgeEntry } from "../knowledge.ts";
import { eachPosting } from "./postings.ts";
import {
  addEntries,
  between,
  entryOf,
  newSegment,
  post,
  readIds,
  type SegmentBuilder,
  segmentRows,
  termsOfEntry,
} from "./segment.ts";

/** Searches read up to so many new entries themselves; then a segment is made of them. */
export const readDirectly = 128;
/** The most entries that become a segment at once, and that are listed as new ones. */
export const atOnce = 4_096;
/** So many segments of one size become one of the next, up to the largest. */
const mergedAtOnce = 8;
const largest = 32_768;
const page = 5_000;

export function digestOf({ category, topic, content }: Pick<Row, "category" | "topic" | "content">): string {
  const text = JSON.stringify([category, topic, content]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

/** Entries that are new to the index. */
export function enter(rows: ReadonlyArray<Pick<Row, "id" | "category" | "topic" | "content">>): Change {
  return insert(
    knowledgeIndex,
    rows.map((row) => ({ entryId: row.id, segment: null, digest: digestOf(row) })),
  );
}

/** An entry that was superseded, and is no more, is read as a new one: a segment may not hold it. */
export function comeBack(entryId: string): Change {
  return update(knowledgeIndex, { entryId }, { segment: null });
}

/**
 * Takes an entry out. What stays of it in the lists of its segment is a number without meaning, until that is merged; a
 * word that no other entry there has is taken away with it.
 */
export async function leave(engine: Engine, entry: KnowledgeEntry): Promise<Change[]> {
  const { id: entryId } = entry;
  const [known] = await engine.find(knowledgeIndex, { where: { entryId }, limit: 1 });
  const gone = [remove(knowledgeIndex, { entryId })];
  if (known === undefined || known.segment === null) return gone;
  const { segment } = known;
  const keys = termsOfEntry(entry).map((term) => segment + between + term);
  const rows = await engine.find(knowledgeTerms, { where: { id: { anyOf: keys }, entries: { upTo: 16 } } });
  const shared = await sharedTerms(engine, segment, { rows, entryId });
  const own = rows.filter(({ id }) => !shared.has(id)).map(({ id }) => id);
  return own.length === 0 ? gone : [...gone, remove(knowledgeTerms, { id: { anyOf: own } })];
}

/** Of rare terms, those that an entry beside this one stands by. */
async function sharedTerms(
  engine: Engine,
  segment: string,
  {
    rows,
    entryId,
  }: { readonly rows: ReadonlyArray<{ id: string; postings: Uint8Array }>; readonly entryId: string },
): Promise<Set<string>> {
  const numbers = new Map<string, number[]>();
  for (const { id, postings } of rows) {
    const found: number[] = [];
    eachPosting(postings, (number) => void found.push(number));
    numbers.set(id, found);
  }
  const ids = await idsOf(
    engine,
    [...new Set([...numbers.values()].flat())].map((number) => ({ segment, number })),
  );
  const others = [...new Set(ids.values())].filter((id) => id !== entryId);
  const living = await engine.find(knowledgeIndex, { where: { entryId: { anyOf: others } } });
  const there = new Set(living.filter((row) => row.segment === segment).map((row) => row.entryId));
  const lives = (number: number): boolean => there.has(ids.get(placeKey({ segment, number })) ?? "");
  return new Set([...numbers].filter(([, list]) => list.some(lives)).map(([id]) => id));
}

export interface Place {
  readonly segment: string;
  readonly number: number;
}

export function placeKey({ segment, number }: Place): string {
  return `${segment}#${number}`;
}

/** The ids of entries, by {@link placeKey}. */
export async function idsOf(engine: Engine, places: readonly Place[]): Promise<Map<string, string>> {
  const rowOf = ({ segment, number }: Place): string => `${segment}${between}#${number >>> 7}`;
  const keys = [...new Set(places.map(rowOf))];
  if (keys.length === 0) return new Map();
  const rows = await engine.find(knowledgeTerms, { where: { id: { anyOf: keys } } });
  const lists = new Map(rows.map((row) => [row.id, readIds(row)]));
  return new Map(
    places.flatMap((place) => {
      const id = lists.get(rowOf(place))?.[place.number & 127];
      return id === undefined ? [] : [[placeKey(place), id] as const];
    }),
  );
}

export async function supersededOf(engine: Engine, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const where = { supersedes: { anyOf: ids } };
  return replacedBy(await engine.find(knowledge, { where, fields: ["supersedes"] }));
}

/**
 * Brings in what another program wrote into `knowledge`, and takes out what it removed. Ours come and go with their rows
 * of the index, so two counts tell that nothing is to be done.
 */
export async function catchUp(engine: Engine): Promise<void> {
  // Between two counts others may write; that the same difference stays means that something is missing.
  for (let tries = 0; tries < 3; tries++) if (await isWhole(engine)) return;
  for (let last: string | undefined; ; ) {
    const after = last === undefined ? {} : { after: { id: last } };
    const rows = await engine.find(knowledge, { fields: ["id"], limit: page, ...after });
    const end = rows.length < page ? undefined : rows.at(-1)?.id;
    const above = last === undefined ? {} : { above: last };
    const upTo = end === undefined ? {} : { upTo: end };
    const where = last === undefined && end === undefined ? {} : { entryId: { ...above, ...upTo } };
    const known = await engine.find(knowledgeIndex, { where, fields: ["entryId"] });
    const there = new Set(rows.map(({ id }) => id));
    const has = new Set(known.map(({ entryId }) => entryId));
    const missing = [...there].filter((id) => !has.has(id));
    const gone = [...has].filter((id) => !there.has(id));
    for (let at = 0; at < missing.length; at += 500) {
      const fields = ["id", "category", "topic", "content"] as const;
      const ids = missing.slice(at, at + 500);
      await engine.write([enter(await engine.find(knowledge, { where: { id: { anyOf: ids } }, fields }))]);
    }
    if (gone.length > 0) await engine.write([remove(knowledgeIndex, { entryId: { anyOf: gone } })]);
    if (end === undefined) return;
    last = end;
  }
}

async function isWhole(engine: Engine): Promise<boolean> {
  const count = { by: [], measures: { count: "count" } } as const;
  const [[entries], [indexed], [newest]] = await Promise.all([
    engine.rollup(knowledge, count),
    engine.rollup(knowledgeIndex, count),
    engine.find(knowledge, { orderBy: [["createdAt", "down"]], limit: 1, fields: ["id"] }),
  ]);
  if (entries?.count !== indexed?.count) return false;
  if (newest === undefined) return true;
  const where = { entryId: newest.id };
  return (await engine.find(knowledgeIndex, { where, limit: 1, fields: ["entryId"] })).length === 1;
}

/** Entries that no segment holds. */
export async function unfolded(engine: Engine): Promise<string[]> {
  const rows = await engine.find(knowledgeIndex, {
    where: { segment: null },
    limit: atOnce,
    fields: ["entryId"],
  });
  return rows.map(({ entryId }) => entryId);
}

/** Makes segments of new entries, and one of many, until no more is to be done. */
export async function fold(engine: Engine): Promise<void> {
  for (;;) {
    const segments = await engine.find(knowledgeSegments);
    const ids = await unfolded(engine);
    const many = mergeable(segments);
    if (ids.length > readDirectly) await foldNew(engine, segments, ids);
    else if (many !== undefined) await merge(engine, segments, many);
    else return;
  }
}

function mergeable(segments: readonly KnowledgeSegment[]): KnowledgeSegment[] | undefined {
  const sizes = new Map<number, KnowledgeSegment[]>();
  for (const segment of segments) {
    const size = Math.floor(Math.log(Math.max(1, segment.entries / readDirectly)) / Math.log(mergedAtOnce));
    sizes.set(size, [...(sizes.get(size) ?? []), segment]);
  }
  for (const some of sizes.values()) {
    const smallest = some.sort((a, b) => a.entries - b.entries).slice(0, mergedAtOnce);
    const sum = smallest.reduce((total, { entries }) => total + entries, 0);
    if (smallest.length === mergedAtOnce && sum <= largest) return smallest;
  }
  return undefined;
}

function born(
  segments: readonly KnowledgeSegment[],
  made: SegmentBuilder,
): { readonly id: string; readonly changes: Change[] } {
  const id = newId();
  const turn = Math.max(0, ...segments.map((segment) => segment.turn)) + 1;
  const row: KnowledgeSegment = { id, turn, entries: made.ids.length, words: made.words };
  // Whoever else made one since these segments were read has taken the turn, and nothing of this is done.
  return {
    id,
    changes: [guard(insert(knowledgeSegments, [row])), insert(knowledgeTerms, segmentRows(id, made))],
  };
}

async function foldNew(
  engine: Engine,
  segments: readonly KnowledgeSegment[],
  ids: readonly string[],
): Promise<void> {
  const made = newSegment();
  for (let at = 0; at < ids.length; at += 500) {
    const some = ids.slice(at, at + 500);
    const superseded = await supersededOf(engine, some);
    const rows = await engine.find(knowledge, { where: { id: { anyOf: some } } });
    addEntries(made, rows.filter(({ id }) => !superseded.has(id)).map(entryOf));
  }
  const { id, changes } = born(segments, made);
  await engine.write([...changes, update(knowledgeIndex, { entryId: { anyOf: ids } }, { segment: id })]);
}

/** What was superseded or taken away stays behind. */
async function merge(
  engine: Engine,
  segments: readonly KnowledgeSegment[],
  many: readonly KnowledgeSegment[],
): Promise<void> {
  const made = newSegment();
  for (const { id: segment, entries, words } of many) {
    const renumbered = await renumber(engine, segment, { entries, made });
    made.words += words;
    for (let last = segment + between; ; ) {
      const rows = await engine.find(knowledgeTerms, {
        where: { id: { startsWith: segment + between } },
        limit: 2_000,
        after: { id: last },
      });
      for (const { id, postings } of rows) {
        const term = id.slice(segment.length + 1);
        if (term.startsWith("#")) continue;
        eachPosting(postings, (old, weight) => {
          const number = renumbered[old];
          if (number !== undefined) post(made, term, { number, weight });
        });
      }
      const end = rows.at(-1);
      if (end === undefined || rows.length < 2_000) break;
      last = end.id;
    }
  }
  const old = many.map((segment) => segment.id);
  const { id, changes } = born(segments, made);
  await engine.write([
    ...changes,
    ...old.map((segment) => remove(knowledgeTerms, { id: { startsWith: segment + between } })),
    remove(knowledgeSegments, { id: { anyOf: old } }),
    update(knowledgeIndex, { segment: { anyOf: old } }, { segment: id }),
  ]);
}

/** The new numbers of the entries of a segment that are still found, by their old ones. */
async function renumber(
  engine: Engine,
  segment: string,
  { entries, made }: { readonly entries: number; readonly made: SegmentBuilder },
): Promise<Array<number | undefined>> {
  const places = Array.from({ length: entries }, (_, number) => ({ segment, number }));
  const ids = await idsOf(engine, places);
  const all = [...ids.values()];
  const superseded = await supersededOf(engine, all);
  const known = await engine.find(knowledgeIndex, { where: { segment }, fields: ["entryId"] });
  const living = new Set(known.map(({ entryId }) => entryId));
  return places.map((place) => {
    const id = ids.get(placeKey(place));
    if (id === undefined || superseded.has(id) || !living.has(id)) return undefined;
    return made.ids.push(id) - 1;
  });
}
