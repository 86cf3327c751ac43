import type { Entry } from "./directory.ts";
import { allowedByColumns, type Filters } from "./filter.ts";
import { lengthNorms } from "./layout.ts";
import { type FoundTerm, lookUp } from "./lookup.ts";
import { isGone, type PageReader, type Wanted } from "./pages.ts";
import { loadBlock, openPostings, type Postings } from "./postings.ts";
import type { ParsedQuery, Phrase } from "./query.ts";
import { type Field, type ScoredPhrase, termWeight, weightOf } from "./field.ts";
import { forPhraseDocuments } from "./phrases.ts";
import { scoreSegment } from "./score.ts";
import { createTop, type Ranked } from "./top.ts";
import type { View } from "./view.ts";

/** The numbers a ranking was made with. The next page is ranked with the same ones, whatever was added since. */
export interface Stats {
  readonly documents: number;
  readonly tokens: number;
  /** The terms that rank, each with the number of documents its weight is made from. */
  readonly terms: ReadonlyArray<readonly [term: string, count: number]>;
  /** The same for the words of phrases. */
  readonly words: ReadonlyArray<readonly [term: string, count: number]>;
}

export interface Ranking {
  readonly ranked: readonly Ranked[];
  /** At least so many documents match; exactly so many where `ranked` has them all. */
  readonly matches: number;
  readonly stats: Stats;
}

/** Of a long question the rarest terms rank. */
const mostTerms = 64;

/** Gathers what has to be read, so that one read brings it all. */
interface Shelf {
  readonly wanted: Wanted[];
  bytes: readonly Uint8Array[];
}

function shelve(shelf: Shelf, wanted: Wanted): () => Uint8Array {
  const at = shelf.wanted.push(wanted) - 1;
  return () => shelf.bytes[at] ?? new Uint8Array(0);
}

type Opener = () => Postings;

function shelvePostings(shelf: Shelf, segment: string, entry: Entry, documents: number): Opener {
  const { inline } = entry;
  if (inline) return () => openPostings(entry, inline, documents);
  const bytes = shelve(shelf, { segment, ...entry.postings });
  return () => openPostings(entry, bytes(), documents);
}

type Terms = ReadonlyMap<string, FoundTerm>;

/** Opens a phrase in one segment; undefined where one of its words does not stand there. */
function shelvePhrase(
  shelf: Shelf,
  view: View,
  place: { readonly segment: number; readonly terms: Terms },
  phrase: Phrase,
): ((weight: number) => ScoredPhrase) | undefined {
  const info = view.segments[place.segment];
  const words: Array<{ open: Opener; positions: () => Uint8Array; offset: number }> = [];
  for (const { term, offset } of phrase) {
    const entry = place.terms.get(term)?.entries.get(place.segment);
    if (!entry || !info) return undefined;
    words.push({
      open: shelvePostings(shelf, info.id, entry, info.documents),
      positions: shelve(shelf, { segment: info.id, ...entry.positions }),
      offset,
    });
  }
  return (weight) => ({
    weight,
    words: words.map(({ open, positions, offset }) => ({ postings: open(), positions: positions(), offset })),
  });
}

/** Everything of one segment that the query needs, ready to be opened when the bytes are there. */
interface Prepared {
  readonly segment: number;
  readonly terms: ReadonlyArray<readonly [string, Opener]>;
  readonly phrases: ReadonlyArray<(weight: number) => ScoredPhrase>;
  readonly without: ReadonlyArray<(weight: number) => ScoredPhrase>;
  readonly marks: ReadonlyArray<readonly Opener[]>;
  /** A phrase's word, or every mark of a filter, is missing: nothing matches here. */
  readonly isOut: boolean;
}

