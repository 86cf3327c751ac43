import { createSource, getByte, getNumber } from "./bytes.ts";
import type { Entry } from "./directory.ts";
import { blockSize } from "./layout.ts";

/**
 * The documents of one term in one segment, decoded block by block as they are needed. A record of plain arrays that the
 * functions below move forward: the scorers read millions of them.
 */
export interface Postings {
  readonly count: number;
  readonly impact: number;
  readonly bytes: Uint8Array;
  readonly blocks: number;
  /** Of each block: its last document, where its bytes begin, its best impact, where its positions begin. */
  readonly lasts: Int32Array;
  readonly starts: Int32Array;
  readonly impacts: Uint8Array;
  readonly positionStarts: Int32Array;
  /** The decoded block: its number (-1: none), how many documents, and where the last seek stopped. */
  block: number;
  size: number;
  at: number;
  readonly documents: Int32Array;
  readonly frequencies: Int32Array;
  /** Where {@link readPositions} stands. */
  positionBlock: number;
  positionIndex: number;
  positionAt: number;
}

export const noMore = 0x7fffffff;

export function openPostings(entry: Entry, bytes: Uint8Array, documents: number): Postings {
  const many = entry.count > blockSize;
  const blocks = many ? Math.ceil(entry.count / blockSize) : 1;
  const lasts = new Int32Array(blocks);
  const starts = new Int32Array(blocks + 1);
  const impacts = new Uint8Array(blocks);
  const positionStarts = new Int32Array(blocks);
  if (many) {
    const source = createSource(bytes);
    let last = -1;
    let start = 0;
    let position = 0;
    for (let i = 0; i < blocks; i++) {
      lasts[i] = last += getNumber(source) + 1;
      starts[i] = start;
      start += getNumber(source);
      positionStarts[i] = position;
      position += getNumber(source);
      impacts[i] = getByte(source);
    }
    for (let i = 0; i < blocks; i++) starts[i] = (starts[i] ?? 0) + source.at;
    starts[blocks] = source.at + start;
    if (last >= documents || source.at + start > bytes.length) throw new RangeError("postings are damaged");
  } else {
    lasts[0] = documents - 1;
    starts[1] = bytes.length;
    impacts[0] = entry.impact;
  }
  return {
    count: entry.count,
    impact: entry.impact,
    bytes,
    blocks,
    lasts,
    starts,
    impacts,
    positionStarts,
    block: -1,
    size: 0,
    at: 0,
    documents: new Int32Array(Math.min(blockSize, entry.count)),
    frequencies: new Int32Array(Math.min(blockSize, entry.count)),
    positionBlock: -1,
    positionIndex: 0,
    positionAt: 0,
  };
}

/** Decodes a block, unless it is the one that is decoded. */
export function loadBlock(postings: Postings, block: number): void {
  if (postings.block === block) return;
  const { bytes, documents, frequencies } = postings;
  const size = Math.min(blockSize, postings.count - block * blockSize);
  let document = block === 0 ? -1 : (postings.lasts[block - 1] ?? 0);
  let at = postings.starts[block] ?? 0;
  for (let i = 0; i < size; i++) {
    let byte = bytes[at++] ?? 0;
    let value = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
    }
    document += (value >>> 1) + 1;
    documents[i] = document;
    if (value & 1) frequencies[i] = 1;
    else {
      byte = bytes[at++] ?? 0;
      value = byte & 127;
      for (let shift = 7; byte > 127; shift += 7) {
        byte = bytes[at++] ?? 0;
        value |= (byte & 127) << shift;
      }
      frequencies[i] = value;
    }
  }
  postings.block = block;
  postings.size = size;
  postings.at = 0;
}

/** The first block at or behind `from` whose last document is not before `document`. */
export function findBlock(postings: Postings, from: number, document: number): number {
  const { lasts, blocks } = postings;
  let low = from;
  let step = 1;
  while (low + step < blocks && (lasts[low + step - 1] ?? 0) < document) {
    low += step;
    step *= 2;
  }
  let high = Math.min(blocks, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lasts[middle] ?? 0) < document) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Moves to the first posting at or behind `document` and answers its document, or {@link noMore}. Documents are asked
 * for in ascending order.
 */
export function seek(postings: Postings, document: number): number {
  let block = Math.max(0, postings.block);
  for (;;) {
    if (block >= postings.blocks) return noMore;
    if ((postings.lasts[block] ?? 0) < document) block = findBlock(postings, block, document);
    if (block >= postings.blocks) return noMore;
    loadBlock(postings, block);
    const { documents, size } = postings;
    let at = postings.at;
    while (at < size && (documents[at] ?? 0) < document) at++;
    postings.at = at;
    if (at < size) return documents[at] ?? noMore;
    block++;
  }
}

/** Writes the positions of the posting that {@link seek} stands on into `into`; answers how many. */
export function readPositions(postings: Postings, bytes: Uint8Array, into: number[]): number {
  const { frequencies, block, at } = postings;
  if (postings.positionBlock !== block || postings.positionIndex > at) {
    postings.positionBlock = block;
    postings.positionIndex = 0;
    postings.positionAt = postings.positionStarts[block] ?? 0;
  }
  let from = postings.positionAt;
  for (let i = postings.positionIndex; i < at; i++) {
    for (let left = frequencies[i] ?? 0; left > 0; ) if ((bytes[from++] ?? 0) < 128) left--;
  }
  postings.positionIndex = at;
  postings.positionAt = from;
  const count = frequencies[at] ?? 0;
  const source = createSource(bytes, from);
  let position = 0;
  for (let i = 0; i < count; i++) into[i] = position += getNumber(source);
  return count;
}
