import { type Field, termWeight, weightOf } from "./field.ts";
import { allowedByColumns, type Filters } from "./filter.ts";
import { lengthNorms } from "./layout.ts";
import { type Lookup, lookUp } from "./lookup.ts";
import { isGone } from "./pages.ts";
import { forPhraseDocuments } from "./phrases.ts";
import { loadBlock, type Postings } from "./postings.ts";
import { createShelf, type Prepared, prepare, type Sought } from "./prepare.ts";
import type { ParsedQuery } from "./query.ts";
import { scoreSegment } from "./score.ts";
import { createTop, type Ranked } from "./top.ts";
import type { Ground, View, Views } from "./view.ts";

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

/** Which terms rank, and with what counts. */
function chooseStats(view: View, parsed: ParsedQuery, found: Lookup): Stats {
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
  /** Those of the page before; chosen now where there was none. */
  readonly stats?: Stats | undefined;
}

async function seekTerms(
  ground: Ground,
  parsed: ParsedQuery,
  { filters, stats }: RankOptions,
): Promise<Sought & { stats: Stats }> {
  const fixed = stats?.terms.map(([term]) => term);
  const phrased = [...parsed.phrases, ...parsed.without].flat().map(({ term }) => term);
  const found = await lookUp(ground, {
    terms: [...(fixed ?? parsed.terms), ...phrased, ...filters.marks.flat()],
    prefixes: fixed ? [] : parsed.prefixes,
  });
  const terms = new Map(found.terms);
  for (const expanded of found.prefixes.values()) for (const term of expanded) terms.set(term.term, term);
  const chosen = stats ?? chooseStats(ground.view, parsed, found);
  return { parsed, filters, terms, ranking: chosen.terms.map(([term]) => term), stats: chosen };
}

/** Makes a segment's field of what was prepared, with the same weights for every segment. */
function createFields(
  view: View,
  { parsed, filters, stats }: Sought & { stats: Stats },
): (part: Prepared) => Field {
  const average = Math.max(1, stats.tokens / Math.max(1, stats.documents));
  const norms = lengthNorms(average);
  const weigh = (count: number): number => weightOf(count, stats.documents);
  const weights = new Map(stats.terms.map(([term, count]) => [term, termWeight(weigh(count), norms)]));
  const wordWeights = new Map(stats.words.map(([term, count]) => [term, weigh(count)]));
  const phraseWeights = parsed.phrases.map((phrase) =>
    phrase.reduce((sum, { term }) => sum + (wordWeights.get(term) ?? 0), 0),
  );
  return (part) => {
    const bare = bareField(part.segment, view);
    const own = (view.segments[part.segment]?.tokens ?? 0) / Math.max(1, bare.columns.count);
    return {
      ...bare,
      norms,
      slack: Math.max(1, average / Math.max(1, own)),
      allowed: allowedIn(view, part, filters),
      terms: part.terms.flatMap(([term, open]) => {
        const weight = weights.get(term);
        return weight ? [{ ...weight, postings: open() }] : [];
      }),
      phrases: part.phrases.map((open, i) => open(phraseWeights[i] ?? 0)),
    };
  };
}

/** The best documents for the query: exactly those that scoring every match would give. */
export async function rank(ground: Ground, parsed: ParsedQuery, options: RankOptions): Promise<Ranking> {
  const { view, pages } = ground;
  const { filters, limit } = options;
  const sought = await seekTerms(ground, parsed, options);
  const hasWords = parsed.terms.length + parsed.phrases.length + parsed.prefixes.length > 0;
  const isAsked = hasWords || !filters.isEmpty || parsed.without.length > 0;
  const shelf = createShelf();
  const prepared = isAsked
    ? view.segments.map((info, segment) => prepare(shelf, sought, { segment, info }))
    : [];
  await shelf.fill(pages);
  const top = createTop(limit);
  const fieldOf = createFields(view, sought);
  let matches = 0;
  // The largest first: the sooner the bar is high, the more can be skipped.
  const size = ({ segment }: Prepared): number => view.segments[segment]?.documents ?? 0;
  for (const part of prepared.filter(({ isOut }) => !isOut).sort((a, b) => size(b) - size(a))) {
    matches += scoreSegment(fieldOf(part), top, !hasWords);
  }
  // What could not enter was not looked at; where no filter leaves any out, a word's documents all match.
  const isBare = filters.isEmpty && parsed.phrases.length + parsed.without.length === 0;
  const most = isBare ? Math.max(0, ...sought.ranking.map((term) => sought.terms.get(term)?.count ?? 0)) : 0;
  return {
    ranked: top.list(),
    matches: Math.max(matches, Math.min(most, view.documents)),
    stats: sought.stats,
  };
}

/** Asks again with the newest list where a segment was merged away in between. */
export async function withView<Answer>(views: Views, ask: (view: View) => Promise<Answer>): Promise<Answer> {
  for (let left = 4; ; left--) {
    try {
      return await ask(await views.current());
    } catch (error) {
      if (!isGone(error) || left === 0) throw error;
      views.forget();
    }
  }
}
