import { type AnyCollection, columnName } from "../../model/collection.ts";
import type { Migration } from "../../model/schema.ts";
import { fieldOf } from "../../engine/stored.ts";
import { type Statement, statement } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { quoted } from "./writer.ts";

/** What one step of a schema does to the tables. */
export function stepStatements(
  dialect: Dialect,
  step: Migration,
  lacking: readonly AnyCollection[] = [],
): Statement[] {
  return [
    ...lacking.flatMap((collection) => gainDefaults(dialect, collection)),
    ...(step.create ?? []).flatMap((collection) => createTable(dialect, collection)),
    ...(step.add ?? []).flatMap(({ to, fields }) =>
      fields.map((name) =>
        statement(`alter table ${quoted(to.name)} add column ${column(dialect, to, name)}`),
      ),
    ),
    ...(step.rewrite ?? []).flatMap((collection) => rewriteTable(dialect, collection, step.version)),
  ];
}

function createTable(dialect: Dialect, collection: AnyCollection, name = collection.name): Statement[] {
  const columns = Object.keys(collection.fields).map((field) => column(dialect, collection, field));
  return [
    statement(`create table ${quoted(name)} (\n  ${columns.join(",\n  ")}\n)`),
    ...(name === collection.name ? indexStatements(dialect, collection) : []),
  ];
}

function gainDefaults(dialect: Dialect, collection: AnyCollection): Statement[] {
  const defaultOf = (field: string): string | undefined => defaultValue(dialect, collection, field);
  return dialect.gainDefaults?.(collection, defaultOf) ?? remake(dialect, collection);
}

function rewriteTable(dialect: Dialect, collection: AnyCollection, version: number): Statement[] {
  return [...dialect.copyTable(collection.name, `before_v${version}`), ...remake(dialect, collection)];
}

/** The new table gets every field that the old one had by the same name. */
function remake(dialect: Dialect, collection: AnyCollection): Statement[] {
  const fresh = `${collection.name}_new`;
  const columns = Object.keys(collection.fields)
    .map((name) => quoted(columnName(name)))
    .join(", ");
  return [
    ...createTable(dialect, collection, fresh),
    statement(`insert into ${quoted(fresh)} (${columns}) select ${columns} from ${quoted(collection.name)}`),
    statement(`drop table ${quoted(collection.name)}`),
    statement(`alter table ${quoted(fresh)} rename to ${quoted(collection.name)}`),
    ...indexStatements(dialect, collection),
  ];
}

function column(dialect: Dialect, collection: AnyCollection, name: string): string {
  const { kind, optional } = fieldOf(collection, name);
  const rule = name === collection.key ? " primary key not null" : optional ? "" : " not null";
  const value = defaultValue(dialect, collection, name);
  return `${quoted(columnName(name))} ${dialect.types[kind]}${rule}${value === undefined ? "" : ` default (${value})`}`;
}

/** For statements that somebody wrote; ours say every column. */
function defaultValue(dialect: Dialect, { bySql }: AnyCollection, field: string): string | undefined {
  const given = bySql?.defaults?.[field];
  if (given === undefined) return undefined;
  if ("make" in given) return dialect.made[given.make];
  return typeof given.value === "string" ? `'${given.value.replaceAll("'", "''")}'` : String(given.value);
}

function indexStatements(dialect: Dialect, collection: AnyCollection): Statement[] {
  const names = new Set<string>();
  const make = (fields: readonly string[], unique: boolean): Statement => {
    const name = indexName(collection, fields, names);
    const columns = fields.map((field) => {
      const column = quoted(columnName(field));
      return unique ? column : dialect.indexed(fieldOf(collection, field).kind, column);
    });
    return statement(
      `create ${unique ? "unique " : ""}index ${quoted(name)} on ${quoted(collection.name)} (${columns.join(", ")})`,
    );
  };
  return [
    ...collection.unique.map((fields) => make(fields, true)),
    ...collection.indexes.map((fields) => make(fields, false)),
  ];
}

/** `idx_messages_session` for (session_id, sequence): the first column says it, all of them where two begin alike. */
function indexName(collection: AnyCollection, fields: readonly string[], names: Set<string>): string {
  const words = fields.map((field) => columnName(field).replace(/_(id|at)$/, ""));
  const short = `idx_${collection.name}_${words[0] ?? ""}`;
  const name = names.has(short) ? `idx_${collection.name}_${words.join("_")}` : short;
  names.add(name);
  return name;
}
