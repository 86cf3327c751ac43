import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Millis } from "../../../operations/operation.ts";

/** Longer than a file system's clock stands still between two ticks. */
export const tick: Millis = 20;

interface Told {
  /** Where such files are, by project; undefined: none is kept. */
  readonly folder: string | undefined;
  readonly project: string;
}

/**
 * Answers what is read, and writes it down for the next session in the project: a shell tells it in a tenth of the time,
 * as long as the file is newer than the store (plugins/claude-code/hooks/start.sh). So its time is that of before the
 * reading, by the clock of the store's disk: what is written to the store meanwhile or later is newer. Where nothing can
 * be written, nothing is kept.
 */
export async function keepTold({ folder, project }: Told, read: () => Promise<string>): Promise<string> {
  if (folder === undefined) return read();
  const place = join(folder, join("/", project));
  const part = join(place, `start.${process.pid}.part`);
  const began = attempt(() => {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    writeFileSync(part, "", { mode: 0o600 });
    return new Date(statSync(part).mtimeMs - tick);
  });
  try {
    const text = await read();
    if (began === undefined) return text;
    attempt(() => {
      writeFileSync(part, text);
      utimesSync(part, began, began);
      renameSync(part, join(place, "start.json"));
    });
    return text;
  } finally {
    rmSync(part, { force: true });
  }
}

function attempt<Made>(make: () => Made): Made | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
