import type { SqlAnswer, SqlDoor, SqlVectorSearch } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { vectorTable, vectorText } from "../sql/vectors.ts";
import { quoted } from "../sql/writer.ts";

/** By pgvector, where the server has it; its index on the column is used where there is one. */
export async function nearestRows(
  search: SqlVectorSearch,
  query: SqlDoor["query"],
  place: string,
): Promise<SqlAnswer> {
  const { rows: known } = await query("select 1 from pg_type where typname = 'vector'");
  if (known.length === 0) {
    throw new LociError(
      "unsupported",
      "This PostgreSQL has no vectors: the extension pgvector is not there.",
      {
        where: place,
        next: "Install pgvector on the server, then run CREATE EXTENSION vector in this database.",
      },
    );
  }
  const { rows } = await query(
    `select c.relname, a.attname, t.typname, a.atttypmod from pg_class c
     join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     join pg_type t on t.oid = a.atttypid
     where c.relkind in ('r', 'p') and lower(c.relname) = lower($1) order by a.attnum`,
    { params: [search.table] },
  );
  const columns = rows.map(([table, name, type, size]) => ({
    table: String(table),
    name: String(name),
    type: String(type),
    size: Number(size),
  }));
  const found = vectorTable(search, columns, (type) => type === "vector");
  const size =
    columns.find(({ table, name }) => table === found.table && name === found.column.name)?.size ?? 0;
  const vector = vectorText(search, size > 0 ? size : undefined);
  const distance = `${quoted(found.column.name)} <=> $1::vector`;
  const chosen = [...found.others.map(quoted), `${distance} as distance`].join(", ");
  return query(
    `select ${chosen} from ${quoted(found.table)} where ${quoted(found.column.name)} is not null
     order by ${distance} limit ${search.limit}`,
    { params: [vector] },
  );
}