function prepare(
  shelf: Shelf,
  view: View,
  query: {
    readonly parsed: ParsedQuery;
    readonly filters: Filters;
    readonly terms: Terms;
    readonly ranking: readonly string[];
  },
  segment: number,
): Prepared {
  const info = view.segments[segment];
  const place = { segment, terms: query.terms };
  const opener = (term: string): Opener | undefined => {
    const entry = query.terms.get(term)?.entries.get(segment);
    return entry && info ? shelvePostings(shelf, info.id, entry, info.documents) : undefined;
  };
  const phrases = query.parsed.phrases.map((phrase) => shelvePhrase(shelf, view, place, phrase));
  const marks = query.filters.marks.map((terms) => terms.flatMap((term) => opener(term) ?? []));
  return {
    segment,
    terms: query.ranking.flatMap((term) => {
      const open = opener(term);
      return open ? [[term, open] as const] : [];
    }),
    phrases: phrases.flatMap((phrase) => phrase ?? []),
    without: query.parsed.without.flatMap((phrase) => shelvePhrase(shelf, view, place, phrase) ?? []),
    marks,
    isOut: phrases.includes(undefined) || marks.some((openers) => openers.length === 0),
  };
}

/** Marks the term's documents, as far as they are allowed already. */
function mark(into: Uint8Array, postings: Postings, allowed: Uint8Array | undefined): void {
  for (let block = 0; block < postings.blocks; block++) {
    loadBlock(postings, block);
    for (let i = 0; i < postings.size; i++) {
      const document = postings.documents[i] ?? 0;
      into[document] = allowed ? (allowed[document] ?? 0) : 1;
    }
  }
}

function allowedIn(view: View, prepared: Prepared, filters: Filters): Uint8Array | undefined {
  const columns = view.columns[prepared.segment];
  if (!columns) return undefined;
  let allowed = allowedByColumns(columns, filters);
  const dead = view.dead[prepared.segment];
  if (dead) {
    const base = (allowed ??= new Uint8Array(columns.count).fill(1));
    for (let i = 0; i < dead.length; i++) if (dead[i] === 1) base[i] = 0;
  }
  for (const openers of prepared.marks) {
    const marked = new Uint8Array(columns.count);
    for (const open of openers) mark(marked, open(), allowed);
    allowed = marked;
  }
  if (prepared.without.length === 0) return allowed;
  const result = allowed ?? new Uint8Array(columns.count).fill(1);
  for (const open of prepared.without) {
    const field: Field = { ...bareField(prepared.segment, view), phrases: [open(1)] };
    forPhraseDocuments(field, (document) => {
      result[document] = 0;
    });
  }
  return result;
}

function bareField(segment: number, view: View): Field {
  const columns = view.columns[segment];
  if (!columns) throw new RangeError("a segment without columns");
  return {
    segment,
    columns,
    norms: new Float64Array(256),
    slack: 1,
    allowed: undefined,
    terms: [],
    phrases: [],
  };
}

/** Which terms rank, and with what counts: those of a page before, or chosen now. */
function chooseStats(
  view: View,
  parsed: ParsedQuery,
  found: { terms: Terms; prefixes: ReadonlyMap<string, readonly FoundTerm[]> },
): Stats {
  const chosen = new Map<string, number>();
  for (const term of parsed.terms) {
    const count = found.terms.get(term)?.count;
    if (count !== undefined) chosen.set(term, count);
  }
  for (const expanded of found.prefixes.values()) {
    // One prefix is one word: its terms weigh what a word in so many documents weighs.
    const count = expanded.reduce((sum, term) => sum + term.count, 0);
    for (const { term } of expanded) if (!chosen.has(term)) chosen.set(term, count);
  }
  const terms = [...chosen].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1)).slice(0, mostTerms);
  const words = new Set(parsed.phrases.flat().map(({ term }) => term));
  return {
    documents: view.documents,
    tokens: view.tokens,
    terms,
    words: [...words].map((term) => [term, found.terms.get(term)?.count ?? 0]),
  };
}

