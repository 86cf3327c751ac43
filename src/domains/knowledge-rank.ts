import type { Millis } from "../model/collection.ts";
import type { KnowledgeEntry } from "./knowledge.ts";
import { contribution, shownScore, weightOf } from "./search/field.ts";
import { lengthWeight, saturation } from "./search/layout.ts";
import { type ParsedQuery, parseQuery, type Phrase, stemsOfPrefix } from "./search/query.ts";
import { createSnippets } from "./search/snippet.ts";
import { createTokenizer } from "./search/tokenizer.ts";

export interface RankedEntry {
  readonly row: KnowledgeEntry;
  readonly score: number;
}

export interface RankedKnowledge {
  /** The best first; of two alike the newer one. */
  readonly ranked: readonly RankedEntry[];
  snippetOf(content: string): string;
}

/** A word in the topic, the category or the tags counts as often as so many in the content. */
const headWeight = 3;

/** Where the terms that were asked for stand in an entry. */
interface ReadEntry {
  readonly row: KnowledgeEntry;
  readonly places: ReadonlyMap<string, readonly number[]>;
  /** The places before this one are of the topic, the category and the tags. */
  readonly head: number;
  readonly length: number;
}

/** BM25 in plain words over what is in memory, with the terms, the stems and the weights of the index. */
export function rankKnowledge(
  entries: readonly KnowledgeEntry[],
  words: string,
  now: Millis,
): RankedKnowledge {
  const { query, passes } = withFilters(parseQuery(words, now), now);
  const read = reader(query);
  const all = entries.filter(passes).map(read);
  const groups = groupsOf(query);
  const average = all.reduce((sum, { length }) => sum + length, 0) / Math.max(1, all.length);
  const counts = groups.map((group) => all.filter((entry) => frequency(entry, group) > 0).length);
  const weights = counts.map((count) => weightOf(count, all.length));
  const ranked: Array<RankedEntry & { readonly sum: number }> = [];
  for (const entry of all) {
    if (!query.phrases.every((phrase) => holds(entry, phrase))) continue;
    if (query.without.some((phrase) => holds(entry, phrase))) continue;
    const norm = saturation * (1 - lengthWeight + (lengthWeight * entry.length) / Math.max(1, average));
    let sum = 0;
    for (const [at, group] of groups.entries()) {
      const times = frequency(entry, group);
      if (times > 0) sum += contribution(weights[at] ?? 0, times, norm);
    }
    if (sum > 0 || groups.length === 0) ranked.push({ row: entry.row, sum, score: shownScore(sum) });
  }
  ranked.sort((a, b) => b.sum - a.sum || b.row.createdAt - a.row.createdAt || (a.row.id < b.row.id ? 1 : -1));
  const marked = new Map(
    [...query.terms, ...query.phrases.flat().map(({ term }) => term)].map((term) => {
      return [term, weights[groups.findIndex((group) => group(term))] ?? 1];
    }),
  );
  return { ranked: ranked.map(({ row, score }) => ({ row, score })), snippetOf: createSnippets(marked) };
}

/** What ranks: a term, or all terms that a prefix stands for. */
type Group = (term: string) => boolean;

function groupsOf({ terms, phrases, prefixes }: ParsedQuery): Group[] {
  const exact = new Set([...terms, ...phrases.flat().map(({ term }) => term)]);
  return [
    ...[...exact].map(
      (term): Group =>
        (other) =>
          other === term,
    ),
    ...prefixes.map(prefixGroup),
  ];
}

function prefixGroup(prefix: string): Group {
  const stems = new Set(stemsOfPrefix(prefix));
  return (term) => term.startsWith(prefix) || stems.has(term);
}

function frequency({ places, head }: ReadEntry, group: Group): number {
  let times = 0;
  for (const [term, at] of places) {
    if (group(term)) for (const place of at) times += place < head ? headWeight : 1;
  }
  return times;
}

function holds({ places }: ReadEntry, phrase: Phrase): boolean {
  const [first, ...rest] = phrase;
  if (first === undefined) return true;
  return (places.get(first.term) ?? []).some((place) =>
    rest.every(({ term, offset }) => places.get(term)?.includes(place + offset - first.offset)),
  );
}

/** Reads entries with one tokenizer, which analyses a word once. */
function reader(query: ParsedQuery): (row: KnowledgeEntry) => ReadEntry {
  const exact = new Set([
    ...query.terms,
    ...[...query.phrases, ...query.without].flat().map(({ term }) => term),
  ]);
  const prefixes = query.prefixes.map(prefixGroup);
  const names: string[] = [""];
  // 0 stands for every term that nobody asked for.
  const tokenizer = createTokenizer((term) =>
    exact.has(term) || prefixes.some((group) => group(term)) ? names.push(term) - 1 : 0,
  );
  return (row) => {
    const places = new Map<string, number[]>();
    let place = 0;
    const add = (text: string): void => {
      tokenizer.tokenize(text);
      const { refs, count } = tokenizer.found;
      const { analyses } = tokenizer.arena;
      for (let i = 0; i < count; i++) {
        const ref = refs[i] ?? 0;
        const last = ref + 2 + 2 * (analyses[ref] ?? 0);
        for (let at = ref + 2; at < last; at += 2) {
          const name = names[analyses[at] ?? 0];
          if (!name) continue;
          const found = places.get(name) ?? [];
          found.push(place + (analyses[at + 1] ?? 0));
          places.set(name, found);
        }
        place += analyses[ref + 1] ?? 0;
      }
      // No phrase goes on in another field.
      place++;
    };
    for (const text of [row.topic, row.category, ...row.tags]) add(text);
    const head = place;
    add(row.content);
    return { row, places, head, length: place };
  };
}

interface Filtered {
  readonly query: ParsedQuery;
  passes(row: KnowledgeEntry): boolean;
}

/** `agent:`, `session:`, `after:` and `before:` are asked of the row; what knowledge does not have is a word. */
function withFilters(query: ParsedQuery, now: Millis): Filtered {
  const tests: Array<(row: KnowledgeEntry) => boolean> = [];
  const terms = [...query.terms];
  for (const { name, value } of query.filters) {
    if (name === "agent") tests.push((row) => row.agentId === value);
    else if (name === "session") tests.push((row) => row.sessionId === value);
    else if (name === "after") tests.push((row) => row.createdAt >= Number(value));
    else if (name === "before") tests.push((row) => row.createdAt < Number(value));
    else terms.push(...parseQuery(`${name} ${value}`, now).terms);
  }
  return {
    query: { ...query, terms: [...new Set(terms)] },
    passes: (row) => tests.every((test) => test(row)),
  };
}
