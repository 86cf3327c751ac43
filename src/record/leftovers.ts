import { readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { lifeOf, type Owner, thisProcess } from "./owner.ts";
import { parseSegmentFile, type SegmentName, segmentFile } from "./spool.ts";

/** A file of the spool. */
export interface SpoolFile extends SegmentName {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: number;
}

/** On another machine, or in another container: nobody can be asked there, so silence for this long has to do. */
const silence = 5 * 60_000;

/** The segments in a spool folder, oldest recorder first, each recorder's in order. */
export function listSpool(folder: string): SpoolFile[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // No folder: nothing was recorded here.
    return [];
  }
  const files: SpoolFile[] = [];
  for (const file of names.sort()) {
    const name = parseSegmentFile(file);
    if (name === undefined) continue;
    const path = join(folder, file);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() === true) files.push({ ...name, path, bytes: stat.size, modifiedAt: stat.mtimeMs });
  }
  return files;
}

export function isLeftover(file: SpoolFile, here: Owner, now: number): boolean {
  const life = lifeOf(file.owner, here);
  return life === "dead" || (life === "elsewhere" && now - file.modifiedAt > silence);
}

/**
 * Takes over what processes that are no more left behind: a file belongs to whoever renamed it. All segments of a
 * recorder go to one taker, in their order.
 */
export function claimLeftovers(
  folder: string,
  here: Owner = thisProcess(),
  now: number = Date.now(),
): SpoolFile[] {
  const claimed: SpoolFile[] = [];
  const elsewhere = new Set<string>();
  for (const file of listSpool(folder)) {
    if (elsewhere.has(file.recorder) || !isLeftover(file, here, now)) continue;
    const path = join(folder, segmentFile({ ...file, owner: here }));
    try {
      renameSync(file.path, path);
      claimed.push({ ...file, owner: here, path });
    } catch {
      // Somebody else was quicker.
      elsewhere.add(file.recorder);
    }
  }
  return claimed;
}
