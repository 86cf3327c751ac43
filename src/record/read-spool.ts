import { closeSync, constants, openSync } from "node:fs";
import type { SpoolState } from "../domains/ledger.ts";
import { listSpool, type SpoolFile } from "./leftovers.ts";
import { lifeOf, thisProcess } from "./owner.ts";
import { readLines } from "./spool.ts";

const limits = { lines: 5_000, bytes: 1024 * 1024 };

/** What stands in a spool folder, by recorder, for the ledger. Reads it and changes nothing. */
export function readSpool(folder: string): SpoolState[] {
  const here = thisProcess();
  const states = new Map<string, SpoolState>();
  for (const file of listSpool(folder)) {
    const before = states.get(file.recorder);
    const { noted, dropped } = lastNumbers(file);
    states.set(file.recorder, {
      recorder: file.recorder,
      life: lifeOf(file.owner, here),
      files: (before?.files ?? 0) + 1,
      bytes: (before?.bytes ?? 0) + file.bytes,
      noted: Math.max(before?.noted ?? 0, noted),
      dropped: Math.max(before?.dropped ?? 0, dropped),
    });
  }
  return [...states.values()];
}

function lastNumbers(file: SpoolFile): { readonly noted: number; readonly dropped: number } {
  let last = { noted: 0, dropped: 0 };
  let fd: number;
  try {
    fd = openSync(file.path, constants.O_RDONLY);
  } catch {
    // Its recorder has brought it into the store meanwhile.
    return last;
  }
  try {
    for (let offset = 0; ; ) {
      const batch = readLines(fd, offset, limits);
      const line = batch.lines.at(-1);
      if (line !== undefined) last = { noted: line.number, dropped: line.dropped };
      if (batch.end === offset) return last;
      offset = batch.end;
    }
  } finally {
    closeSync(fd);
  }
}
