import type { AnyCollection } from "../../model/collection.ts";
import { fieldColumns } from "./compile.ts";
import type { Column, Dialect } from "./dialect.ts";

export type Row = Record<string, unknown>;

export function decodeRows(
  dialect: Dialect,
  from: AnyCollection,
  { fields, rows }: { readonly fields: readonly string[]; readonly rows: ReadonlyArray<readonly unknown[]> },
): Row[] {
  const columns = fieldColumns(from, fields);
  const unpack = dialect.unpacker(columns);
  return rows.map((packed) => decodeRow(dialect, columns, { fields, values: unpack(packed) }));
}

export function decodeRow(
  dialect: Dialect,
  columns: readonly Column[],
  { fields, values }: { readonly fields: readonly string[]; readonly values: readonly unknown[] },
): Row {
  const row: Row = {};
  for (const [i, name] of fields.entries()) {
    const raw = values[i] ?? null;
    row[name] = raw === null ? null : dialect.decode(columns[i]?.kind ?? "text", raw);
  }
  return row;
}
