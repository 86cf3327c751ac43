import Database from "libsql";
import type { SqlExecuted } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { columnName } from "../../model/collection.ts";
import { ownCollections } from "../../model/schema.ts";
import { syncVersions } from "../../model/sync.ts";
import { createAnswer, type Limits } from "../sql/guard-answer.ts";
import { checkChange } from "../sql/guard-program.ts";
import { type Change, isKept, sqliteWriting } from "../sql/guard-write.ts";
import { quoted } from "../sql/writer.ts";
import type { Bindable } from "./binder.ts";

const heapLimit = 192 * 1024 * 1024;

/** A connection that writes, for the process that runs statements somebody else wrote. */
export function openForChanges(path: string): Database.Database {
  // The wait blocks this thread only; the process's main thread watches the deadline.
  const db = new Database(path, { timeout: 4_000 });
  db.exec(`pragma temp_store = memory; pragma hard_heap_limit = ${heapLimit}; pragma cell_size_check = on`);
  db.exec(
    "pragma mmap_size = 0; pragma synchronous = normal; pragma foreign_keys = off; pragma recursive_triggers = off",
  );
  return db;
}

interface How {
  readonly values: readonly Bindable[];
  readonly limits: Limits;
  readonly maxChanges: number;
}

/** One statement in one transaction: done as a whole, or not at all. */
export function change(db: Database.Database, statement: Change, how: How): SqlExecuted {
  db.exec("begin immediate");
  try {
    const executed = run(db, statement, how);
    db.exec("commit");
    return executed;
  } catch (error) {
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}

function run(db: Database.Database, statement: Change, { values, limits, maxChanges }: How): SqlExecuted {
  if (statement.index !== undefined) checkIndex(db, statement.index);
  if (statement.kind === "rows-changed") checkTables(db, statement, values);
  const before = statement.targets.map(({ name, verbs }) => (verbs.has("update") ? -1 : lastRow(db, name)));
  const prepared = db.prepare(statement.text);
  prepared.safeIntegers(true);
  let answer: Pick<SqlExecuted, "columns" | "rows" | "truncated"> = {
    columns: [],
    rows: [],
    truncated: false,
  };
  if (prepared.reader) {
    const raw = prepared.raw();
    const collected = createAnswer(
      raw.columns().map(({ name }) => name),
      limits,
    );
    // To its end, whatever is shown of it: a statement that is left in its middle cannot be committed.
    for (const row of raw.iterate([...values]) as Iterable<unknown[]>) collected.add(row);
    answer = collected.answer();
  } else {
    prepared.run([...values]);
  }
  if (statement.kind !== "rows-changed") return { ...answer, rowsAffected: 0, lastInsertRowid: null };
  const [rowsAffected, last] = one(db, "select changes(), last_insert_rowid()");
  if (Number(rowsAffected) > maxChanges) throw tooMany(Number(rowsAffected), maxChanges);
  for (const [i, { name }] of statement.targets.entries()) makeReadable(db, name, before[i] ?? -1);
  const inserted = statement.targets.at(-1)?.verbs.has("insert") === true && Number(rowsAffected) > 0;
  return { ...answer, rowsAffected: Number(rowsAffected), lastInsertRowid: inserted ? (last ?? null) : null };
}

export function tooMany(changed: number, most: number): LociError {
  return new LociError(
    "too-large",
    `The statement changes ${changed} rows, and ${most} are let through. It was undone.`,
    {
      next: "Narrow it with WHERE, do it in parts, or type it yourself: loci sql --write --yes --max-changes N",
    },
  );
}

function one(db: Database.Database, sql: string): Array<number | null> {
  return (db.prepare(sql).raw().all([]) as Array<Array<number | null>>)[0] ?? [];
}

function lastRow(db: Database.Database, table: string): number {
  return isKept(table) ? (one(db, `select max(rowid) from ${quoted(table)}`)[0] ?? 0) : 0;
}

/** The index that is dropped must not be one of ours. */
function checkIndex(db: Database.Database, index: string): void {
  const find = db
    .prepare("select tbl_name from sqlite_master where type = 'index' and lower(name) = ?")
    .raw();
  const [row] = find.all([index]) as string[][];
  if (row === undefined || !isKept(String(row[0]).toLowerCase())) return;
  throw new LociError("read-only", `${index} is Loci's own index: it is not dropped here.`);
}

/** The second look, at what SQLite made of it: the tables that the program opens for writing. */
function checkTables(db: Database.Database, statement: Change, values: readonly Bindable[]): void {
  const explain = db.prepare(`explain ${statement.text}`).raw();
  const steps = explain.all([...values]) as unknown[][];
  explain.get([...values]);
  const roots = new Map(
    (db.prepare("select rootpage, tbl_name from sqlite_master").raw().all([]) as Array<[number, string]>).map(
      ([page, table]) => [page, table.toLowerCase()],
    ),
  );
  const targets = new Set(statement.targets.map(({ name }) => name));
  const isNoted = areNoted(db, targets);
  for (const page of checkChange(steps, sqliteWriting.write.functions, isNoted)) {
    const table = roots.get(page);
    if (isNoted && table === syncVersions.name) continue;
    // A statement cannot name it; AUTOINCREMENT counts there.
    const isCounter = table === "sqlite_sequence";
    if (table !== undefined && (targets.has(table) || isCounter || !isKept(table))) continue;
    throw new LociError(
      "read-only",
      `The statement would change ${table ?? "the schema"}, which it does not name.`,
    );
  }
}

/** Whether there are triggers, and all of them are those of our own tables by which sync notes changes. */
function areNoted(db: Database.Database, targets: ReadonlySet<string>): boolean {
  const find = db.prepare("select name, lower(tbl_name) from sqlite_master where type = 'trigger'").raw();
  const triggers = (find.all([]) as string[][]).filter(([, table = ""]) => targets.has(table));
  return (
    triggers.length > 0 &&
    triggers.every(([name, table = ""]) => isKept(table) && name?.startsWith(`sync_${table}_`))
  );
}

/**
 * Rows of our own tables that a statement wrote are as our own code writes them: moments in the one form that sorts,
 * JSON as JSON (a plain text becomes a JSON text). A payload may be a plain text.
 */
function makeReadable(db: Database.Database, table: string, after: number): void {
  const collection = ownCollections.find(({ name }) => name === table);
  if (collection === undefined) return;
  for (const [field, { kind }] of Object.entries(collection.fields)) {
    const column = quoted(columnName(field));
    const rows = `${quoted(table)} where rowid > ${after} and ${column} is not null`;
    if (kind === "json") {
      db.exec(`update ${quoted(table)} set ${column} = json_quote(${column})
        where rowid > ${after} and ${column} is not null and not json_valid(${column})`);
    } else if (kind === "time") {
      const form = `strftime('%Y-%m-%d %H:%M:%f', ${column})`;
      const [wrong] = one(db, `select count(*) from ${rows} and ${form} is null`);
      if (wrong !== 0) throw unreadable(table, columnName(field), "a moment, such as CURRENT_TIMESTAMP");
      db.exec(
        `update ${quoted(table)} set ${column} = ${form} where rowid > ${after} and ${column} <> ${form}`,
      );
    } else if (kind === "integer" || kind === "real") {
      const [wrong] = one(
        db,
        `select count(*) from ${rows} and typeof(${column}) not in ('integer', 'real')`,
      );
      if (wrong !== 0) throw unreadable(table, columnName(field), "a number");
    } else if (kind === "id" || kind === "text") {
      const [wrong] = one(db, `select count(*) from ${rows} and typeof(${column}) <> 'text'`);
      if (wrong !== 0) throw unreadable(table, columnName(field), "a text");
    }
  }
}

function unreadable(table: string, column: string, expected: string): LociError {
  return new LociError("invalid", `${table}.${column} is ${expected}. Nothing was changed.`);
}
