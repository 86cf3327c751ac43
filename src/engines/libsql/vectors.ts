import type { SqlAnswer, SqlOptions, SqlVectorSearch } from "../../engine/engine.ts";
import type { ReadStatement } from "../sql/guard.ts";
import { type VectorTable, vectorTable, vectorText } from "../sql/vectors.ts";
import { quoted } from "../sql/writer.ts";

type Read = (statement: ReadStatement, options?: SqlOptions) => Promise<SqlAnswer>;

/** The function that makes a vector of a column's type. */
const makers: Readonly<Record<string, string>> = {
  FLOAT32: "vector32",
  F32_BLOB: "vector32",
  FLOAT64: "vector64",
  F64_BLOB: "vector64",
  FLOAT16: "vector16",
  F16_BLOB: "vector16",
  FLOATB16: "vectorb16",
  FB16_BLOB: "vectorb16",
  FLOAT8: "vector8",
  F8_BLOB: "vector8",
};

const typed = /^(\w+)\s*\(\s*(\d+)\s*\)$/;

/** Our own statement: names are those of the schema, values are bound. It runs where every question runs. */
function ours(text: string, places: number): ReadStatement {
  return { kind: "rows", text, inner: text, names: new Set(), places };
}

/** By the index of the column where it has one (approximate, and fast), else by looking at each row. */
export async function nearestRows(search: SqlVectorSearch, read: Read): Promise<SqlAnswer> {
  const catalog = ours(
    `select m.name, c.name, c.type from sqlite_master m, pragma_table_xinfo(m.name) c
     where m.type = 'table' and lower(m.name) = lower(?) and c.hidden = 0`,
    1,
  );
  const { rows } = await read(catalog, { params: [search.table] });
  const columns = rows.map(([table, name, type]) => ({
    table: String(table),
    name: String(name),
    type: String(type).toUpperCase(),
  }));
  const found = vectorTable(search, columns, (type) => type === "BLOB" || typed.test(type));
  const [, type = "", size] = typed.exec(found.column.type) ?? [];
  const vector = vectorText(search, size === undefined ? undefined : Number(size));
  const value = `${makers[type] ?? "vector32"}(?)`;
  const index = await indexOf(found, read);
  const column = `t.${quoted(found.column.name)}`;
  const chosen = [
    ...found.others.map((name) => `t.${quoted(name)}`),
    `vector_distance_cos(${column}, ${value}) as distance`,
  ].join(", ");
  const table = quoted(found.table);
  if (index === undefined) {
    const all = `select ${chosen} from ${table} t where ${column} is not null order by distance limit ${search.limit}`;
    return read(ours(all, 1), { params: [vector] });
  }
  const near = `select ${chosen} from vector_top_k(?, ${value}, ${search.limit}) near
    join ${table} t on t.rowid = near.id order by distance`;
  return read(ours(near, 3), { params: [vector, index, vector] });
}

async function indexOf({ table, column }: VectorTable, read: Read): Promise<string | undefined> {
  const { rows } = await read(
    ours("select name, sql from sqlite_master where type = 'index' and tbl_name = ? and sql is not null", 1),
    { params: [table] },
  );
  const of = (sql: unknown): string | undefined =>
    /libsql_vector_idx\s*\(\s*["`[]?([^"`\],)]+)/i.exec(String(sql))?.[1];
  const found = rows.find(([, sql]) => of(sql)?.trim().toLowerCase() === column.name.toLowerCase());
  return found === undefined ? undefined : String(found[0]);
}
