import { pack } from "../../domains/raw-block.ts";
import { stableId } from "../../model/id.ts";
import type { RawEvent } from "../../model/raw-event.ts";

/**
 * How much of a transcript one block holds. Runtimes repeat themselves over long distances: on transcripts like the
 * samples (Node 20, 2 cores) Brotli at quality 4 leaves 0.120 of them in blocks of 256 KiB, 0.101 in blocks of 1 MiB
 * and 0.096 in blocks of 4 MiB, at the same speed; larger ones make a single line dearer to read.
 */
const blockBytes = 1024 * 1024;

interface RawPlace {
  /** The imported file's id. */
  readonly sessionId: string;
  readonly subpath: string;
  readonly source: string;
  readonly generation: number;
}

export interface RawLine {
  readonly start: number;
  /** How long it is in the file. */
  readonly length: number;
  /** What is kept of it: its own bytes, or, redacted, others. */
  readonly kept: Uint8Array;
  /** Its number, from 1; the pieces of a line over the limit share theirs. */
  readonly number: number;
  /** It ends a line: whole lines and last pieces do. */
  readonly ends: boolean;
}

export interface RawBlocks {
  add(line: RawLine, version: string | null): void;
  /** The blocks that are complete; with `all`, also the one that is not. */
  take(all: boolean): RawEvent[];
}

/** Packs consecutive lines into compressed blocks. */
export function createRawBlocks(place: RawPlace): RawBlocks {
  let done: RawEvent[] = [];
  let lines: RawLine[] = [];
  let bytes = 0;
  let version: string | null = null;

  function close(): void {
    const first = lines[0];
    if (first === undefined) return;
    const payload = pack(Buffer.concat(lines.map((line) => line.kept)));
    const length = lines.reduce((sum, line) => sum + line.length, 0);
    done.push({
      // The same bytes of the same file are the same row, also when two imports cut their blocks differently.
      id: stableId(0, place.sessionId, String(place.generation), String(first.start), String(length)),
      ...place,
      position: first.number,
      lines: lines.filter((line) => line.ends).length,
      offset: first.start,
      bytes: length,
      version,
      payload,
      stream: null,
      keys: null,
    });
    lines = [];
    bytes = 0;
  }

  return {
    add(line, said) {
      lines.push(line);
      version = said ?? version;
      bytes += line.length;
      // A piece stands alone: its bytes are cut at the same place each time.
      if (bytes >= blockBytes || !line.ends) close();
    },
    take(all) {
      if (all) close();
      const blocks = done;
      done = [];
      return blocks;
    },
  };
}

export type RawSpan = Pick<RawEvent, "id" | "offset" | "bytes" | "position" | "lines">;

/**
 * Which blocks make the file, in order, and how many of their first lines the block before already gave: imports that
 * ran at once may have cut the same bytes differently, and a line that was not finished is kept again when it is.
 */
export function coverOf(spans: readonly RawSpan[]): Array<{ readonly span: RawSpan; readonly skip: number }> {
  const sorted = [...spans].sort((a, b) => a.offset - b.offset || b.bytes - a.bytes);
  const cover: Array<{ span: RawSpan; skip: number }> = [];
  let end = 0;
  let line = 1;
  for (let at = 0; at < sorted.length; ) {
    let best: RawSpan | undefined;
    for (; at < sorted.length; at++) {
      const span = sorted[at];
      if (span === undefined || span.offset > end) break;
      if (span.offset + span.bytes > (best === undefined ? end : best.offset + best.bytes)) best = span;
    }
    const chosen = best ?? sorted[at];
    if (chosen === undefined) break;
    if (best === undefined) at++;
    cover.push({ span: chosen, skip: Math.max(0, line - chosen.position) });
    end = chosen.offset + chosen.bytes;
    line = chosen.position + chosen.lines;
  }
  return cover;
}
