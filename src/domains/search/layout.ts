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

interface Span {
  readonly from: number;
  readonly to: number;
}

function putPostings(sink: ByteSink, term: TermPostings, { from, to }: Span): void {
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

/** Answers where the positions of the next documents begin. */
function putPositions(
  sink: ByteSink,
  term: TermPostings,
  { from, to, first }: Span & { readonly first: number },
): number {
  let at = first;
  for (let i = from; i < to; i++) {
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

/** What a segment's impacts are made from: its documents' length codes, and the norm of each code. */
export interface Lengths {
  readonly codes: Uint8Array;
  readonly norms: Float64Array;
}

/** The best share of its weight that the term reaches in these documents, in 255ths, rounded up. */
function bestImpact(term: TermPostings, { codes, norms }: Lengths, { from, to }: Span): number {
  let best = 0;
  for (let i = from; i < to; i++) {
    const frequency = term.frequencies[i] ?? 0;
    const impact = frequency / (frequency + (norms[codes[term.documents[i] ?? 0] ?? 0] ?? 0));
    if (impact > best) best = impact;
  }
  return Math.min(255, Math.ceil(best * 255));
}

/** One term's blocks: their heads, where there are several, and their bodies. The positions go where all terms' are. */
interface TermBlocks {
  readonly heads: ByteSink;
  readonly bodies: ByteSink;
  readonly positions: ByteSink;
}

function putBlocks({ heads, bodies, positions }: TermBlocks, term: TermPostings, lengths: Lengths): number {
  heads.length = 0;
  bodies.length = 0;
  const isFilter = term.text.startsWith(filterMark);
  let first = term.firstPosition;
  let best = 0;
  let lastBefore = -1;
  for (let from = 0; from < term.count; from += blockSize) {
    const span = { from, to: Math.min(term.count, from + blockSize) };
    const bodyStart = bodies.length;
    const positionStart = positions.length;
    putPostings(bodies, term, span);
    if (!isFilter) first = putPositions(positions, term, { ...span, first });
    const impact = bestImpact(term, lengths, span);
    best = Math.max(best, impact);
    if (term.count <= blockSize) break;
    const last = term.documents[span.to - 1] ?? 0;
    putNumber(heads, last - lastBefore - 1);
    putNumber(heads, bodies.length - bodyStart);
    putNumber(heads, positions.length - positionStart);
    putByte(heads, impact);
    lastBefore = last;
  }
  return best;
}

function sharedLength(before: string, text: string): number {
  let shared = 0;
  const most = Math.min(before.length, text.length);
  while (shared < most && before.charCodeAt(shared) === text.charCodeAt(shared)) shared++;
  return shared;
}

/** Writes a segment. `columns` is what is known of each of its documents. */
export function createSegmentWriter(columns: Uint8Array, lengths: Lengths): SegmentWriter {
  const dictionary = createSink(1 << 16);
  const postings = createSink(1 << 18);
  const positions = createSink(1 << 18);
  const blocks = { heads: createSink(), bodies: createSink(), positions };
  const index = createSink();
  let blockCount = 0;
  let blockStart = 0;
  let before = "";

  function startBlock(text: string): void {
    putText(index, text);
    putNumber(index, dictionary.length - blockStart);
    blockStart = dictionary.length;
    blockCount++;
    before = "";
    putInteger(dictionary, postings.length);
    putInteger(dictionary, positions.length);
  }

  return {
    term(term) {
      if (blockCount === 0 || dictionary.length - blockStart >= dictionaryBlock) startBlock(term.text);
      const positionStart = positions.length;
      const impact = putBlocks(blocks, term, lengths);
      const { heads, bodies } = blocks;
      const shared = sharedLength(before, term.text);
      putNumber(dictionary, shared);
      putText(dictionary, term.text, shared);
      putNumber(dictionary, term.count);
      putByte(dictionary, impact);
      const size = heads.length + bodies.length;
      const isInline = size <= inlineLimit;
      putNumber(dictionary, size * 2 + (isInline ? 1 : 0));
      putNumber(dictionary, positions.length - positionStart);
      const target = isInline ? dictionary : postings;
      putBytes(target, heads.bytes.subarray(0, heads.length));
      putBytes(target, bodies.bytes.subarray(0, bodies.length));
      before = term.text;
    },
    finish(documents, tokens) {
      const parts = [
        columns,
        ...[dictionary, postings, positions].map(({ bytes, length }) => bytes.subarray(0, length)),
      ];
      const directory = createSink();
      putText(directory, formatVersion);
      putNumber(directory, documents);
      putInteger(directory, tokens);
      for (const part of parts) putInteger(directory, part.length);
      putNumber(directory, blockCount);
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
