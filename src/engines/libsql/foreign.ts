import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { LociError } from "../../errors.ts";
import { quoted } from "../sql/writer.ts";

/** A row of another program's table: numbers, texts and nulls; what is bytes is null. */
export type ForeignRow = Readonly<Record<string, string | number | null>>;

/** Another program's SQLite file, as it was at one moment. */
export interface ForeignDatabase extends Disposable {
  /** Null where there is no such table. */
  rows(table: string, where?: Readonly<Record<string, string>>): ForeignRow[] | null;
  /** For each group its count of rows and the newest value of a column, as a text that changes when a row does. */
  digests(table: string, by: string, column: string): ReadonlyMap<string, string>;
}

/**
 * Opens a copy: that program finds neither a lock nor a file of ours beside its own, and its log is never written back
 * by us. Errors: `invalid` for what is no such file, or encrypted; `busy` where it changes faster than it is copied.
 */
export function openForeign(path: string): ForeignDatabase {
  const folder = mkdtempSync(join(tmpdir(), "loci-copy-"));
  try {
    const copy = join(folder, "copy.db");
    copyWhole(path, copy);
    const db = opened(path, copy);
    return {
      rows: (table, where) => rowsOf(db, table, where),
      digests: (table, by, column) => digestsOf(db, table, { by, column }),
      [Symbol.dispose]() {
        db.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function opened(path: string, copy: string): Database.Database {
  try {
    const db = new Database(copy);
    db.prepare("select count(*) from sqlite_master").raw().all([]);
    return db;
  } catch (cause) {
    throw new LociError(
      "invalid",
      "It is no SQLite database that can be read: another format, or encrypted.",
      {
        where: path,
        next: "Decrypt it with the program that wrote it, then import it again.",
        cause,
      },
    );
  }
}

/** How often a file that changes while it is copied is copied again. */
const tries = 20;

/**
 * The newest rows may stand in the log only. Its copy fits that of the file when no checkpoint fell between: that
 * would have changed the file, or begun the log anew with another salt. What is appended meanwhile does no harm.
 */
function copyWhole(path: string, copy: string): void {
  for (let round = 0; round < tries; round++) {
    const before = markOf(path);
    copyFileSync(path, copy);
    rmSync(`${copy}-wal`, { force: true });
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
    if (markOf(path) === before) return;
  }
  throw new LociError("busy", "The database changes faster than it can be copied.", {
    where: path,
    next: "Import it again when the program that writes it is at rest.",
  });
}

function markOf(path: string): string {
  const { size, mtimeNs } = statSync(path, { bigint: true });
  return `${size} ${mtimeNs} ${saltOf(`${path}-wal`)}`;
}

/** The head of a log: its salts change whenever it begins anew. */
function saltOf(path: string): string {
  if (!existsSync(path)) return "";
  const head = Buffer.alloc(32);
  const fd = openSync(path, "r");
  try {
    return head.toString("hex", 0, readSync(fd, head, 0, 32, 0));
  } finally {
    closeSync(fd);
  }
}

function columnsOf(db: Database.Database, table: string): string[] {
  const ofTable = `pragma_table_info('${table.replaceAll("'", "''")}')`;
  return listed(db, `select cast(json_group_array(name) as blob) from ${ofTable}`, []).flatMap((list) =>
    list.map(String),
  );
}

function rowsOf(
  db: Database.Database,
  table: string,
  where: Readonly<Record<string, string>> = {},
): ForeignRow[] | null {
  const names = columnsOf(db, table);
  if (names.length === 0) return null;
  // As bytes: libsql 0.5.29 ends the process where a text that it reads is not UTF-8.
  const values = names.map(
    (name) => `case typeof(${quoted(name)}) when 'blob' then null else ${quoted(name)} end`,
  );
  const tests = Object.keys(where).map((name) => `${quoted(name)} = ?`);
  const rows = listed(
    db,
    `select cast(json_array(${values.join(", ")}) as blob) from ${quoted(table)}${tests.length === 0 ? "" : ` where ${tests.join(" and ")}`}`,
    Object.values(where),
  );
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, plain(row[at])])));
}

function digestsOf(
  db: Database.Database,
  table: string,
  { by, column }: { readonly by: string; readonly column: string },
): ReadonlyMap<string, string> {
  if (!columnsOf(db, table).includes(column)) return new Map();
  const group = quoted(by);
  const rows = listed(
    db,
    `select cast(json_array(${group}, count(*), max(${quoted(column)})) as blob) from ${quoted(table)} group by ${group}`,
    [],
  );
  return new Map(rows.map(([key, count, newest]) => [String(key), `${String(count)}:${String(newest)}`]));
}

function listed(db: Database.Database, sql: string, values: readonly string[]): unknown[][] {
  const rows = db
    .prepare(sql)
    .raw()
    .all([...values]);
  return rows.map((row) => {
    const [bytes] = Array.isArray(row) ? row : [];
    const list: unknown = JSON.parse(Buffer.from(bytes instanceof Uint8Array ? bytes : []).toString("utf8"));
    return Array.isArray(list) ? list : [];
  });
}

function plain(value: unknown): string | number | null {
  return typeof value === "string" || typeof value === "number" ? value : null;
}
