import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { LociError } from "../../errors.ts";
import { quoted } from "../sql/writer.ts";

/** A row of another program's table: numbers, texts and nulls; what is bytes is null. */
export type ForeignRow = Readonly<Record<string, string | number | null>>;

/**
 * The rows of a table in another program's SQLite file, null where it has no such table. A copy is read: that program
 * finds neither a lock nor a file of ours beside its own. Errors: `invalid` for what is no such file, or encrypted.
 */
export function readForeignTable(path: string, table: string): ForeignRow[] | null {
  const folder = mkdtempSync(join(tmpdir(), "loci-copy-"));
  try {
    const copy = join(folder, "copy.db");
    copyFileSync(path, copy);
    // Its newest rows may stand in the log only.
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
    const db = new Database(copy);
    try {
      return rowsOf(db, table);
    } finally {
      db.close();
    }
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
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowsOf(db: Database.Database, table: string): ForeignRow[] | null {
  const ofTable = `pragma_table_info('${table.replaceAll("'", "''")}')`;
  const columns = listed(db, `select cast(json_group_array(name) as blob) from ${ofTable}`);
  const names = columns.flatMap((list) => list.map(String));
  if (names.length === 0) return null;
  // As bytes: libsql 0.5.29 ends the process where a text that it reads is not UTF-8.
  const values = names.map(
    (name) => `case typeof(${quoted(name)}) when 'blob' then null else ${quoted(name)} end`,
  );
  const rows = listed(db, `select cast(json_array(${values.join(", ")}) as blob) from ${quoted(table)}`);
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, plain(row[at])])));
}

function listed(db: Database.Database, sql: string): unknown[][] {
  const rows = db.prepare(sql).raw().all([]);
  return rows.map((row) => {
    const [bytes] = Array.isArray(row) ? row : [];
    const list: unknown = JSON.parse(Buffer.from(bytes instanceof Uint8Array ? bytes : []).toString("utf8"));
    return Array.isArray(list) ? list : [];
  });
}

function plain(value: unknown): string | number | null {
  return typeof value === "string" || typeof value === "number" ? value : null;
}
