import { LociError } from "../../errors.ts";
import { keyOf } from "./columns.ts";
import type { Filters } from "./filter.ts";
import { collapse, headSize, type Hit, rerank, withNeighbours } from "./hits.ts";
import type { ParsedQuery } from "./query.ts";
import { rank, type Stats } from "./rank.ts";
import { compareRanked } from "./top.ts";
import type { Ground, View } from "./view.ts";

/**
 * Where a page ended. It holds the numbers the ranking was made with and the rest of the list's head, so that what is
 * added meanwhile neither moves a message onto two pages nor takes one off all of them.
 */
export interface Cursor {
  /** Names the words and filters: a cursor goes on with its own question only. */
  readonly question: number;
  readonly stats: Stats;
  /** The messages of the head that were not shown yet, in order, with their scores. */
  readonly head: ReadonlyArray<readonly [name: number, score: number]>;
  /** The neighbours that were shown: some may match by themselves, far below. */
  readonly neighbours: readonly number[];
  /** Behind the head the list goes on below this document. */
  readonly below: readonly [score: number, time: number, key: number];
  readonly shown: number;
}

export function questionOf(words: string, scope: object): number {
  return keyOf(JSON.stringify([words, scope]));
}

export function encodeCursor(cursor: Cursor): string {
  const { question, stats, head, neighbours, below, shown } = cursor;
  const { documents, tokens, terms, words } = stats;
  const rest = head.map(([name, score]) => [name.toString(36), score]);
  const beside = neighbours.map((name) => name.toString(36));
  const values = [question, documents, tokens, terms, words, rest, beside, below, shown];
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

function isCounts(value: unknown): value is Array<[string, number]> {
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) && typeof pair[0] === "string" && Number.isSafeInteger(pair[1]);
  return Array.isArray(value) && value.length <= 4096 && value.every(isPair);
}

function isNumbers(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((one) => Number.isFinite(one));
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 4096 && value.every((name) => typeof name === "string");
}

function cursorOf(values: readonly unknown[]): Cursor | undefined {
  const [question, documents, tokens, terms, words, head, neighbours, below, shown] = values;
  if (!isCounts(terms) || !isCounts(words) || !isCounts(head) || !isNames(neighbours)) return undefined;
  if (!isNumbers(below, 3) || !isNumbers([question, documents, tokens, shown], 4)) return undefined;
  const [score = 0, time = 0, key = 0] = below;
  return {
    question: Number(question),
    stats: { documents: Number(documents), tokens: Number(tokens), terms, words },
    head: head.map(([name, points]) => [Number.parseInt(name, 36), points]),
    neighbours: neighbours.map((name) => Number.parseInt(name, 36)),
    below: [score, time, key],
    shown: Math.min(1_000_000, Number(shown)),
  };
}

/** Reads what {@link encodeCursor} wrote for the same question. Errors: `invalid`. */
export function decodeCursor(text: string, question: number): Cursor {
  try {
    const values: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    const cursor = Array.isArray(values) ? cursorOf(values) : undefined;
    if (cursor?.question === question) return cursor;
  } catch {
    // Falls through to the one sentence for every cursor that is not ours.
  }
  throw new LociError(
    "invalid",
    "The cursor is not one of this search: it goes on with the same words and filters only.",
    { next: "Ask again without it, then go on with the `next` of that answer." },
  );
}

export interface Asked {
  readonly parsed: ParsedQuery;
  readonly filters: Filters;
  readonly limit: number;
  readonly question: number;
  readonly cursor: Cursor | undefined;
  /** Scores every match: what the answer is measured against. */
  readonly everything?: boolean;
}

export interface Page {
  readonly hits: readonly Hit[];
  readonly next: Cursor | undefined;
  readonly total: number;
  readonly stats: Stats;
}

/** Ranks until so many different messages are there, or there are no more. */
async function rankMessages(
  ground: Ground,
  asked: Asked,
  wanted: number,
): Promise<{ hits: Hit[]; total: number; stats: Stats; isAll: boolean }> {
  for (let limit = asked.everything ? ground.view.documents + 1 : wanted + 32; ; limit *= 2) {
    const { ranked, matches, stats } = await rank(ground, asked.parsed, {
      limit,
      filters: asked.filters,
      stats: asked.cursor?.stats,
    });
    const hits = collapse(ground.view, ranked);
    const isAll = ranked.length < limit;
    if (hits.length >= wanted || isAll) return { hits, total: isAll ? hits.length : matches, stats, isAll };
  }
}

