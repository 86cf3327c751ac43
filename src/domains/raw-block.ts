import { createHash } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { RawHappening } from "../model/happening.ts";
import { stableId } from "../model/id.ts";
import type { RawEvent } from "../model/raw-event.ts";

/** Lines as the store keeps them: Brotli at quality 4. */
export function pack(lines: Uint8Array): Uint8Array {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4 };
  return new Uint8Array(brotliCompressSync(lines, { params }));
}

/** The bytes of a block without its first `skip` lines. */
export function unpack(payload: Uint8Array, skip = 0): Buffer {
  let bytes = brotliDecompressSync(payload);
  for (let line = 0; line < skip; line++) {
    const end = bytes.indexOf(10);
    bytes = end === -1 ? bytes.subarray(bytes.length) : bytes.subarray(end + 1);
  }
  return bytes;
}

/** One line of a stream. Ids ascend in the order in which one process noted them. */
export interface StreamLine {
  readonly id: string;
  readonly key: string;
  readonly text: string;
}

export function streamId({
  scope = "",
  sessionId,
  subpath = "",
}: Pick<RawHappening, "scope" | "sessionId" | "subpath">): string {
  return stableId(0, scope, sessionId, subpath);
}

const keyBytes = 8;

/** What makes it the same line when it comes again, as text of one byte a letter. */
export function keyOf({ uuid, position }: RawHappening, id: string): string {
  if (uuid !== undefined) return keyOfName(`uuid ${uuid}`);
  return keyOfName(position === undefined ? `id ${id}` : `position ${position}`);
}

export function keyOfName(name: string): string {
  return createHash("sha256").update(name).digest().toString("latin1", 0, keyBytes);
}

/** The keys of a block, one a line. */
export function keysIn(keys: Uint8Array | null): string[] {
  const all = Buffer.from(keys ?? []).toString("latin1");
  return Array.from({ length: all.length / keyBytes }, (_, at) =>
    all.slice(at * keyBytes, (at + 1) * keyBytes),
  );
}

export interface BlockPlace {
  readonly stream: string;
  readonly sessionId: string;
  readonly subpath: string;
  readonly source: string;
  readonly version: string | null;
}

/** See `blockBytes` in record/import/raw.ts. */
const blockBytes = 1024 * 1024;

/** Lines in blocks, each under the id of its first line: blocks stand in the order of their ids. */
export function blocksOf(place: BlockPlace, lines: readonly StreamLine[]): RawEvent[] {
  const blocks: RawEvent[] = [];
  for (let start = 0; start < lines.length; ) {
    let end = start;
    for (let size = 0; end < lines.length && size < blockBytes; end++) size += lines[end]?.text.length ?? 0;
    const some = lines.slice(start, end);
    const text = Buffer.from(some.map((line) => `${line.text}\n`).join(""));
    blocks.push({
      ...place,
      id: some[0]?.id ?? "",
      position: 0,
      lines: some.length,
      offset: 0,
      bytes: text.length,
      generation: 0,
      payload: pack(text),
      keys: new Uint8Array(Buffer.from(some.map(({ key }) => key).join(""), "latin1")),
    });
    start = end;
  }
  return blocks;
}

/** The lines of a block, each with its key and the id of the block. */
export function linesIn({ id, keys, payload }: Pick<RawEvent, "id" | "keys" | "payload">): StreamLine[] {
  const texts = unpack(payload).toString("utf8").split("\n");
  return keysIn(keys).map((key, at) => ({ id, key, text: texts[at] ?? "" }));
}
