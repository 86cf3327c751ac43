import type { Stored } from "../../engine/stored.ts";
import { escapeText, unescapeText } from "../../engine/text.ts";
import { columnName, type FieldKind } from "../../model/collection.ts";
import { type Param, query, statement } from "../sql/client.ts";
import type { Column, Dialect } from "../sql/dialect.ts";
import { safeInteger } from "../sql/sqlite.ts";
import { postgresRules } from "../sql/guard-lists.ts";
import { quoted } from "../sql/writer.ts";

type Scalar = string | number | boolean | Uint8Array | null;

/** As they are cast; columns say a little more. */
const casts: Readonly<Record<FieldKind, string>> = {
  id: "text",
  text: "text",
  integer: "bigint",
  real: "double precision",
  boolean: "boolean",
  time: "timestamptz",
  json: "jsonb",
  payload: "text",
  bytes: "bytea",
};

/** Any number that no other program locks by; here it is "Loci" in ASCII. */
const schemaLock = 0x4c6f6369;

export const postgresDialect: Dialect = {
  name: "postgres",
  lexis: postgresRules.lexis,
  // collate "C": texts sort by their bytes, as in SQLite. (3): what others write has no more than our milliseconds.
  types: { ...casts, id: 'text collate "C"', text: 'text collate "C"', time: "timestamptz(3)" },
  clock: "clock_timestamp()",
  placeholder: (position) => `$${position}`,
  encode,
  decode,
  select,
  unpacker: () => (row) => row,
  millis,
  // An entry of more than 2,704 bytes fails the whole insert, and nobody knows how long a path or a tool's name is.
  indexed: (kind, expression) => (kind === "text" ? `left(${expression}, 300)` : expression),
  insert(collection, rows) {
    const fields = Object.entries(collection.fields);
    const columns = fields.map(([field]) => quoted(columnName(field))).join(", ");
    const lists = fields.map(([, { kind }], i) => `$${i + 1}::${casts[kind]}[]`).join(", ");
    return {
      // One text and one round trip for a batch of any size: 17 to 23 times as fast as single rows.
      sql: `insert into ${quoted(collection.name)} (${columns}) select * from unnest(${lists}) on conflict do nothing`,
      sets: [fields.map(([field, { kind }]) => rows.map((row) => encode(kind, row[field] ?? null)))],
      answers: false,
    };
  },
  anyOf: ({ column, kind, values }, writer) =>
    `${column} = any(${writer.place(values.map((value) => encode(kind, value)))}::${casts[kind]}[])`,
  take({ table, key, columns, choose, settings, newWriter }) {
    const writer = newWriter();
    // No field can have a name with a space.
    const place = quoted("the place");
    // Materialized: PostgreSQL may run a plain subselect again and take more rows than the limit says.
    const sql =
      `with chosen as materialized (${choose(writer)} for update skip locked), ` +
      `placed as (select ${key}, row_number() over () as ${place} from chosen), ` +
      `changed as (update ${table} ${settings(writer)} where ${key} in (select ${key} from chosen) returning *) ` +
      `select ${select(columns)} from changed join placed using (${key}) order by ${place}`;
    return [query(sql, writer.params)];
  },
  hasTable: (name) => query("select 1 where to_regclass($1::text) is not null", [quoted(name)]),
  lockSchema: [statement(`select pg_advisory_xact_lock(${schemaLock})`)],
  copyTable: (name, label) => [
    statement(`create table ${quoted(`${name}_${label}`)} as table ${quoted(name)}`),
  ],
};

/** Numbers do not depend on the session's time zone and date style. */
function select(columns: readonly Column[]): string {
  return columns
    .map(({ kind, expression }) => (kind === "time" ? millis(expression) : expression))
    .join(", ");
}

function millis(expression: string): string {
  return `(extract(epoch from ${expression}) * 1000)::bigint`;
}

function encode(kind: FieldKind, stored: Stored): Scalar {
  if (stored === null) return null;
  switch (kind) {
    case "id":
    case "text":
      return escapeText(String(stored));
    case "time":
      return new Date(Number(stored)).toISOString();
    case "json":
      return escapeJson(String(stored));
    default:
      return stored instanceof Uint8Array
        ? Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
        : stored;
  }
}

/** Everything arrives as the text that the server sent: the client parses nothing. */
function decode(kind: FieldKind, raw: unknown): unknown {
  const text = String(raw);
  switch (kind) {
    case "id":
    case "text":
      return unescapeText(text);
    case "integer":
    case "time":
      return safeInteger(text);
    case "real":
      return Number(text);
    case "boolean":
      return text === "t";
    case "json":
      return unescapeJson(text);
    case "payload":
      return JSON.parse(text);
    case "bytes":
      return new Uint8Array(Buffer.from(text.slice(2), "hex"));
  }
}

/** jsonb refuses \u0000 and lone surrogates, so its strings are escaped as columns of text are. */
function escapeJson(json: string): Param & string {
  if (!/\\u(?:0000|001a|d[89a-f])/.test(json)) return json;
  return JSON.stringify(mapTexts(JSON.parse(json), escapeText));
}

function unescapeJson(json: string): unknown {
  const value: unknown = JSON.parse(json);
  return json.includes("\\u001a") ? mapTexts(value, unescapeText) : value;
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === "string") return map(value);
  if (Array.isArray(value)) return value.map((item: unknown) => mapTexts(item, map));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [map(key), mapTexts(item, map)]));
}
