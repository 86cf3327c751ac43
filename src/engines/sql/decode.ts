import type { AnyCollection } from "../../model/collection.ts";
import { fieldColumns } from "./compile.ts";
import type { Dialect } from "./dialect.ts";

export type Row = Record<string, unknown>;

export function decodeRows(
  dialect: Dialect,
  from: AnyCollection,
  { fields, rows }: { readonly fields: readonly string[]; readonly rows: ReadonlyArray<readonly unknown[]> },
): Row[] {
  const columns = fieldColumns(from, fields);
  const unpack = dialect.unpacker(columns);
  return rows.map((packed) => {
    const values = unpack(packed);
    const row: Row = {};
    for (const [i, name] of fields.entries()) {
      const raw = values[i] ?? null;
      row[name] = raw === null ? null : dialect.decode(columns[i]?.kind ?? "text", raw);
    }
    return row;
  });
}
