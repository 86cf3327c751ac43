import type { Segment } from "../../model/search.ts";
import { createSource, getByte, getInteger, getNumber, getText, type ByteSource } from "./bytes.ts";
import { formatVersion } from "./layout.ts";

/** A part of a segment's bytes. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A segment as far as it is always in memory: where its parts are, and where its dictionary's blocks begin. */
export interface SegmentInfo {
  readonly id: string;
  readonly tier: number;
  readonly documents: number;
  readonly tokens: number;
  readonly createdAt: number;
  readonly bytes: number;
  readonly columns: Range;
  readonly dictionary: number;
  readonly postings: number;
  readonly positions: number;
  readonly blockFirsts: readonly string[];
  /** One more than blocks: the last is the dictionary's end. */
  readonly blockStarts: readonly number[];
}

/** Throws where the bytes are not a directory of this format: the index is then made anew. */
export function decodeDirectory(row: Segment): SegmentInfo {
  const source = createSource(row.directory);
  const version = getText(source);
  if (version !== formatVersion) throw new RangeError(`segment ${row.id} has format "${version}"`);
  const documents = getNumber(source);
  const tokens = getInteger(source);
  const columns = getInteger(source);
  const dictionary = columns + getInteger(source);
  const postings = dictionary + getInteger(source);
  const bytes = postings + getInteger(source);
  const blockFirsts: string[] = [];
  const blockStarts: number[] = [];
  let at = columns;
  for (let left = getNumber(source); left > 0; left--) {
    blockFirsts.push(getText(source));
    at += getNumber(source);
    blockStarts.push(at);
    if (source.at > row.directory.length) throw new RangeError(`segment ${row.id} has a short directory`);
  }
  blockStarts.push(dictionary);
  return {
    id: row.id,
    tier: row.tier,
    documents,
    tokens,
    createdAt: row.createdAt,
    bytes,
    columns: { from: 0, to: columns },
    dictionary: columns,
    postings: dictionary,
    positions: postings,
    blockFirsts,
    blockStarts,
  };
}

/** The number of the block that would hold the term; -1 where the term comes before all. */
export function blockOf(segment: SegmentInfo, term: string): number {
  let low = 0;
  let high = segment.blockFirsts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segment.blockFirsts[middle] ?? "") <= term) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function blockRange(segment: SegmentInfo, block: number): Range {
  return { from: segment.blockStarts[block] ?? 0, to: segment.blockStarts[block + 1] ?? 0 };
}

/** What a dictionary says of a term. */
export interface Entry {
  readonly text: string;
  /** In how many documents it stands. */
  readonly count: number;
  readonly impact: number;
  /** The postings themselves where they are short, else where they are. */
  readonly inline: Uint8Array | undefined;
  readonly postings: Range;
  readonly positions: Range;
}

interface EntryState {
  text: string;
  postings: number;
  positions: number;
}

function readEntry(source: ByteSource, state: EntryState): Entry {
  const shared = getNumber(source);
  const text = state.text.slice(0, shared) + getText(source);
  const count = getNumber(source);
  const impact = getByte(source);
  const size = getNumber(source);
  const length = Math.floor(size / 2);
  const positionBytes = getNumber(source);
  const positions = { from: state.positions, to: state.positions + positionBytes };
  state.positions = positions.to;
  state.text = text;
  if (size % 2 === 1) {
    const inline = source.bytes.subarray(source.at, source.at + length);
    source.at += length;
    return { text, count, impact, inline, postings: { from: 0, to: 0 }, positions };
  }
  const postings = { from: state.postings, to: state.postings + length };
  state.postings = postings.to;
  return { text, count, impact, inline: undefined, postings, positions };
}

/** Reads a dictionary block's entries in order, until `visit` answers false. */
export function readBlock(segment: SegmentInfo, bytes: Uint8Array, visit: (entry: Entry) => boolean): void {
  const source = createSource(bytes);
  const state: EntryState = { text: "", postings: 0, positions: 0 };
  state.postings = segment.postings + getInteger(source);
  state.positions = segment.positions + getInteger(source);
  while (source.at < bytes.length) if (!visit(readEntry(source, state))) return;
}
