import type { Columns } from "./columns.ts";
import { saturation } from "./layout.ts";
import { type Postings, seek } from "./postings.ts";
import type { Top } from "./top.ts";

/**
 * BM25, rank-safe: the answer is the one that scoring every match would give. Contributions are whole numbers, so that
 * their sum is the same in whatever order it is made.
 */
const scale = 65_536;

/** What a term that stands in `count` of `total` documents weighs. */
export function weightOf(count: number, total: number): number {
  const most = Math.max(total, count);
  return Math.log(1 + (most - count + 0.5) / (count + 0.5)) * (saturation + 1) * scale;
}

/** What a term adds to a document's score. Never nothing: a match is a match. */
export function contribution(weight: number, frequency: number, norm: number): number {
  return Math.max(1, Math.round((weight * frequency) / (frequency + norm)));
}

/** The score as it is shown. */
export function shownScore(score: number): number {
  return Math.round((score / scale) * 10_000) / 10_000;
}

/** What a term adds, by frequency (1 to {@link tableFrequencies}) and length code: made once for all segments. */
export interface TermWeight {
  readonly weight: number;
  readonly table: Float64Array;
}

export const tableFrequencies = 4;

export function termWeight(weight: number, norms: Float64Array): TermWeight {
  const table = new Float64Array(tableFrequencies * 256);
  for (let i = 0; i < table.length; i++) table[i] = contribution(weight, (i >> 8) + 1, norms[i & 255] ?? 0);
  return { weight, table };
}

export interface ScoredTerm extends TermWeight {
  readonly postings: Postings;
}

export interface ScoredPhrase {
  readonly weight: number;
  readonly words: ReadonlyArray<{
    readonly postings: Postings;
    readonly positions: Uint8Array;
    readonly offset: number;
  }>;
}

/** One segment to score. */
export interface Field {
  readonly segment: number;
  readonly columns: Columns;
  readonly norms: Float64Array;
  /** How much the impacts noted in this segment can fall short: its average length differs from the whole's. */
  readonly slack: number;
  /** 1 where the document may be found; undefined: everywhere. */
  readonly allowed: Uint8Array | undefined;
  readonly terms: readonly ScoredTerm[];
  readonly phrases: readonly ScoredPhrase[];
}

/** The most a term of this weight can add where its best impact is `impact`. */
export function boundOf(weight: number, impact: number, slack: number): number {
  return impact === 0 ? 0 : Math.ceil(weight * Math.min(1, (impact / 255) * slack)) + 1;
}

/** What the term adds to the document. Documents are asked for in ascending order. */
export function addAt({ weight, postings }: ScoredTerm, field: Field, document: number): number {
  if (seek(postings, document) !== document) return 0;
  const norm = field.norms[field.columns.lengths[document] ?? 0] ?? 0;
  return contribution(weight, postings.frequencies[postings.at] ?? 0, norm);
}

export function offer(
  field: Field,
  top: Top,
  { document, score }: { document: number; score: number },
): void {
  const { times, keys } = field.columns;
  top.add({ score, time: times[document] ?? 0, key: keys[document] ?? 0, segment: field.segment, document });
}
