import { closeSync, constants, openSync } from "node:fs";
import type { RawHappening } from "../model/happening.ts";
import { listSpool } from "./leftovers.ts";
import { readLines } from "./spool.ts";

const limits = { lines: 5_000, bytes: 1024 * 1024 };

/** A raw line that stands in a spool; it may stand in the store, too. */
export type PendingLine = RawHappening & { readonly id: string };

/**
 * The raw lines in a spool folder that `wanted` names, in the order in which they were noted, whoever noted them: what a
 * store may not have yet. Read them before the store is asked: a line goes from here to there.
 */
export function pendingLines(folder: string, wanted: (line: RawHappening) => boolean): PendingLine[] {
  const found = new Map<string, PendingLine>();
  const take = (line: PendingLine): void => void found.set(line.id, line);
  // A file that is taken over has another name from one moment to the next: then it is looked for again.
  for (let tries = 0; tries < 5; tries++) {
    const missed = listSpool(folder).filter(({ path }) => !readFile(path, wanted, take));
    if (missed.length === 0) break;
  }
  return [...found.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** Answers whether the file was there. */
function readFile(
  path: string,
  wanted: (line: RawHappening) => boolean,
  take: (line: PendingLine) => void,
): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch {
    return false;
  }
  try {
    for (let offset = 0; ; ) {
      const batch = readLines(fd, offset, limits);
      for (const { happening } of batch.lines) {
        if (happening.kind === "rawEvent" && wanted(happening)) take(happening);
      }
      if (batch.end === offset) return true;
      offset = batch.end;
    }
  } finally {
    closeSync(fd);
  }
}
