import type { Engine, Where } from "../../engine/engine.ts";
import type { Millis } from "../../model/collection.ts";
import { type Knowledge as Row, knowledge } from "../../model/knowledge.ts";
import { knowledgeSegments } from "../../model/knowledge-index.ts";
import { newestOf } from "../chain.ts";
import {
  type AskedKnowledge,
  askKnowledge,
  byScore,
  type KnowledgeScale,
  type RankedEntry,
  rankKnowledge,
  rankRead,
  readFor,
  snippetsFor,
} from "../knowledge-rank.ts";
import type { KnowledgeEntry, KnowledgeFound } from "../knowledge.ts";
import type { ReadEntry } from "../knowledge-read.ts";
import { candidates, type Looked, lookUp, scaleOf } from "./lookup.ts";
import { entryOf } from "./segment.ts";
import { atOnce, catchUp, fold, idsOf, placeKey, supersededOf, unfolded } from "./upkeep.ts";

export interface KnowledgeQuestion {
  readonly words: string;
  readonly category: string | undefined;
  readonly agentId: string | undefined;
  readonly tags: readonly string[];
  readonly limit: number;
  readonly now: Millis;
}

/** So many of the most promising are read at least, and three times as many as are wanted. */
const readAtLeast = 30;
/** Where a filter refuses what the index cannot know, no more than so many are read. */
const readAtMost = 2_000;

/** Current entries that match, the best first: chosen by the index, ranked by what stands in them. */
export async function findKnowledge(engine: Engine, question: KnowledgeQuestion): Promise<KnowledgeFound> {
  const asked = askKnowledge(question.words, question.now);
  if (asked.groups.length === 0) return newest(engine, question, asked);
  await catchUp(engine);
  for (let tries = 0; ; tries++) {
    const segments = await engine.find(knowledgeSegments);
    const fresh = await unfolded(engine);
    // There may be more new ones than are listed: none of those would be found.
    if (fresh.length === atOnce) {
      await fold(engine);
      continue;
    }
    const looked = await lookUp(engine, segments, { asked, ...question });
    const found = await judge(engine, { question, asked, fresh, looked });
    // Where a segment was merged away meanwhile, its entries were not seen.
    const after = await engine.find(knowledgeSegments, { fields: ["id"] });
    if (tries < 5 && after.map(({ id }) => id).join() !== segments.map(({ id }) => id).join()) continue;
    await fold(engine);
    return found;
  }
}

interface Judging {
  readonly question: KnowledgeQuestion;
  readonly asked: AskedKnowledge;
  readonly fresh: readonly string[];
  readonly looked: Looked;
}

async function judge(engine: Engine, { question, asked, fresh, looked }: Judging): Promise<KnowledgeFound> {
  const { limit } = question;
  const reading = readFor(asked);
  const passes = ({ row }: ReadEntry): boolean => matches(row, question);
  const newOnes = reading(await readCurrent(engine, fresh));
  const scale = scaleOf(looked, newOnes);
  const ranked = rankRead(newOnes.filter(passes), asked, scale);
  const seen = new Set(fresh);
  const step = Math.max(readAtLeast, limit * 3);
  let read = 0;
  for (let wanted = step; ; wanted *= 4) {
    const { places, matching } = candidates(looked, scale, wanted);
    for (; read < places.length && (read < step || ranked.length < limit); read += step) {
      const some = places.slice(read, read + step);
      const names = await idsOf(engine, some);
      const ids = some.flatMap((place) => names.get(placeKey(place)) ?? []).filter((id) => !seen.has(id));
      for (const id of ids) seen.add(id);
      ranked.push(...rankRead(reading(await readCurrent(engine, ids)).filter(passes), asked, scale));
    }
    if (read >= matching || ranked.length >= limit || wanted >= readAtMost) {
      const unread = Math.max(0, matching - read);
      return answer(ranked.sort(byScore), { question, asked, scale, unread });
    }
  }
}

interface Answering {
  readonly question: KnowledgeQuestion;
  readonly asked: AskedKnowledge;
  readonly scale: KnowledgeScale;
  /** So many more match, as far as the index can tell. */
  readonly unread: number;
}

function answer(
  ranked: readonly RankedEntry[],
  { question, asked, scale, unread }: Answering,
): KnowledgeFound {
  const snippetOf = snippetsFor(asked, scale);
  return {
    items: ranked
      .slice(0, question.limit)
      .map(({ row, score }) => ({ ...row, score, snippet: snippetOf(row.content) })),
    total: ranked.length + unread,
    isCounted: unread === 0,
  };
}

function hasTags(row: KnowledgeEntry, tags: readonly string[]): boolean {
  const own = new Set(row.tags.map((tag) => tag.toLowerCase()));
  return tags.every((tag) => own.has(tag.toLowerCase()));
}

function matches(row: KnowledgeEntry, { category, agentId, tags }: KnowledgeQuestion): boolean {
  return (
    (category === undefined || row.category === category) &&
    (agentId === undefined || row.agentId === agentId) &&
    hasTags(row, tags)
  );
}

async function readCurrent(engine: Engine, ids: readonly string[]): Promise<KnowledgeEntry[]> {
  if (ids.length === 0) return [];
  const [rows, superseded] = await Promise.all([
    engine.find(knowledge, { where: { id: { anyOf: ids } } }),
    supersededOf(engine, ids),
  ]);
  return rows.filter(({ id }) => !superseded.has(id)).map(entryOf);
}

/** Without a word that ranks: the newest that pass. */
async function newest(
  engine: Engine,
  question: KnowledgeQuestion,
  asked: AskedKnowledge,
): Promise<KnowledgeFound> {
  const { category, agentId, limit } = question;
  const where: Where<Row> = {
    ...(category === undefined ? {} : { category }),
    ...(agentId === undefined ? {} : { agentId }),
  };
  const { items, next } = await newestOf<KnowledgeEntry>({
    limit,
    after: undefined,
    history: false,
    page: async (after, size) =>
      (await engine.find(knowledge, { where, orderBy: [["createdAt", "down"]], limit: size, ...after })).map(
        entryOf,
      ),
    superseded: (ids) => supersededOf(engine, ids),
    keep: (row) => matches(row, question) && rankKnowledge([row], asked).length > 0,
  });
  const snippetOf = snippetsFor(asked);
  return {
    items: items.map((row) => ({ ...row, score: 0, snippet: snippetOf(row.content) })),
    total: items.length,
    isCounted: next === null,
  };
}
