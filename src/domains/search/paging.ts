import { LociError } from "../../errors.ts";
import { keyOf } from "./columns.ts";
import type { Filters } from "./filter.ts";
import { collapse, headSize, type Hit, rerank } from "./hits.ts";
import type { PageReader } from "./pages.ts";
import type { ParsedQuery } from "./query.ts";
import { rank, type Stats } from "./rank.ts";
import { compareRanked } from "./top.ts";
import type { View } from "./view.ts";

/**
 * Where a page ended. It holds the numbers the ranking was made with and the rest of the list's head, so that what is
 * added meanwhile neither moves a message onto two pages nor takes one off all of them.
 */
export interface Cursor {
  /** Names the words and filters: a cursor goes on with its own question only. */
  readonly question: number;
  readonly stats: Stats;
  /** The messages of the head that were not shown yet, in order. */
  readonly head: readonly number[];
  /** Behind the head the list goes on below this document. */
  readonly below: readonly [score: number, time: number, key: number];
  readonly shown: number;
}

export function questionOf(words: string, scope: object): number {
  return keyOf(JSON.stringify([words, scope]));
}

export function encodeCursor(cursor: Cursor): string {
  const { question, stats, head, below, shown } = cursor;
  const { documents, tokens, terms, words } = stats;
  const values = [
    question,
    documents,
    tokens,
    terms,
    words,
    head.map((name) => name.toString(36)),
    below,
    shown,
  ];
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

/** Reads what {@link encodeCursor} wrote for the same question. Errors: `invalid`. */
export function decodeCursor(text: string, question: number): Cursor {
  try {
    const values: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (Array.isArray(values) && values[0] === question) {
      const [, documents, tokens, terms, words, head, below, shown]: unknown[] = values;
      const isHead = Array.isArray(head) && head.every((name) => typeof name === "string");
      if (
        isCounts(terms) &&
        isCounts(words) &&
        isHead &&
        isNumbers(below, 3) &&
        isNumbers([documents, tokens, shown], 3)
      ) {
        const stats = { documents: Number(documents), tokens: Number(tokens), terms, words };
        const [score = 0, time = 0, key = 0] = below;
        const names = head.map((name: string) => Number.parseInt(name, 36));
        return { question, stats, head: names, below: [score, time, key], shown: Number(shown) };
      }
    }
  } catch {
    // Falls through to the one sentence for every cursor that is not ours.
  }
  throw new LociError(
    "invalid",
    "The cursor is not one of this search: it goes on with the same words and filters only.",
    {
      next: "Ask again without it, then go on with the `next` of that answer.",
    },
  );
}

export interface Asked {
  readonly parsed: ParsedQuery;
  readonly filters: Filters;
  readonly limit: number;
  readonly question: number;
  readonly cursor: Cursor | undefined;
}

export interface Page {
  readonly hits: readonly Hit[];
  readonly next: Cursor | undefined;
  readonly total: number;
  readonly stats: Stats;
}

/** Ranks until so many different messages are there, or there are no more. */
async function rankMessages(
  view: View,
  pages: PageReader,
  asked: Asked,
  wanted: number,
): Promise<{ hits: Hit[]; total: number; stats: Stats; isAll: boolean }> {
  for (let limit = wanted + 32; ; limit *= 2) {
    const { ranked, matches, stats } = await rank(view, pages, asked.parsed, {
      limit,
      filters: asked.filters,
      stats: asked.cursor?.stats,
    });
    const hits = collapse(view, ranked);
    const isAll = ranked.length < limit;
    if (hits.length >= wanted || isAll) return { hits, total: isAll ? hits.length : matches, stats, isAll };
  }
}

async function firstPage(view: View, pages: PageReader, asked: Asked): Promise<Page> {
  const { limit, question } = asked;
  const { hits, total, stats } = await rankMessages(view, pages, asked, Math.max(headSize, limit + 1));
  const head = hits.slice(0, headSize);
  const list = [...rerank(head), ...hits.slice(headSize)];
  const page = list.slice(0, limit);
  const last = (limit > headSize ? page : head).at(-1)?.ranked;
  const more = list.length > limit && last !== undefined;
  const next = {
    question,
    stats,
    head: list.slice(limit, headSize).map(({ name }) => name),
    below: [last?.score ?? 0, last?.time ?? 0, last?.key ?? 0] as const,
    shown: page.length,
  };
  return { hits: page, next: more ? next : undefined, total, stats };
}

/** The rest of the head as the first page put it, then what ranks below it. */
async function nextPage(view: View, pages: PageReader, asked: Asked, cursor: Cursor): Promise<Page> {
  const { limit, question } = asked;
  const [score, time, key] = cursor.below;
  const below = { score, time, key, segment: 0, document: 0 };
  for (let wanted = Math.max(headSize, cursor.shown) + limit + 1; ; wanted *= 2) {
    const { hits, total, stats, isAll } = await rankMessages(view, pages, asked, wanted);
    const byName = new Map(hits.map((hit) => [hit.name, hit]));
    const rest = cursor.head.flatMap((name) => byName.get(name) ?? []);
    const names = new Set(cursor.head);
    const tail = hits.filter((hit) => compareRanked(below, hit.ranked) < 0 && !names.has(hit.name));
    const list = [...rest, ...tail];
    if (list.length <= limit && !isAll) continue;
    const page = list.slice(0, limit);
    const last = page.length > rest.length ? page.at(-1)?.ranked : undefined;
    const next = {
      question,
      stats,
      head: rest.slice(limit).map(({ name }) => name),
      below: last ? ([last.score, last.time, last.key] as const) : cursor.below,
      shown: cursor.shown + page.length,
    };
    return { hits: page, next: list.length > limit ? next : undefined, total, stats };
  }
}

export function askPage(view: View, pages: PageReader, asked: Asked): Promise<Page> {
  return asked.cursor ? nextPage(view, pages, asked, asked.cursor) : firstPage(view, pages, asked);
}