/** The best messages in their final order: a question is answered by the surroundings too. */
function orderHead(view: View, asked: Asked, head: readonly Hit[]): Hit[] {
  if (!asked.parsed.isQuestion) return [...head];
  return rerank(takesNeighbours(asked) ? withNeighbours(view, head) : head);
}

/** A neighbour has the session's project and agent, but a time, a role and tools of its own. */
function takesNeighbours({ parsed, filters }: Asked): boolean {
  return (
    parsed.isQuestion &&
    filters.marks.length === 0 &&
    filters.after === undefined &&
    filters.before === undefined
  );
}

async function firstPage(ground: Ground, asked: Asked): Promise<Page> {
  const { limit, question } = asked;
  const { hits, total, stats } = await rankMessages(ground, asked, Math.max(headSize, limit + 1));
  const head = hits.slice(0, headSize);
  const ordered = orderHead(ground.view, asked, head);
  const names = new Set(ordered.map(({ name }) => name));
  const found = new Set(head.map(({ name }) => name));
  const list = [...ordered, ...hits.slice(headSize).filter(({ name }) => !names.has(name))];
  const page = list.slice(0, limit);
  const last = (limit > ordered.length ? page : head).at(-1)?.ranked;
  if (list.length <= limit || !last) return { hits: page, next: undefined, total, stats };
  const next = {
    question,
    stats,
    head: list.slice(limit, ordered.length).map((hit) => [hit.name, hit.score] as const),
    neighbours: page.slice(0, ordered.length).flatMap(({ name }) => (found.has(name) ? [] : [name])),
    below: [last.score, last.time, last.key] as const,
    shown: page.length,
  };
  return { hits: page, next, total, stats };
}

/** How often a page looks further down for messages that the cursor names: one may have been removed. */
const mostLooks = 4;

/** The rest of the head as the first page put it, then what ranks below it. */
async function nextPage(ground: Ground, asked: Asked, cursor: Cursor): Promise<Page> {
  const { limit, question } = asked;
  const [score, time, key] = cursor.below;
  const below = { score, time, key, segment: 0, document: 0 };
  let wanted = Math.max(headSize, cursor.shown) + limit + 1;
  for (let looks = 1; ; looks++, wanted *= 2) {
    const { hits, total, stats, isAll } = await rankMessages(ground, asked, wanted);
    const around =
      cursor.head.length > 0 && takesNeighbours(asked) ? withNeighbours(ground.view, hits) : hits;
    const byName = new Map(around.map((hit) => [hit.name, hit]));
    const rest = cursor.head.flatMap(([name, points]) => {
      const hit = byName.get(name);
      return hit ? [{ ...hit, score: points }] : [];
    });
    const names = new Set([...cursor.head.map(([name]) => name), ...cursor.neighbours]);
    const isBelow = (hit: Hit): boolean => compareRanked(below, hit.ranked) < 0;
    const tail = hits.filter((hit) => isBelow(hit) && !names.has(hit.name));
    const list = [...rest, ...tail];
    const isShort = list.length <= limit || (rest.length < cursor.head.length && looks < mostLooks);
    if (isShort && !isAll) continue;
    const page = list.slice(0, limit);
    const last = page.length > rest.length ? page.at(-1)?.ranked : undefined;
    const shownNow = page.slice(0, rest.length).flatMap((hit) => (isBelow(hit) ? [hit.name] : []));
    const next = {
      question,
      stats,
      head: rest.slice(limit).map((hit) => [hit.name, hit.score] as const),
      neighbours: [...cursor.neighbours, ...shownNow],
      below: last ? ([last.score, last.time, last.key] as const) : cursor.below,
      shown: cursor.shown + page.length,
    };
    return { hits: page, next: list.length > limit ? next : undefined, total, stats };
  }
}

export function askPage(ground: Ground, asked: Asked): Promise<Page> {
  return asked.cursor ? nextPage(ground, asked, asked.cursor) : firstPage(ground, asked);
}
