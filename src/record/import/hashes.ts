import { createHash } from "node:crypto";
import { readSync } from "node:fs";

/** How many bytes at each end are compared to tell a file that grew from one that was written anew. */
const window = 4096;

/** A hash of `length` bytes at `start`, with the length in front of it; "" where the file has not that many. */
function hashAt(fd: number, start: number, length: number): string {
  const bytes = Buffer.alloc(length);
  for (let got = 0; got < length; ) {
    const more = readSync(fd, bytes, got, length - got, start + got);
    if (more === 0) return "";
    got += more;
  }
  return `${length}:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Hashes of the first and the last bytes before `offset`. */
export function endsOf(fd: number, offset: number): { readonly head: string; readonly last: string } {
  const length = Math.min(window, offset);
  return { head: hashAt(fd, 0, length), last: hashAt(fd, offset - length, length) };
}
