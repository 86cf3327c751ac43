import { loadBlock, noMore, type Postings, readPositions, seek } from "./postings.ts";
import type { Columns } from "./columns.ts";
import type { Top } from "./top.ts";
import { saturation } from "./layout.ts";

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

export interface ScoredTerm {
  readonly weight: number;
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

const windowSize = 2048;

function boundOf(weight: number, impact: number, slack: number): number {
  return impact === 0 ? 0 : Math.ceil(weight * Math.min(1, (impact / 255) * slack)) + 1;
}

interface Lane {
  readonly weight: number;
  readonly postings: Postings;
  /** The first block that reaches into the window. */
  first: number;
  bound: number;
  /** Contributions by frequency (1 to 4) and length code. */
  readonly table: Float64Array;
}

function createLane(term: ScoredTerm, norms: Float64Array): Lane {
  const table = new Float64Array(4 * 256);
  for (let i = 0; i < table.length; i++) {
    table[i] = contribution(term.weight, (i >> 8) + 1, norms[i & 255] ?? 0);
  }
  return { weight: term.weight, postings: term.postings, first: 0, bound: 0, table };
}

/** Sets the lane's bound to the most the term can add to a document in [start, end). */
function boundWindow(lane: Lane, start: number, end: number, slack: number): void {
  const { lasts, impacts, blocks } = lane.postings;
  while (lane.first < blocks && (lasts[lane.first] ?? 0) < start) lane.first++;
  let impact = 0;
  for (let block = lane.first; block < blocks; block++) {
    if (block > 0 && (lasts[block - 1] ?? 0) >= end - 1) break;
    impact = Math.max(impact, impacts[block] ?? 0);
  }
  lane.bound = boundOf(lane.weight, impact, slack);
}

/** Adds the lane's contributions in [start, end) to `sums`; blocks that cannot bring a document in are left out. */
function addLane(
  lane: Lane,
  field: Field,
  sums: Float64Array,
  range: { start: number; end: number; least: number },
): void {
  const { postings, table, weight } = lane;
  const { lengths } = field.columns;
  const { start, end, least } = range;
  for (let block = lane.first; block < postings.blocks; block++) {
    if (block > 0 && (postings.lasts[block - 1] ?? 0) >= end - 1) return;
    if (boundOf(weight, postings.impacts[block] ?? 0, field.slack) < least) continue;
    loadBlock(postings, block);
    const { documents, frequencies, size } = postings;
    for (let i = 0; i < size; i++) {
      const document = documents[i] ?? 0;
      if (document < start) continue;
      if (document >= end) return;
      const frequency = frequencies[i] ?? 0;
      const code = lengths[document] ?? 0;
      const at = document - start;
      sums[at] =
        (sums[at] ?? 0) +
        (frequency <= 4
          ? (table[((frequency - 1) << 8) | code] ?? 0)
          : contribution(weight, frequency, field.norms[code] ?? 0));
    }
  }
}

function addAt(lane: Lane, field: Field, document: number): number {
  const { postings } = lane;
  if (seek(postings, document) !== document) return 0;
  const norm = field.norms[field.columns.lengths[document] ?? 0] ?? 0;
  return contribution(lane.weight, postings.frequencies[postings.at] ?? 0, norm);
}

function offer(field: Field, top: Top, document: number, score: number): void {
  const { times, keys } = field.columns;
  top.add({ score, time: times[document] ?? 0, key: keys[document] ?? 0, segment: field.segment, document });
}

/** Documents with any of the terms. Answers how many were looked at: at least so many match. */
function scoreTerms(field: Field, top: Top): number {
  const lanes = field.terms.map((term) => createLane(term, field.norms));
  const sums = new Float64Array(windowSize);
  const { count } = field.columns;
  let seen = 0;
  for (let start = 0; start < count; start += windowSize) {
    const end = Math.min(count, start + windowSize);
    let total = 0;
    for (const lane of lanes) {
      boundWindow(lane, start, end, field.slack);
      total += lane.bound;
    }
    if (total === 0 || total < top.threshold()) continue;
    lanes.sort((a, b) => a.bound - b.bound);
    // The weakest terms, which together cannot bring a document in, are only asked about documents the others found.
    let weak = 0;
    let weakSum = 0;
    for (const lane of lanes) {
      if (weakSum + lane.bound >= top.threshold()) break;
      weakSum += lane.bound;
      weak++;
    }
    for (const lane of lanes.slice(weak)) {
      addLane(lane, field, sums, { start, end, least: top.threshold() - (total - lane.bound) });
    }
    for (let at = 0; at < end - start; at++) {
      let score = sums[at] ?? 0;
      if (score === 0) continue;
      sums[at] = 0;
      const document = start + at;
      if (field.allowed && field.allowed[document] === 0) continue;
      seen++;
      let rest = weakSum;
      const threshold = top.threshold();
      for (let i = weak - 1; i >= 0 && score + rest >= threshold; i--) {
        const lane = lanes[i];
        if (!lane) break;
        rest -= lane.bound;
        if (lane.bound > 0) score += addAt(lane, field, document);
      }
      if (score + rest >= threshold) offer(field, top, document, score);
    }
  }
  return seen;
}

/** How often the phrase's words, whose postings stand on one document, are neighbours there. */
function countPhrase(phrase: ScoredPhrase, scratch: number[][]): number {
  let matches: number[] = [];
  phrase.words.forEach((word, i) => {
    if (i > 0 && matches.length === 0) return;
    const positions = (scratch[i] ??= []);
    const count = readPositions(word.postings, word.positions, positions);
    if (i === 0) {
      for (let p = 0; p < count; p++) matches.push((positions[p] ?? 0) - word.offset);
      return;
    }
    let p = 0;
    matches = matches.filter((match) => {
      while (p < count && (positions[p] ?? 0) - word.offset < match) p++;
      return p < count && (positions[p] ?? 0) - word.offset === match;
    });
  });
  return matches.length;
}

/** The documents that hold all words of all phrases, in order. `skip` may jump over a block of the rarest word. */
function* meetings(field: Field, skip: (lead: Postings, block: number) => boolean): Generator<number> {
  const all = field.phrases.flatMap((phrase) => phrase.words.map((word) => word.postings));
  const [lead, ...others] = all.sort((a, b) => a.count - b.count);
  if (!lead) return;
  for (let block = 0; block < lead.blocks; block++) {
    if (skip(lead, block)) continue;
    loadBlock(lead, block);
    for (let i = 0; i < lead.size; i++) {
      const document = lead.documents[i] ?? 0;
      if (field.allowed && field.allowed[document] === 0) continue;
      lead.at = i;
      let isMeeting = true;
      for (const other of others) {
        const found = seek(other, document);
        if (found === noMore) return;
        if (found !== document) {
          isMeeting = false;
          break;
        }
      }
      if (isMeeting) yield document;
    }
  }
}

/** The documents in which every phrase stands, each with its frequencies. */
export function* phraseDocuments(field: Field): Generator<number> {
  const scratch: number[][] = [];
  for (const document of meetings(field, () => false)) {
    if (field.phrases.every((phrase) => countPhrase(phrase, scratch) > 0)) yield document;
  }
}

/** Documents with every phrase; the terms add to their score. A phrase counts as its words' weights together. */
function scorePhrases(field: Field, top: Top): number {
  const lanes = field.terms.map((term) => createLane(term, field.norms));
  for (const lane of lanes) lane.bound = boundOf(lane.weight, lane.postings.impact, field.slack);
  const extra = lanes.reduce((sum, lane) => sum + lane.bound, 0);
  const phraseBound = (phrase: ScoredPhrase, lead: Postings, block: number): number => {
    const impacts = phrase.words.map((word) =>
      word.postings === lead ? (lead.impacts[block] ?? 0) : word.postings.impact,
    );
    return boundOf(phrase.weight, Math.min(...impacts), field.slack);
  };
  const skip = (lead: Postings, block: number): boolean =>
    field.phrases.reduce((sum, phrase) => sum + phraseBound(phrase, lead, block), extra) < top.threshold();
  const scratch: number[][] = [];
  let seen = 0;
  for (const document of meetings(field, skip)) {
    const norm = field.norms[field.columns.lengths[document] ?? 0] ?? 0;
    let score = 0;
    let best = 0;
    for (const lane of lanes) score += addAt(lane, field, document);
    for (const phrase of field.phrases) {
      let least = noMore;
      for (const { postings } of phrase.words)
        least = Math.min(least, postings.frequencies[postings.at] ?? 0);
      best += contribution(phrase.weight, least, norm);
    }
    if (score + best < top.threshold()) continue;
    let isMatch = true;
    for (const phrase of field.phrases) {
      const frequency = countPhrase(phrase, scratch);
      isMatch &&= frequency > 0;
      if (!isMatch) break;
      score += contribution(phrase.weight, frequency, norm);
    }
    if (!isMatch) continue;
    seen++;
    offer(field, top, document, score);
  }
  return seen;
}

/** Without words: every document that may be found, the newest first. */
function scoreAll(field: Field, top: Top): number {
  let seen = 0;
  for (let document = 0; document < field.columns.count; document++) {
    if (field.allowed && field.allowed[document] === 0) continue;
    seen++;
    offer(field, top, document, 0);
  }
  return seen;
}

/** Offers the segment's matches to `top`. */
export function scoreSegment(field: Field, top: Top, matchAll: boolean): number {
  if (matchAll) return scoreAll(field, top);
  if (field.phrases.length > 0) return scorePhrases(field, top);
  return field.terms.length > 0 ? scoreTerms(field, top) : 0;
}
