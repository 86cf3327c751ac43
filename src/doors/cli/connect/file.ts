import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { LociError } from "../../../errors.ts";

/** A file of somebody else's, as it is now. */
export interface Found {
  /** Where its bytes are, behind all links. */
  readonly path: string;
  /** Undefined where there is none. */
  readonly bytes: Buffer | undefined;
  readonly text: string;
}

export function readConfig(file: string): Found {
  const path = behindLinks(file);
  let bytes: Buffer | undefined;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    if (!isMissing(cause)) throw unusable(path, "read", cause);
  }
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { path, bytes, text: bytes === undefined ? "" : decoder.decode(bytes) };
  } catch (cause) {
    throw new LociError("config", "The file is not UTF-8, so nothing was changed.", {
      where: path,
      next: "Save it as UTF-8, then ask again.",
      cause,
    });
  }
}

/** What a link names, also where nothing is there yet. */
function behindLinks(file: string): string {
  if (existsSync(file)) return realpathSync(file);
  try {
    if (lstatSync(file).isSymbolicLink()) return resolve(dirname(file), readlinkSync(file));
  } catch (cause) {
    if (!isMissing(cause)) throw unusable(file, "read", cause);
  }
  return file;
}

/**
 * Puts these bytes there, or takes the file away: all or nothing, the mode kept. Answers the folders that were made.
 * Errors: `busy` where somebody else wrote meanwhile.
 */
export function replaceFile(found: Found, bytes: Buffer | undefined, mode: number): readonly string[] {
  const { path } = found;
  const folder = dirname(path);
  try {
    const made = makeFolders(folder);
    const old = existsSync(path) ? statSync(path) : undefined;
    const beside = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}`);
    try {
      if (bytes !== undefined) writeWhole(beside, bytes, old === undefined ? mode : old.mode & 0o7777);
      if (old !== undefined && bytes !== undefined) keepOwner(beside, old);
      const now = existsSync(path) ? readFileSync(path) : undefined;
      const same =
        now === undefined || found.bytes === undefined ? now === found.bytes : now.equals(found.bytes);
      if (!same) {
        throw new LociError("busy", "Another program wrote the file meanwhile, so nothing was changed.", {
          where: path,
          next: "Ask again.",
        });
      }
      if (bytes === undefined) rmSync(path, { force: true });
      else renameSync(beside, path);
    } finally {
      rmSync(beside, { force: true });
    }
    return made;
  } catch (cause) {
    throw cause instanceof LociError ? cause : unusable(path, "written", cause);
  }
}

function writeWhole(path: string, bytes: Buffer, mode: number): void {
  const descriptor = openSync(path, "wx", mode);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Under sudo the file stays its owner's. */
function keepOwner(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  const own = statSync(path);
  if (own.uid !== uid || own.gid !== gid) chownSync(path, uid, gid);
}

function makeFolders(folder: string): readonly string[] {
  const first = mkdirSync(folder, { recursive: true, mode: 0o755 });
  const made: string[] = [];
  for (let at = folder; first !== undefined && at.startsWith(first); at = dirname(at)) made.push(at);
  return made;
}

/** Folders that are empty again go, the innermost first. */
export function removeFolders(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Somebody keeps something there by now.
      return;
    }
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function unusable(path: string, what: string, cause: unknown): LociError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LociError("permission", `The file cannot be ${what}: ${why}`, {
    where: path,
    next: "Make it yours, or write the entry by hand: docs/connect.md",
    cause,
  });
}
