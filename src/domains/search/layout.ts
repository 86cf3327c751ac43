import {
  type ByteSink,
  createSink,
  putByte,
  putBytes,
  putInteger,
  putNumber,
  putText,
  takeBytes,
} from "./bytes.ts";

/** Written into every index; another number and the index is made anew. */
export const formatVersion = "1";

/** A segment is one run of bytes, cut into pages: a rare word reads two of them. */
export const pageSize: number = 32 * 1024;

/** Postings are skipped, and their best possible score known, by blocks of so many documents. */
export const blockSize = 128;

/** Up to so many bytes of postings stand in the dictionary itself: most words occur once or twice. */
export const inlineLimit = 12;

/** A dictionary block ends with the entry that takes it over this size. */
const dictionaryBlock = 4096;

/** BM25's two constants: how fast more occurrences stop to matter, and how much a document's length does. */
export const saturation = 1.2;
export const lengthWeight = 0.75;

/** Filters are terms that no text can hold. */
export const filterMark = "\u0001";

/**
 * A document's length in one byte: exact to 15, then eight steps for each doubling. The ranking is defined with this
 * length, so that no two readers disagree.
 */
export function lengthCode(length: number): number {
  if (length < 16) return length;
  const doublings = 31 - Math.clz32(length);
  return Math.min(255, 16 + (doublings - 4) * 8 + ((length >>> (doublings - 3)) & 7));
}

function codedLength(code: number): number {
  if (code < 16) return code;
  return (8 + ((code - 16) & 7)) * 2 ** (((code - 16) >> 3) + 1);
}

/** BM25's denominator beside the term frequency, for each length code. */
export function lengthNorms(averageLength: number): Float64Array {
  const average = Math.max(1, averageLength);
  return Float64Array.from(
    { length: 256 },
    (_, code) => saturation * (1 - lengthWeight + (lengthWeight * codedLength(code)) / average),
  );
}

/** What one term is in one segment. */
export interface TermPostings {
  readonly text: string;
  readonly count: number;
  /** Ascending. */
  readonly documents: Uint32Array;
  readonly frequencies: Uint32Array;
  /** The positions of all documents, one after the other; none for a filter. */
  readonly positions: Uint32Array;
  readonly firstPosition: number;
}

export interface SegmentWriter {
  /** Terms come in ascending order. */
  term(postings: TermPostings): void;
  /** The directory, and everything else in pages. */
  finish(documents: number, tokens: number): { directory: Uint8Array; pages: Uint8Array[] };
}

function putPostings(sink: ByteSink, term: TermPostings, from: number, to: number): void {
  let before = from === 0 ? -1 : (term.documents[from - 1] ?? 0);
  for (let i = from; i < to; i++) {
    const document = term.documents[i] ?? 0;
    const frequency = term.frequencies[i] ?? 0;
    const gap = document - before - 1;
    before = document;
    if (frequency === 1) putNumber(sink, gap * 2 + 1);
    else {
      putNumber(sink, gap * 2);
      putNumber(sink, frequency);
    }
  }
}

function putPositions(
  sink: ByteSink,
  term: TermPostings,
  range: { from: number; to: number; at: number },
): number {
  let { at } = range;
  for (let i = range.from; i < range.to; i++) {
    let before = 0;
    const end = at + (term.frequencies[i] ?? 0);
    for (; at < end; at++) {
      const position = term.positions[at] ?? 0;
      putNumber(sink, position - before);
      before = position;
    }
  }
  return at;
}

/** The best share of its weight that the term reaches in these documents, in 255ths, rounded up. */
function bestImpact(
  term: TermPostings,
  lengths: Uint8Array,
  norms: Float64Array,
  range: [number, number],
): number {
  let best = 0;
  for (let i = range[0]; i < range[1]; i++) {
    const frequency = term.frequencies[i] ?? 0;
    const impact = frequency / (frequency + (norms[lengths[term.documents[i] ?? 0] ?? 0] ?? 0));
    if (impact > best) best = impact;
  }
  return Math.min(255, Math.ceil(best * 255));
}

