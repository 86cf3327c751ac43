import { existsSync, statSync } from "node:fs";
import Database from "libsql";
import { LociError } from "../../errors.ts";
import { sqliteKind } from "../libsql/errors.ts";
import { engineOfMark, foreignDatabase, hasTursoMark, otherEngine } from "../file/mark.ts";

/**
 * Before Turso opens a file that has no mark of it beside: libSQL looks whose it is. Turso may not be able to open it at
 * all (FTS5, a vector index), and where this process has it open with libSQL, Turso would take it in spite of that.
 * Answers false where that could not be found out.
 */
export function isForTurso(path: string): boolean {
  if (hasTursoMark(path) || statSync(path).size === 0) return true;
  const db = new Database(path, { timeout: 100 });
  try {
    const [first] = db.prepare("pragma application_id").raw().all([]);
    const mark: unknown = Array.isArray(first) ? first[0] : undefined;
    const owner = engineOfMark(mark);
    if (owner === "libsql") throw otherEngine(path, owner);
    if (owner === "turso") return true;
    const rows = db
      .prepare("select cast(name as blob) from sqlite_master where type = 'table' limit 5")
      .raw();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one column, cast to bytes
    const names = (rows.all([]) as Buffer[][]).map(([name]) => String(name));
    if (names.length > 0) throw foreignDatabase(path, names);
    return true;
  } catch (error) {
    // Held by a process that has it open: Turso's own word on that is the clearer one. Damage is, too.
    if (sqliteKind(error) === undefined) throw error;
    return false;
  } finally {
    db.close();
  }
}

/**
 * What is written without the sync engine is not in its list of changes, and would never reach the server: a file is
 * synced from its beginning to its end.
 */
export function checkSynced(path: string, synced: boolean): void {
  const wasSynced = existsSync(`${path}-info`);
  if (wasSynced === synced || (synced && statSync(path).size === 0)) return;
  const sentence = wasSynced
    ? `${path} is synced by Turso, and was opened without the server's URL: what is written so would never reach it.`
    : `${path} was made without Turso's sync, which would never send what is in it.`;
  throw new LociError("config", `${sentence} Nothing was changed.`, {
    where: path,
    next: wasSynced
      ? "open(url, { sync: { url, authToken } })"
      : "Take it into a new one: loci export, then loci import",
  });
}
