import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { LociError } from "../../errors.ts";

/**
 * A store's file has one engine. It is said twice: in SQLite's header, where it travels with the file, and for Turso by
 * an empty file beside it, `X.db-turso`. Looking at that one opens nothing: a process that closes any handle of a
 * database loses the locks that its engines hold on it, so a file is not opened only to find out whose it is.
 */
export type FileEngine = "libsql" | "turso";

/** `application_id`: "Loci" and "LocT". */
export const marks: Readonly<Record<FileEngine, number>> = { libsql: 0x4c6f6369, turso: 0x4c6f6354 };

export function engineOfMark(mark: unknown): FileEngine | undefined {
  if (mark === marks.libsql) return "libsql";
  return mark === marks.turso ? "turso" : undefined;
}

function besideOf(path: string): string {
  return `${path}-turso`;
}

/** Before libSQL opens a file. A mark without a file is what somebody left behind who removed the store. */
export function refuseTursoFile(path: string): void {
  const beside = besideOf(path);
  if (!existsSync(beside)) return;
  if (existsSync(path)) throw otherEngine(path, "turso");
  rmSync(beside, { force: true });
}

export function hasTursoMark(path: string): boolean {
  return existsSync(besideOf(path));
}

export function setTursoMark(path: string): void {
  closeSync(openSync(besideOf(path), "a", 0o600));
}

/** The file is `owner`'s. */
export function otherEngine(path: string, owner: FileEngine): LociError {
  const move = "loci export --db A -o all.jsonl, then loci import all.jsonl --db B";
  const sentence =
    owner === "turso"
      ? `${path} is a store of the Turso engine, and a file has one engine.`
      : `${path} is a store of libSQL, Loci's default engine, and a file has one engine.`;
  const name = owner === "turso" ? `turso:${path}` : path;
  return new LociError("config", `${sentence} Nothing was changed.`, {
    where: path,
    next: `Name it as it is: --db ${name}; or take it into another: ${move}`,
  });
}

export function foreignDatabase(path: string, tables: readonly string[]): LociError {
  return new LociError(
    "config",
    `${path} is a database of another program (it has ${tables.join(", ") || "no mark of ours"}). Nothing was changed.`,
    { where: path, next: "Name another file with --db, or a new one: loci --db ~/.loci/loci.db" },
  );
}
