import Database from "libsql";
import {
  engineOfMark,
  type FileEngine,
  foreignDatabase,
  marks,
  otherEngine,
  refuseTursoFile,
} from "../file/mark.ts";
import type { Connection, Written } from "../file/session.ts";
import { type Answer, fellShort, query, type Statement, statement } from "../sql/client.ts";
import { bindList, countPlaces } from "./binder.ts";
import { makeFile, requireFile } from "./files.ts";

export interface ConnectionOptions {
  readonly readonly: boolean;
  /** Of a new file; one that is there keeps its own. */
  readonly pageSize?: number | undefined;
  /** Whose file it is: a copy of a Turso store is read by libSQL. Default: libSQL's own. */
  readonly engine?: FileEngine | undefined;
}

/**
 * How long one call may block its thread for another process. Short, because reads of this process wait behind it;
 * the patience of many seconds is above, where it waits on a timer.
 */
const blockFor = 100;

/** More texts than the domains have; each costs a few KB. */
const preparedAtMost = 300;

const savepoint = statement("savepoint one_write");
const undoWrite = statement("rollback to one_write");
const release = statement("release one_write");

type Prepared = { readonly run: Database.Statement; readonly places: number };

/**
 * Every call blocks the thread. A statement that was refused by a lock stays "in progress" in libsql 0.5.29 until the same
 * one runs again, and then neither WAL nor VACUUM can be had: so all statements stay prepared from one try to the next.
 */
export function openConnection(
  path: string,
  { readonly, pageSize = 4096, engine = "libsql" }: ConnectionOptions,
): Connection {
  if (engine === "libsql") refuseTursoFile(path);
  if (readonly) requireFile(path);
  else makeFile(path);
  const db = new Database(path, { timeout: blockFor });
  const cache = new Map<string, Prepared>();
  const prepare = (sql: string): Prepared => {
    const known = cache.get(sql);
    if (known) return known;
    const made = { run: db.prepare(sql), places: countPlaces(sql) };
    const [oldest] = cache.keys();
    if (cache.size >= preparedAtMost && oldest !== undefined) cache.delete(oldest);
    cache.set(sql, made);
    return made;
  };
  const run = ({ sql, sets, answers }: Statement): Answer => {
    const began = performance.now();
    const { run: statement, places } = prepare(sql);
    if (answers) {
      statement.raw();
      const rows = sets.flatMap((set) => statement.all(bindList(set, places)) as unknown[][]);
      return { changes: rows.length, rows, ms: performance.now() - began };
    }
    let changes = 0;
    for (const set of sets) changes += statement.run(bindList(set, places)).changes;
    return { changes, rows: [], ms: performance.now() - began };
  };
  return {
    setUp() {
      if (!readonly) db.exec(`pragma page_size = ${pageSize}`);
      ownFile(path, db, { readonly, engine, read: run });
      if (!readonly) db.exec("pragma journal_mode = wal");
      db.exec("pragma synchronous = normal");
      // Rows may arrive before their session.
      db.exec("pragma foreign_keys = off");
      // What is taken away is overwritten, not only unlinked.
      db.exec("pragma secure_delete = on");
      if (readonly) db.exec("pragma query_only = on");
    },
    read: run,
    write: (writes) => transact(db, writes, run),
    copyTo: (target) => void run(statement("vacuum into ?", [target])),
    check() {
      const { rows } = run(query("pragma quick_check"));
      return rows.map(([line]) => String(line)).filter((line) => line !== "ok");
    },
    close() {
      cache.clear();
      emptyLog(db);
      db.close();
    },
  };
}

function transact(
  db: Database.Database,
  writes: ReadonlyArray<readonly Statement[]>,
  run: (statement: Statement) => Answer,
): Written[] {
  db.exec("begin immediate");
  try {
    const [only] = writes;
    if (only && writes.length === 1) {
      const answers = runAll(only, run);
      // The only write of a transaction is undone with it.
      db.exec(answers.length < only.length ? "rollback" : "commit");
      return [{ answers }];
    }
    const written = runEach(db, writes, run);
    db.exec("commit");
    return written;
  } catch (error) {
    // A full disk or an I/O error has rolled back already.
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}

function runAll(statements: readonly Statement[], run: (statement: Statement) => Answer): Answer[] {
  const answers: Answer[] = [];
  for (const statement of statements) {
    const answer = run(statement);
    if (fellShort(statement, answer)) return [];
    answers.push(answer);
  }
  return answers;
}

function runEach(
  db: Database.Database,
  writes: ReadonlyArray<readonly Statement[]>,
  run: (statement: Statement) => Answer,
): Written[] {
  return writes.map((statements): Written => {
    run(savepoint);
    try {
      const answers = runAll(statements, run);
      if (answers.length < statements.length) run(undoWrite);
      return { answers };
    } catch (error) {
      if (!db.inTransaction) throw error;
      run(undoWrite);
      return { error };
    } finally {
      if (db.inTransaction) run(release);
    }
  });
}

/**
 * libsql 0.5.29 leaves the log beside the file when it closes, so that a copy of the file alone would be without the last
 * rows: we empty it ourselves. Where others have the file open, the last of them does.
 */
function emptyLog(db: Database.Database): void {
  try {
    db.prepare("pragma wal_checkpoint(truncate)").raw().all([]);
  } catch {
    // Locked by somebody, closed to writing, or no database at all: nothing of it is lost.
  }
}

/** A file is ours by its mark, or when there is nothing in it yet. */
function ownFile(
  path: string,
  db: Database.Database,
  {
    readonly,
    engine,
    read,
  }: Pick<ConnectionOptions, "readonly"> & {
    readonly engine: FileEngine;
    readonly read: (statement: Statement) => Answer;
  },
): void {
  const isOurs = (): boolean => {
    const owner = engineOfMark(read(query("pragma application_id")).rows[0]?.[0]);
    if (owner !== undefined && owner !== engine) throw otherEngine(path, owner);
    return owner !== undefined;
  };
  const tables = (): string[] => {
    const { rows } = read(query("select cast(name as blob) from sqlite_master where type = 'table' limit 5"));
    return rows.map(([name]) => String(name));
  };
  if (isOurs()) return;
  if (readonly) throw foreignDatabase(path, tables());
  db.exec("begin immediate");
  try {
    const found = tables();
    if (!isOurs()) {
      if (found.length > 0) throw foreignDatabase(path, found);
      db.exec(`pragma application_id = ${marks[engine]}`);
    }
    db.exec("commit");
  } catch (error) {
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}
