import { unescapeText } from "../../engine/text.ts";
import { columnName, type FieldKind } from "../../model/collection.ts";
import { query, statement } from "../sql/client.ts";
import type { Column, Dialect } from "../sql/dialect.ts";
import { postgresRules } from "../sql/guard-lists.ts";
import { payloadValue, safeInteger } from "../sql/sqlite.ts";
import { createWriter, quoted } from "../sql/writer.ts";
import { postgresFeed } from "./feed.ts";
import { fuse } from "./fuse.ts";
import { casts, encode, insertText, mapTexts, takeText } from "./texts.ts";

/** Any number that no other program locks by; here it is "Loci" in ASCII. */
const schemaLock = 0x4c6f6369;

export const postgresDialect: Dialect = {
  name: "postgres",
  lexis: postgresRules.lexis,
  // collate "C": texts sort by their bytes, as in SQLite. (3): what others write has no more than our milliseconds.
  types: { ...casts, id: 'text collate "C"', text: 'text collate "C"', time: "timestamptz(3)" },
  clock: "clock_timestamp()",
  made: {
    // A UUIDv7, as those that newId() makes: 48 bits of time before the random part of a version 4.
    id:
      `overlay(overlay(gen_random_uuid()::text placing ${hexTime(1, 8)} || '-' || ${hexTime(9, 4)} from 1 for 13) ` +
      "placing '7' from 15 for 1)",
    time: "clock_timestamp()",
  },
  // It costs nothing to say it again.
  lacksDefaults: () => query("select 1"),
  gainDefaults: ({ name, fields }, defaultOf) =>
    Object.entries(fields).flatMap(([field, { kind }]) => {
      const column = quoted(columnName(field));
      const value = defaultOf(field);
      const changes = [
        ...(value === undefined ? [] : [`alter column ${column} set default ${value}`]),
        // It may have been jsonb.
        ...(kind === "payload" ? [`alter column ${column} type text using ${column}::text`] : []),
      ];
      return changes.map((change) => statement(`alter table ${quoted(name)} ${change}`));
    }),
  placeholder: (position) => `$${position}`,
  encode,
  decode,
  select,
  unpacker: () => (row) => row,
  millis,
  // An entry of more than 2,704 bytes fails the whole insert, and nobody knows how long a path or a tool's name is.
  indexed: (kind, expression) => (kind === "text" ? `left(${expression}, 300)` : expression),
  insert(collection, rows) {
    const writer = createWriter(postgresDialect);
    const sql = insertText(collection, { rows, where: "" }, writer);
    return { sql, sets: [writer.params], answers: false };
  },
  anyOf: ({ column, kind, values }, writer) =>
    `${column} = any(${writer.place(values.map((value) => encode(kind, value)))}::${casts[kind]}[])`,
  take(parts) {
    const writer = parts.newWriter();
    const { steps, answer } = takeText(parts, writer);
    return [query(`with ${steps} select ${select(parts.columns)} ${answer}`, writer.params)];
  },
  feed: postgresFeed,
  fuse: (fusing) => fuse(postgresDialect, fusing),
  hasTable: (name) => query("select 1 where to_regclass($1::text) is not null", [quoted(name)]),
  lockSchema: [statement(`select pg_advisory_xact_lock(${schemaLock})`)],
  copyTable: (name, label) => [
    statement(`create table ${quoted(`${name}_${label}`)} as table ${quoted(name)}`),
  ],
};

function hexTime(from: number, length: number): string {
  return `substr(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0'), ${from}, ${length})`;
}

/** Numbers do not depend on the session's time zone and date style. */
function select(columns: readonly Column[]): string {
  return columns
    .map(({ kind, expression }) => (kind === "time" ? millis(expression) : expression))
    .join(", ");
}

function millis(expression: string): string {
  return `(extract(epoch from ${expression}) * 1000)::bigint`;
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
      return payloadValue(text);
    case "bytes":
      return new Uint8Array(Buffer.from(text.slice(2), "hex"));
  }
}

function unescapeJson(json: string): unknown {
  const value: unknown = JSON.parse(json);
  return json.includes("\\u001a") ? mapTexts(value, unescapeText) : value;
}
