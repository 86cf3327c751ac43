import { closeSync, existsSync, mkdirSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { LociError } from "../../errors.ts";

/** Makes the folder (0700) and the file (0600) where they are not; SQLite gives `-wal` and `-shm` the file's mode. */
export function makeFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw fileError(path, error);
  }
}

/** For `readonly`: nothing is made. */
export function requireFile(path: string): void {
  if (existsSync(path)) return;
  throw new LociError("not-found", `There is no store at ${path}.`, {
    where: path,
    next: "loci import, or name another store with --db",
  });
}

function fileError(path: string, error: unknown): LociError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const details = { where: path, cause: error };
  if (code === "EISDIR") {
    return new LociError("config", `${path} is a folder; the store is one file.`, {
      ...details,
      next: `Name a file in it: --db ${path}/loci.db`,
    });
  }
  if (code === "ENOTDIR" || code === "EEXIST") {
    return new LociError("config", `The folder of ${path} cannot be made: a file has its name.`, details);
  }
  return new LociError("permission", `${path} cannot be made or written here (${code || String(error)}).`, {
    ...details,
    next: "Let your user write there, or name another place with --db",
  });
}

/**
 * Puts a damaged store out of the way and never deletes it: the file, its log and its lock table get
 * `.corrupt-<time>` after the file's name. Answers the new name of the file.
 */
export function setAside(path: string, now: number = Date.now()): string {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  let target = `${path}.corrupt-${time}`;
  for (let n = 2; existsSync(target); n++) target = `${path}.corrupt-${time}-${n}`;
  // The log first: a file without its log is an older state, and nothing must take it for whole.
  for (const suffix of ["-wal", "-shm", ""]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  }
  return target;
}