export interface RankOptions {
  readonly limit: number;
  readonly filters: Filters;
  readonly stats?: Stats | undefined;
}

/** The best documents for the query: exactly those that scoring every match would give. */
export async function rank(
  view: View,
  pages: PageReader,
  parsed: ParsedQuery,
  options: RankOptions,
): Promise<Ranking> {
  const { filters, limit } = options;
  const fixed = options.stats?.terms.map(([term]) => term);
  const found = await lookUp(view, pages, {
    terms: [
      ...(fixed ?? parsed.terms),
      ...parsed.phrases.flat().map(({ term }) => term),
      ...parsed.without.flat().map(({ term }) => term),
      ...filters.marks.flat(),
    ],
    prefixes: fixed ? [] : parsed.prefixes,
  });
  const terms = new Map(found.terms);
  for (const expanded of found.prefixes.values()) for (const term of expanded) terms.set(term.term, term);
  const stats = options.stats ?? chooseStats(view, parsed, found);
  const hasWords = parsed.terms.length + parsed.phrases.length + parsed.prefixes.length > 0;
  const isAsked = hasWords || !filters.isEmpty || parsed.without.length > 0;
  const shelf: Shelf = { wanted: [], bytes: [] };
  const query = { parsed, filters, terms, ranking: stats.terms.map(([term]) => term) };
  const prepared = isAsked ? view.segments.map((_, segment) => prepare(shelf, view, query, segment)) : [];
  shelf.bytes = await pages.read(shelf.wanted);

  const top = createTop(limit);
  const average = stats.tokens / Math.max(1, stats.documents);
  const norms = lengthNorms(average);
  const weights = new Map(
    stats.terms.map(([term, count]) => [term, termWeight(weightOf(count, stats.documents), norms)]),
  );
  const wordWeights = new Map(stats.words.map(([term, count]) => [term, weightOf(count, stats.documents)]));
  const phraseWeight = (phrase: Phrase): number =>
    phrase.reduce((sum, { term }) => sum + (wordWeights.get(term) ?? 0), 0);
  let matches = 0;
  for (const part of bigFirst(prepared, view)) {
    const info = view.segments[part.segment];
    if (part.isOut || !info) continue;
    const field: Field = {
      ...bareField(part.segment, view),
      norms,
      slack: Math.max(1, Math.max(1, average) / Math.max(1, info.tokens / Math.max(1, info.documents))),
      allowed: allowedIn(view, part, filters),
      terms: part.terms.flatMap(([term, open]) => {
        const weight = weights.get(term);
        return weight ? [{ ...weight, postings: open() }] : [];
      }),
      phrases: part.phrases.map((open, i) => open(phraseWeight(parsed.phrases[i] ?? []))),
    };
    matches += scoreSegment(field, top, !hasWords);
  }
  // What could not enter was not looked at; where nothing is left out by filters, a word's documents all match.
  const isBare = filters.isEmpty && parsed.phrases.length + parsed.without.length === 0;
  const most = isBare ? Math.max(0, ...query.ranking.map((term) => terms.get(term)?.count ?? 0)) : 0;
  return { ranked: top.list(), matches: Math.max(matches, Math.min(most, view.documents)), stats };
}

/** The largest first: the sooner the bar is high, the more can be skipped. */
function bigFirst(prepared: readonly Prepared[], view: View): Prepared[] {
  const size = (part: Prepared): number => view.segments[part.segment]?.documents ?? 0;
  return [...prepared].sort((a, b) => size(b) - size(a));
}

/** Asks again with the newest list where a segment was merged away in between. */
export async function withView<Answer>(
  views: { current(): Promise<View>; forget(): void },
  ask: (view: View) => Promise<Answer>,
): Promise<Answer> {
  for (let left = 4; ; left--) {
    try {
      return await ask(await views.current());
    } catch (error) {
      if (!isGone(error) || left === 0) throw error;
      views.forget();
    }
  }
}
