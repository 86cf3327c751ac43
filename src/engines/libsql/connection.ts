import Database from "libsql";
import { LociError } from "../../errors.ts";
import { type Answer, fellShort, query, type Statement, statement } from "../sql/client.ts";
import { bindList, countPlaces } from "./binder.ts";
import { makeFile, requireFile } from "./files.ts";

export interface ConnectionOptions {
  readonly readonly: boolean;
  /** Of a new file; one that is there keeps its own. */
  readonly pageSize?: number | undefined;
}

/** One open file, in the thread that calls: every call blocks it. Errors are the driver's own. */
export interface Connection {
  /**
   * Comes first, and again after `busy`: another process may be making the file, or recovering it. A statement that was
   * refused by a lock stays "in progress" in libsql 0.5.29 until the same one runs again, and then neither WAL nor VACUUM
   * can be had: so all statements stay prepared from one try to the next.
   */
  setUp(): void;
  read(statement: Statement): Answer;
  /**
   * One immediate transaction for several writes, each of which is done whole or not at all: a file takes one commit at a
   * time, and most of a small write is its commit.
   */
  write(writes: ReadonlyArray<readonly Statement[]>): Written[];
  /** A whole and consistent copy at that path, where nothing may be. */
  copyTo(path: string): void;
  /** What `PRAGMA quick_check` finds; empty is good. It reads the whole file. */
  check(): string[];
  close(): void;
}

/** What became of one write: no answers where a statement changed fewer rows than its `least`. */
export type Written = { readonly answers: Answer[] } | { readonly error: unknown };

/** "Loci", in the four bytes of SQLite's header that say whose file it is. */
const applicationId = 0x4c6f6369;

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

export function openConnection(path: string, { readonly, pageSize = 4096 }: ConnectionOptions): Connection {
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
      ownFile(path, db, { readonly, read: run });
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
  { readonly, read }: { readonly readonly: boolean; readonly read: (statement: Statement) => Answer },
): void {
  const isOurs = (): boolean => read(query("pragma application_id")).rows[0]?.[0] === applicationId;
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
      db.exec(`pragma application_id = ${applicationId}`);
    }
    db.exec("commit");
  } catch (error) {
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}

function foreignDatabase(path: string, tables: readonly string[]): LociError {
  return new LociError(
    "config",
    `${path} is a database of another program (it has ${tables.join(", ") || "no mark of ours"}). Nothing was changed.`,
    { where: path, next: "Name another file with --db, or a new one: loci --db ~/.loci/loci.db" },
  );
}
