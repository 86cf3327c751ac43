import {
  addAt,
  boundOf,
  contribution,
  type Field,
  offer,
  type ScoredTerm,
  tableFrequencies,
} from "./field.ts";
import { scorePhrases } from "./phrases.ts";
import { loadBlock } from "./postings.ts";
import type { Top } from "./top.ts";

const windowSize = 2048;

interface Lane extends ScoredTerm {
  /** The first block that reaches into the window. */
  first: number;
  bound: number;
}

function createLane(term: ScoredTerm): Lane {
  return { ...term, first: 0, bound: 0 };
}

interface Window {
  readonly start: number;
  readonly end: number;
  readonly sums: Float64Array;
}

/** Sets the lane's bound to the most the term can add to a document in [start, end). */
function boundWindow(lane: Lane, { start, end }: Window, slack: number): void {
  const { lasts, impacts, blocks } = lane.postings;
  while (lane.first < blocks && (lasts[lane.first] ?? 0) < start) lane.first++;
  let impact = 0;
  for (let block = lane.first; block < blocks; block++) {
    if (block > 0 && (lasts[block - 1] ?? 0) >= end - 1) break;
    impact = Math.max(impact, impacts[block] ?? 0);
  }
  lane.bound = boundOf(lane.weight, impact, slack);
}

/** Adds the lane's contributions in the window; blocks that cannot bring a document to `least` are left out. */
function addLane(lane: Lane, field: Field, window: Window & { readonly least: number }): void {
  const { postings, table, weight } = lane;
  const { lengths } = field.columns;
  const { start, end, sums, least } = window;
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
        (frequency <= tableFrequencies
          ? (table[((frequency - 1) << 8) | code] ?? 0)
          : contribution(weight, frequency, field.norms[code] ?? 0));
    }
  }
}

/** The weakest lanes, which together cannot bring a document in: they are only asked about what the others found. */
function weakLanes(lanes: Lane[], threshold: number): { weak: number; weakSum: number } {
  lanes.sort((a, b) => a.bound - b.bound);
  let weak = 0;
  let weakSum = 0;
  for (const lane of lanes) {
    if (weakSum + lane.bound >= threshold) break;
    weakSum += lane.bound;
    weak++;
  }
  return { weak, weakSum };
}

/** Offers what the strong lanes found in the window, with what the weak ones add. Answers how many were looked at. */
function offerWindow(
  field: Field,
  top: Top,
  { window, lanes, weakSum }: { window: Window; lanes: readonly Lane[]; weakSum: number },
): number {
  const { start, end, sums } = window;
  const { allowed } = field;
  let seen = 0;
  let threshold = top.threshold();
  for (let at = 0; at < end - start; at++) {
    let score = sums[at] ?? 0;
    if (score === 0 || score + weakSum < threshold) continue;
    const document = start + at;
    if (allowed && allowed[document] === 0) continue;
    seen++;
    let rest = weakSum;
    for (let i = lanes.length - 1; i >= 0 && score + rest >= threshold; i--) {
      const lane = lanes[i];
      if (!lane) break;
      rest -= lane.bound;
      if (lane.bound > 0) score += addAt(lane, field, document);
    }
    if (score + rest < threshold) continue;
    offer(field, top, { document, score });
    threshold = top.threshold();
  }
  sums.fill(0, 0, end - start);
  return seen;
}

/** With so few postings all are added up, and no bounds are looked at. */
const fewPostings = 3000;

function scoreFew(field: Field, top: Top): number {
  const { allowed, columns, norms } = field;
  const scores = new Map<number, number>();
  for (const { postings, weight } of field.terms) {
    for (let block = 0; block < postings.blocks; block++) {
      loadBlock(postings, block);
      for (let i = 0; i < postings.size; i++) {
        const document = postings.documents[i] ?? 0;
        const norm = norms[columns.lengths[document] ?? 0] ?? 0;
        const more = contribution(weight, postings.frequencies[i] ?? 0, norm);
        scores.set(document, (scores.get(document) ?? 0) + more);
      }
    }
  }
  let seen = 0;
  for (const [document, score] of scores) {
    if (allowed && allowed[document] === 0) continue;
    seen++;
    if (score >= top.threshold()) offer(field, top, { document, score });
  }
  return seen;
}

/** Documents with any of the terms. Answers how many were looked at: at least so many match. */
function scoreTerms(field: Field, top: Top): number {
  if (field.terms.reduce((sum, { postings }) => sum + postings.count, 0) <= fewPostings)
    return scoreFew(field, top);
  const lanes = field.terms.map(createLane);
  const sums = new Float64Array(windowSize);
  const { count } = field.columns;
  let seen = 0;
  for (let start = 0; start < count; start += windowSize) {
    const window = { start, end: Math.min(count, start + windowSize), sums };
    let total = 0;
    for (const lane of lanes) {
      boundWindow(lane, window, field.slack);
      total += lane.bound;
    }
    const threshold = top.threshold();
    if (total === 0 || total < threshold) continue;
    const { weak, weakSum } = weakLanes(lanes, threshold);
    for (let i = weak; i < lanes.length; i++) {
      const lane = lanes[i];
      if (lane) addLane(lane, field, { ...window, least: threshold - (total - lane.bound) });
    }
    seen += offerWindow(field, top, { window, lanes: lanes.slice(0, weak), weakSum });
  }
  return seen;
}

/** Without words: every document that may be found, the newest first. */
function scoreAll(field: Field, top: Top): number {
  const { count, times } = field.columns;
  const { allowed } = field;
  let seen = 0;
  let oldest = top.thresholdTime();
  // Documents stand in the order they came in: backwards, the newest are met first and the rest is only counted.
  for (let document = count - 1; document >= 0; document--) {
    if (allowed && allowed[document] === 0) continue;
    seen++;
    if ((times[document] ?? 0) < oldest) continue;
    offer(field, top, { document, score: 0 });
    oldest = top.thresholdTime();
  }
  return seen;
}

/** Offers the segment's matches to `top`. */
export function scoreSegment(field: Field, top: Top, matchAll: boolean): number {
  if (matchAll) return scoreAll(field, top);
  if (field.phrases.length > 0) return scorePhrases(field, top);
  return field.terms.length > 0 ? scoreTerms(field, top) : 0;
}
