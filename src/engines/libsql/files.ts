import { randomUUID } from "node:crypto";
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../../engine/folder.ts";
import { LociError } from "../../errors.ts";

/**
 * Makes the folder (0700) and the file (0600) where they are not; SQLite gives `-wal` and `-shm` the file's mode.
 *
 * A process that closes any handle of a database loses the locks of all its handles of it, and then another process
 * may take the log for its own. So the file is made under another name, closed, and only then put in its place; and
 * nobody opens a database with `fs` in a process that may have an engine on it.
 */
export function makeFile(path: string): void {
  try {
    makeFolder(dirname(path));
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw isFolder(path);
    if (there) return;
    const fresh = `${path}.${randomUUID()}.new`;
    closeSync(openSync(fresh, "wx", 0o600));
    try {
      linkSync(fresh, path);
    } catch (error) {
      // Another process was faster, or the disk has no links (exFAT).
      if (!existsSync(path)) renameSync(fresh, path);
      else if (codeOf(error) !== "EEXIST") throw error;
    } finally {
      rmSync(fresh, { force: true });
    }
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

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function isFolder(path: string): LociError {
  return new LociError("config", `${path} is a folder; the store is one file.`, {
    where: path,
    next: `Name a file in it: --db ${path}/loci.db`,
  });
}

function fileError(path: string, error: unknown): LociError {
  if (error instanceof LociError) return error;
  const code = codeOf(error);
  const details = { where: path, cause: error };
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
