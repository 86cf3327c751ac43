import { readSync } from "node:fs";

/** A line with its end as it stands in the file, or, where it is too long to be held, one piece of it. */
export interface Line {
  /** Where it starts in the file. */
  readonly start: number;
  readonly bytes: Buffer;
  /** `piece`: the line is over the limit, and more of it follows. `tail`: the last piece of such a line. */
  readonly kind: "line" | "piece" | "tail";
  /** It ends with a line feed. Only the last line of a file may not. */
  readonly ended: boolean;
}

export interface LineLimits {
  /** A longer line comes in pieces of `piece` bytes and is never parsed. */
  readonly line: number;
  readonly piece: number;
  readonly chunk: number;
}

export const lineLimits: LineLimits = { line: 16 * 1024 * 1024, piece: 4 * 1024 * 1024, chunk: 1024 * 1024 };

const lineFeed = 10;

/** The lines of an open file from an offset on, in bounded memory whatever the file is. */
export function* linesOf(fd: number, offset: number, limits: LineLimits = lineLimits): Generator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let start = offset;
  let position = offset;
  let cut = false;
  const take = (more: Buffer, kind: Line["kind"], ended: boolean): Line => {
    const bytes = held.length === 0 ? more : Buffer.concat([...held, more]);
    const line: Line = { start, bytes, kind, ended };
    start += bytes.length;
    held = [];
    heldBytes = 0;
    return line;
  };
  for (;;) {
    const chunk = Buffer.allocUnsafe(limits.chunk);
    const got = readSync(fd, chunk, 0, chunk.length, position);
    if (got === 0) break;
    position += got;
    let from = 0;
    for (;;) {
      const at = chunk.subarray(0, got).indexOf(lineFeed, from);
      if (at === -1) break;
      yield take(chunk.subarray(from, at + 1), cut ? "tail" : "line", true);
      cut = false;
      from = at + 1;
    }
    if (from < got) {
      held.push(chunk.subarray(from, got));
      heldBytes += got - from;
    }
    // The first piece is cut when the limit is passed, the others at their own size: always at the same bytes.
    while (heldBytes > limits.line || (cut && heldBytes > limits.piece)) {
      const all = Buffer.concat(held);
      const end = cutOf(all, limits.piece);
      held = [all.subarray(0, end)];
      const rest = all.subarray(end);
      yield take(Buffer.alloc(0), "piece", false);
      cut = true;
      held = [rest];
      heldBytes = rest.length;
    }
  }
  if (heldBytes > 0) yield take(Buffer.alloc(0), cut ? "tail" : "line", false);
}

const space = 32;
const quote = 34;

/** Where a piece ends: behind a space or a quote, so that no secret is cut in two and seen by nobody. */
function cutOf(bytes: Buffer, limit: number): number {
  const from = Math.max(0, limit - 64 * 1024);
  const window = bytes.subarray(from, limit);
  const at = Math.max(window.lastIndexOf(space), window.lastIndexOf(quote));
  return at === -1 ? limit : from + at + 1;
}
