import { chmodSync, closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bindList, countPlaces } from "../libsql/binder.ts";
import { makeFile, requireFile } from "../libsql/files.ts";
import type { Connection, Written } from "../file/session.ts";
import { engineOfMark, foreignDatabase, marks, otherEngine, setTursoMark } from "../file/mark.ts";
import { type Answer, fellShort, query, type Statement, statement } from "../sql/client.ts";
import type { TursoDatabase, TursoStatement } from "./driver.ts";
import { isLocked } from "./errors.ts";
import { checkSynced, isForTurso } from "./owner.ts";

export interface TursoConnectionOptions {
  readonly readonly: boolean;
  /** Of a new file; one that is there keeps its own. */
  readonly pageSize?: number | undefined;
  /** Its pages come from a server as well, whose header has no mark. */
  readonly synced?: boolean;
}

export interface TursoConnection<Database extends TursoDatabase> extends Connection {
  readonly db: Database;
  /** Sets the mark where it is missing. */
  own(): Promise<void>;
}

/** How long a call may block its thread for another thread's transaction; the patience is above. */
export const blockFor = 100;

/** A process that has the file open keeps it: the wait is for one that is just ending. */
const lockedFor = 1_500;

/** Every preparing leaks some 2 KB in 0.7.2: what is run again stays prepared. */
const preparedAtMost = 300;

const begin = statement("begin immediate");
const commit = statement("commit");
const rollback = statement("rollback");
const savepoint = statement("savepoint one_write");
const undoWrite = statement("rollback to one_write");
const release = statement("release one_write");

type Prepared = { readonly run: TursoStatement; readonly places: number };

/** `connect` opens the file, which is there. Errors are the driver's own. */
export async function openTursoConnection<Database extends TursoDatabase>(
  path: string,
  connect: () => Promise<Database>,
  { readonly, pageSize = 4096, synced = false }: TursoConnectionOptions,
): Promise<TursoConnection<Database>> {
  if (readonly) requireFile(path);
  else makeFile(path);
  // Turso gives its log the mode that everything has, and it holds what the file holds.
  if (!readonly) closeToOthers(`${path}-wal`);
  // Before Turso makes anything of it: who finds the mark does not open the file only to look whose it is, and a thread
  // that closed it again would take the lock from the others.
  if (isForTurso(path)) setTursoMark(path);
  checkSynced(path, synced);
  const db = await connectPatiently(connect);
  const cache = new Map<string, Prepared>();
  const prepare = async (sql: string): Promise<Prepared> => {
    const known = cache.get(sql);
    if (known) return known;
    const made = { run: await db.prepare(sql), places: countPlaces(sql) };
    const [oldest] = cache;
    if (cache.size >= preparedAtMost && oldest) {
      cache.delete(oldest[0]);
      oldest[1].run.close();
    }
    cache.set(sql, made);
    return made;
  };
  const run = async ({ sql, sets, answers }: Statement): Promise<Answer> => {
    const began = performance.now();
    const { run: prepared, places } = await prepare(sql);
    if (answers) {
      prepared.raw(true);
      const rows: unknown[][] = [];
      for (const set of sets) rows.push(...(await prepared.all(bindList(set, places))));
      return { changes: rows.length, rows, ms: performance.now() - began };
    }
    let changes = 0;
    for (const set of sets) changes += (await prepared.run(bindList(set, places))).changes;
    return { changes, rows: [], ms: performance.now() - began };
  };
  return {
    db,
    async setUp() {
      if (!readonly && !synced) await db.exec(`pragma page_size = ${pageSize}`);
      await ownFile(path, db, { readonly, synced, run });
      // Each commit is on the disk: the engine is beta, and its log is the only copy.
      await db.exec("pragma synchronous = full");
    },
    own: () => ownFile(path, db, { readonly, synced, run }),
    read: run,
    write: (writes) => transact(db, writes, run),
    // It takes no bound value.
    copyTo: (target) => db.exec(`vacuum into '${target.replaceAll("'", "''")}'`),
    async check() {
      const { rows } = await run(query("pragma quick_check"));
      return rows.map(([line]) => String(line)).filter((line) => line !== "ok");
    },
    async close() {
      for (const { run: prepared } of cache.values()) prepared.close();
      cache.clear();
      // The file alone is then whole; others of this process may still be at it, and then the log stays. The log of a
      // synced file is its sync engine's.
      if (!synced) await db.exec("pragma wal_checkpoint(truncate)").catch(() => undefined);
      await db.close();
    },
  };
}

function closeToOthers(log: string): void {
  closeSync(openSync(log, "a", 0o600));
  chmodSync(log, 0o600);
}

async function connectPatiently<Database>(connect: () => Promise<Database>): Promise<Database> {
  for (const began = performance.now(); ; await sleep(50)) {
    try {
      return await connect();
    } catch (error) {
      if (!isLocked(error) || performance.now() - began > lockedFor) throw error;
    }
  }
}

type Run = (statement: Statement) => Promise<Answer>;

async function transact(
  db: TursoDatabase,
  writes: ReadonlyArray<readonly Statement[]>,
  run: Run,
): Promise<Written[]> {
  await run(begin);
  try {
    const [only] = writes;
    if (only && writes.length === 1) {
      const answers = await runAll(only, run);
      // The only write of a transaction is undone with it.
      await run(answers.length < only.length ? rollback : commit);
      return [{ answers }];
    }
    const written: Written[] = [];
    for (const statements of writes) written.push(await runOne(db, statements, run));
    await run(commit);
    return written;
  } catch (error) {
    if (db.inTransaction) await run(rollback);
    throw error;
  }
}

async function runAll(statements: readonly Statement[], run: Run): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const one of statements) {
    const answer = await run(one);
    if (fellShort(one, answer)) return [];
    answers.push(answer);
  }
  return answers;
}

async function runOne(db: TursoDatabase, statements: readonly Statement[], run: Run): Promise<Written> {
  await run(savepoint);
  try {
    const answers = await runAll(statements, run);
    if (answers.length < statements.length) await run(undoWrite);
    return { answers };
  } catch (error) {
    if (!db.inTransaction) throw error;
    await run(undoWrite);
    return { error };
  } finally {
    if (db.inTransaction) await run(release);
  }
}

/** A file is ours by its mark, or when there is nothing in it yet. */
async function ownFile(
  path: string,
  db: TursoDatabase,
  { readonly, synced, run }: { readonly readonly: boolean; readonly synced: boolean; readonly run: Run },
): Promise<void> {
  const isOurs = async (): Promise<boolean> => {
    const owner = engineOfMark((await run(query("pragma application_id"))).rows[0]?.[0]);
    if (owner === "libsql") throw otherEngine(path, owner);
    return owner === "turso";
  };
  const tables = async (): Promise<string[]> => {
    const { rows } = await run(query("select name from sqlite_master where type = 'table' limit 100"));
    const names = rows.map(([name]) => String(name)).filter((name) => !/^(_*turso_|sqlite_)/.test(name));
    // What a server has of ours comes without our mark.
    const isSyncedStore = synced && names.some((name) => name.endsWith("schema_version"));
    return isSyncedStore ? [] : names.slice(0, 5);
  };
  if (!(await isOurs())) {
    if (readonly) throw foreignDatabase(path, await tables());
    await run(begin);
    try {
      const found = await tables();
      if (!(await isOurs())) {
        if (found.length > 0) throw foreignDatabase(path, found);
        await db.exec(`pragma application_id = ${marks.turso}`);
      }
      await run(commit);
    } catch (error) {
      if (db.inTransaction) await run(rollback);
      throw error;
    }
  }
  setTursoMark(path);
}
