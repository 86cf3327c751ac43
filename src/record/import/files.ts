import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCode, LociError } from "../../errors.ts";

/** A file that may hold sessions. */
export interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedAt: number;
}

/** The folder of the sample sessions that come with the package. */
export function samplesFolder(): string {
  return fileURLToPath(new URL("../../../samples/projects/", import.meta.url));
}

export interface FindOptions {
  /** Told of a folder that cannot be read below one that was given: the rest is found all the same. */
  readonly onUnreadable?: ((folder: string, error: Error) => void) | undefined;
  /** Told of each folder that is looked through. */
  readonly onFolder?: ((folder: string) => void) | undefined;
}

/** The `.jsonl` files below these paths, the newest first; a file is taken whatever its name is. */
export function findFiles(paths: readonly string[], options: FindOptions = {}): FoundFile[] {
  const found = new Map<string, FoundFile>();
  for (const given of paths) {
    // An empty path would be the folder where the person stands.
    if (given === "")
      throw new LociError("invalid", "An empty path names no file.", { next: "loci import PATH" });
    const path = resolve(given);
    const stats = statsOf(path);
    if (stats.isDirectory()) walk(path, { ...options, found, entries: entriesOf(path) });
    else if (stats.isFile()) found.set(path, fileOf(path, stats));
    else throw notPlain(path);
  }
  return [...found.values()].sort((a, b) => b.modifiedAt - a.modifiedAt || (a.path < b.path ? -1 : 1));
}

/** The same; a folder that is not there, or not ours to read, has none: the caller says where it looked. */
export function filesIn(path: string, options: FindOptions = {}): FoundFile[] {
  try {
    return findFiles([path], options);
  } catch {
    return [];
  }
}

/** One file; undefined where there is none. */
export function fileAt(path: string): FoundFile | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? fileOf(path, stats) : undefined;
}

function fileOf(path: string, stats: Stats): FoundFile {
  return { path, size: stats.size, modifiedAt: Math.floor(stats.mtimeMs) };
}

const systemCodes: Readonly<Record<string, ErrorCode>> = { ENOENT: "not-found", ENOTDIR: "not-found" };

function statsOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw missing(path, error);
  }
}

function missing(path: string, cause: unknown): LociError {
  const system = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const code = Object.hasOwn(systemCodes, system) ? "not-found" : "permission";
  const said = code === "not-found" ? "There is no file or folder of this name." : "It cannot be read.";
  return new LociError(code, `Sessions to import were expected here. ${said}`, {
    where: path,
    next: code === "not-found" ? "loci import PATH" : `ls -ld ${path}`,
    cause,
  });
}

/** A pipe would be waited for without end, and no import could go on where it stopped. */
function notPlain(path: string): LociError {
  return new LociError("invalid", "Sessions are imported from files and folders. This is neither.", {
    where: path,
    next: "Write it to a file first: cat PIPE > FILE, then loci import FILE",
  });
}

interface Walk extends FindOptions {
  readonly found: Map<string, FoundFile>;
  readonly entries: readonly Dirent[];
}

function walk(folder: string, { entries, ...rest }: Walk): void {
  const { found, onUnreadable, onFolder } = rest;
  onFolder?.(folder);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    // A link to a folder is not followed: it could lead back up.
    if (entry.isDirectory()) walk(path, { ...rest, entries: below(path, onUnreadable) });
    else if (entry.name.endsWith(".jsonl")) {
      const file = fileAt(path);
      if (file !== undefined) found.set(path, file);
    }
  }
}

function below(folder: string, onUnreadable: FindOptions["onUnreadable"]): Dirent[] {
  try {
    return entriesOf(folder);
  } catch (error) {
    if (onUnreadable === undefined || !(error instanceof Error)) throw error;
    onUnreadable(folder, error);
    return [];
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw missing(folder, error);
  }
}

/** The name of a file without its ending. */
export function stemOf(path: string): string {
  return basename(path).replace(/\.jsonl$/, "");
}
