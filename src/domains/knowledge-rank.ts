import type { Millis } from "../model/collection.ts";
import { createReader, type ReadEntry, timesAt } from "./knowledge-read.ts";
import type { KnowledgeEntry } from "./knowledge.ts";
import { contribution, shownScore, weightOf } from "./search/field.ts";
import { lengthWeight, saturation } from "./search/layout.ts";
import { type ParsedQuery, parseQuery, type Phrase, stemsOfPrefix } from "./search/query.ts";
import { createSnippets } from "./search/snippet.ts";

/** What ranks: a term, or all terms that a prefix stands for. */
export interface Group {
  readonly term?: string;
  readonly prefix?: string;
  /** The stems that a prefix also stands for. */
  readonly stems: readonly string[];
  readonly has: (term: string) => boolean;
}

/** The words of a question, as knowledge understands them. */
export interface AskedKnowledge {
  readonly query: ParsedQuery;
  readonly groups: readonly Group[];
  /** Its own filters: `agent:`, `session:`, `after:`, `before:`. */
  readonly passes: (row: KnowledgeEntry) => boolean;
}

/** What is known of all entries: how long one is, and what each group weighs. */
export interface KnowledgeScale {
  readonly average: number;
  readonly weights: readonly number[];
}

export interface RankedEntry {
  readonly row: KnowledgeEntry;
  readonly sum: number;
  readonly score: number;
}

export function askKnowledge(words: string, now: Millis): AskedKnowledge {
  const parsed = parseQuery(words, now);
  const { query, tests } = withFilters(parsed, now);
  return {
    query,
    groups: groupsOf(query),
    passes: (row) => tests.every((test) => test(row)),
  };
}

/**
 * BM25 in plain words, with the terms, the stems and the weights of the index: the best first, of two alike the newer
 * one. Without a scale these entries are all there are.
 */
export function rankKnowledge(
  entries: readonly KnowledgeEntry[],
  asked: AskedKnowledge,
  scale?: KnowledgeScale,
): RankedEntry[] {
  return rankRead(readFor(asked)(entries.filter(asked.passes)), asked, scale);
}

/** Reads entries for what is asked. */
export function readFor({
  query,
  groups,
}: AskedKnowledge): (entries: readonly KnowledgeEntry[]) => ReadEntry[] {
  const wanted = new Set([...query.phrases, ...query.without].flat().map(({ term }) => term));
  const read = createReader((term) => wanted.has(term) || groups.some(({ has }) => has(term)));
  return (entries) => entries.map(read);
}

export function rankRead(
  entries: readonly ReadEntry[],
  { query, groups, passes }: AskedKnowledge,
  scale: KnowledgeScale = scaleOf(entries, groups),
): RankedEntry[] {
  const { average, weights } = scale;
  const ranked: RankedEntry[] = [];
  for (const entry of entries) {
    if (!passes(entry.row)) continue;
    if (!query.phrases.every((phrase) => holds(entry, phrase))) continue;
    if (query.without.some((phrase) => holds(entry, phrase))) continue;
    const norm = normOf(entry.length, average);
    let sum = 0;
    for (const [at, group] of groups.entries()) {
      const times = frequency(entry, group);
      if (times > 0) sum += contribution(weights[at] ?? 0, times, norm);
    }
    if (sum > 0 || groups.length === 0) ranked.push({ row: entry.row, sum, score: shownScore(sum) });
  }
  return ranked.sort(byScore);
}

export function byScore(a: RankedEntry, b: RankedEntry): number {
  return b.sum - a.sum || b.row.createdAt - a.row.createdAt || (a.row.id < b.row.id ? 1 : -1);
}

/** Marks in a text what was asked for: the place where most of it stands. */
export function snippetsFor(
  { query, groups }: AskedKnowledge,
  scale?: KnowledgeScale,
): (text: string) => string {
  const terms = [...query.terms, ...query.phrases.flat().map(({ term }) => term)];
  return createSnippets(
    new Map(
      terms.map((term) => [term, scale?.weights[groups.findIndex(({ has }) => has(term))] ?? 1] as const),
    ),
  );
}

export function normOf(length: number, average: number): number {
  return saturation * (1 - lengthWeight + (lengthWeight * length) / Math.max(1, average));
}

export interface GroupCounts {
  /** In how many entries each group stands. */
  readonly counts: readonly number[];
  /** How many words they have together. */
  readonly words: number;
}

export function countGroups(all: readonly ReadEntry[], groups: readonly Group[]): GroupCounts {
  return {
    counts: groups.map((group) => all.filter((entry) => frequency(entry, group) > 0).length),
    words: all.reduce((sum, { length }) => sum + length, 0),
  };
}

function scaleOf(all: readonly ReadEntry[], groups: readonly Group[]): KnowledgeScale {
  const { counts, words } = countGroups(all, groups);
  return {
    average: words / Math.max(1, all.length),
    weights: counts.map((count) => weightOf(count, all.length)),
  };
}

function groupsOf({ terms, phrases, prefixes }: ParsedQuery): Group[] {
  const exact = new Set([...terms, ...phrases.flat().map(({ term }) => term)]);
  return [
    ...[...exact].map((term): Group => ({ term, stems: [], has: (other) => other === term })),
    ...prefixes.map((prefix): Group => {
      const stems = stemsOfPrefix(prefix);
      const all = new Set(stems);
      return { prefix, stems, has: (term) => term.startsWith(prefix) || all.has(term) };
    }),
  ];
}

function frequency({ places, head }: ReadEntry, { term, has }: Group): number {
  if (term !== undefined) return timesAt(places.get(term) ?? [], head);
  let times = 0;
  for (const [other, at] of places) if (has(other)) times += timesAt(at, head);
  return times;
}

function holds({ places }: ReadEntry, phrase: Phrase): boolean {
  const [first, ...rest] = phrase;
  if (first === undefined) return true;
  return (places.get(first.term) ?? []).some((place) =>
    rest.every(({ term, offset }) => places.get(term)?.includes(place + offset - first.offset)),
  );
}

type Tests = ReadonlyArray<(row: KnowledgeEntry) => boolean>;

/** `agent:`, `session:`, `after:` and `before:` are asked of the row; what knowledge does not have is a word. */
function withFilters(
  query: ParsedQuery,
  now: Millis,
): { readonly query: ParsedQuery; readonly tests: Tests } {
  const tests: Array<(row: KnowledgeEntry) => boolean> = [];
  const terms = [...query.terms];
  for (const { name, value } of query.filters) {
    if (name === "agent") tests.push((row) => row.agentId === value);
    else if (name === "session") tests.push((row) => row.sessionId === value);
    else if (name === "after") tests.push((row) => row.createdAt >= Number(value));
    else if (name === "before") tests.push((row) => row.createdAt < Number(value));
    else terms.push(...parseQuery(`${name} ${value}`, now).terms);
  }
  return { query: { ...query, terms: [...new Set(terms)] }, tests };
}
