import type { Entry, SegmentInfo } from "./directory.ts";
import type { ScoredPhrase } from "./field.ts";
import type { Filters } from "./filter.ts";
import type { FoundTerm } from "./lookup.ts";
import type { PageReader, Wanted } from "./pages.ts";
import { openPostings, type Postings } from "./postings.ts";
import type { ParsedQuery, Phrase } from "./query.ts";

/** Gathers what has to be read of all segments, so that one read brings it all. */
export interface Shelf {
  /** Answers the bytes when they are there. */
  put(wanted: Wanted): () => Uint8Array;
  fill(pages: PageReader): Promise<void>;
}

export function createShelf(): Shelf {
  const wanted: Wanted[] = [];
  let bytes: readonly Uint8Array[] = [];
  return {
    put(one) {
      const at = wanted.push(one) - 1;
      return () => bytes[at] ?? new Uint8Array(0);
    },
    async fill(pages) {
      bytes = await pages.read(wanted);
    },
  };
}

type PostingsOpener = () => Postings;
type PhraseOpener = (weight: number) => ScoredPhrase;

/** What a query is made of, before any segment is looked at. */
export interface Sought {
  readonly parsed: ParsedQuery;
  readonly filters: Filters;
  readonly terms: ReadonlyMap<string, FoundTerm>;
  /** The terms that rank. */
  readonly ranking: readonly string[];
}

/** Everything of one segment that the query needs, to be opened when the shelf is filled. */
export interface Prepared {
  readonly segment: number;
  readonly terms: ReadonlyArray<readonly [string, PostingsOpener]>;
  readonly phrases: readonly PhraseOpener[];
  readonly without: readonly PhraseOpener[];
  readonly marks: ReadonlyArray<readonly PostingsOpener[]>;
  /** A phrase's word, or every mark of a filter, is missing: nothing matches here. */
  readonly isOut: boolean;
}

export interface SegmentPlace {
  readonly segment: number;
  readonly info: SegmentInfo;
}

export function prepare(shelf: Shelf, sought: Sought, { segment, info }: SegmentPlace): Prepared {
  const entryOf = (term: string): Entry | undefined => sought.terms.get(term)?.entries.get(segment);

  function postingsOf(entry: Entry): PostingsOpener {
    const { inline } = entry;
    if (inline) return () => openPostings(entry, inline, info.documents);
    const bytes = shelf.put({ segment: info.id, ...entry.postings });
    return () => openPostings(entry, bytes(), info.documents);
  }

  function opener(term: string): PostingsOpener | undefined {
    const entry = entryOf(term);
    return entry && postingsOf(entry);
  }

  /** Undefined where one of its words does not stand in the segment. */
  function phraseOf(phrase: Phrase): PhraseOpener | undefined {
    const words: Array<{ open: PostingsOpener; positions: () => Uint8Array; offset: number }> = [];
    for (const { term, offset } of phrase) {
      const entry = entryOf(term);
      if (!entry) return undefined;
      words.push({
        open: postingsOf(entry),
        positions: shelf.put({ segment: info.id, ...entry.positions }),
        offset,
      });
    }
    return (weight) => ({
      weight,
      words: words.map(({ open, positions, offset }) => ({
        postings: open(),
        positions: positions(),
        offset,
      })),
    });
  }

  const phrases = sought.parsed.phrases.map(phraseOf);
  const marks = sought.filters.marks.map((terms) => terms.flatMap((term) => opener(term) ?? []));
  return {
    segment,
    terms: sought.ranking.flatMap((term) => {
      const open = opener(term);
      return open ? [[term, open] as const] : [];
    }),
    phrases: phrases.flatMap((phrase) => phrase ?? []),
    without: sought.parsed.without.flatMap((phrase) => phraseOf(phrase) ?? []),
    marks,
    isOut: phrases.includes(undefined) || marks.some((openers) => openers.length === 0),
  };
}