/** Writes a segment of documents whose length codes are given. `columns` is what is known of each document. */
export function createSegmentWriter(
  columns: Uint8Array,
  lengths: Uint8Array,
  norms: Float64Array,
): SegmentWriter {
  const dictionary = createSink(1 << 16);
  const postings = createSink(1 << 18);
  const positions = createSink(1 << 18);
  const heads = createSink(1 << 12);
  const bodies = createSink(1 << 12);
  const index = createSink(1 << 12);
  let blocks = 0;
  let blockStart = 0;
  let before = "";

  /** Positions first: the blocks' heads say where they are. */
  function putBlocks(term: TermPostings): { impact: number; positionBytes: number } {
    heads.length = 0;
    bodies.length = 0;
    const start = positions.length;
    const isFilter = term.text.startsWith(filterMark);
    let at = term.firstPosition;
    let best = 0;
    let lastBefore = -1;
    for (let from = 0; from < term.count; from += blockSize) {
      const to = Math.min(term.count, from + blockSize);
      const bodyStart = bodies.length;
      const positionStart = positions.length;
      putPostings(bodies, term, from, to);
      if (!isFilter) at = putPositions(positions, term, { from, to, at });
      const impact = bestImpact(term, lengths, norms, [from, to]);
      best = Math.max(best, impact);
      if (term.count <= blockSize) break;
      const last = term.documents[to - 1] ?? 0;
      putNumber(heads, last - lastBefore - 1);
      putNumber(heads, bodies.length - bodyStart);
      putNumber(heads, positions.length - positionStart);
      putByte(heads, impact);
      lastBefore = last;
    }
    return { impact: best, positionBytes: positions.length - start };
  }

  function startBlock(text: string): void {
    putText(index, text);
    putNumber(index, dictionary.length - blockStart);
    blockStart = dictionary.length;
    blocks++;
    before = "";
    putInteger(dictionary, postings.length);
    putInteger(dictionary, positions.length);
  }

  return {
    term(term) {
      if (blocks === 0 || dictionary.length - blockStart >= dictionaryBlock) startBlock(term.text);
      const { impact, positionBytes } = putBlocks(term);
      let shared = 0;
      const most = Math.min(before.length, term.text.length);
      while (shared < most && before.charCodeAt(shared) === term.text.charCodeAt(shared)) shared++;
      putNumber(dictionary, shared);
      putText(dictionary, term.text, shared);
      putNumber(dictionary, term.count);
      putByte(dictionary, impact);
      const size = heads.length + bodies.length;
      const isInline = size <= inlineLimit;
      putNumber(dictionary, size * 2 + (isInline ? 1 : 0));
      putNumber(dictionary, positionBytes);
      const target = isInline ? dictionary : postings;
      putBytes(target, heads.bytes.subarray(0, heads.length));
      putBytes(target, bodies.bytes.subarray(0, bodies.length));
      before = term.text;
    },
    finish(documents, tokens) {
      const parts = [columns, dictionary, postings, positions].map((part) =>
        part instanceof Uint8Array ? part : part.bytes.subarray(0, part.length),
      );
      const directory = createSink();
      putText(directory, formatVersion);
      putNumber(directory, documents);
      putInteger(directory, tokens);
      for (const part of parts) putInteger(directory, part.length);
      putNumber(directory, blocks);
      putBytes(directory, index.bytes.subarray(0, index.length));
      return { directory: takeBytes(directory), pages: pagesOf(parts) };
    },
  };
}

/** The parts as one run of bytes, cut; each page has a buffer of its own, so that a thread can hand it over. */
function pagesOf(parts: readonly Uint8Array[]): Uint8Array[] {
  const pages: Uint8Array[] = [];
  let rest = parts.reduce((sum, part) => sum + part.length, 0);
  let page = new Uint8Array(0);
  let filled = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      if (filled === page.length) {
        page = new Uint8Array(Math.min(pageSize, rest));
        rest -= page.length;
        filled = 0;
        pages.push(page);
      }
      const length = Math.min(part.length - at, page.length - filled);
      page.set(part.subarray(at, at + length), filled);
      filled += length;
      at += length;
    }
  }
  return pages;
}
