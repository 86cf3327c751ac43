/**
 * A collection is one kind of row, said once: an interface with comments, and a table of its fields that must agree
 * with the interface or does not compile. Engines, migrations, docs and exports are made from it.
 */

/** Milliseconds since 1970-01-01T00:00:00Z, or a duration in milliseconds. */
export type Millis = number;

/**
 * - `id`: short text that sorts by its bytes on every backend
 * - `text`: any JavaScript string; NUL and lone surrogates survive
 * - `integer`: a safe integer; `real`: a finite double
 * - `time`: {@link Millis} here, the backend's own form of a moment on disk
 * - `json`: a small value that is filtered or looked into (`jsonb` on PostgreSQL)
 * - `payload`: a JSON value of any size, kept as JSON text
 * - `bytes`: a Uint8Array
 */
export type FieldKind =
  | "id"
  | "text"
  | "integer"
  | "real"
  | "boolean"
  | "time"
  | "json"
  | "payload"
  | "bytes";

export interface Field<Kind extends FieldKind = FieldKind, Optional extends boolean = boolean> {
  readonly kind: Kind;
  /** May be null. A field that is not optional can be ordered by. */
  readonly optional: Optional;
}

type KindOf<Value> = Value extends string
  ? "id" | "text"
  : Value extends number
    ? "integer" | "real" | "time"
    : Value extends boolean
      ? "boolean"
      : Value extends Uint8Array
        ? "bytes"
        : "json" | "payload";

/** The field that fits a TypeScript type: a string wants `text` or `id`, a null makes it optional. */
export type FieldOf<Value> = Field<KindOf<Exclude<Value, null>>, null extends Value ? true : false>;

/** What the database puts into a column of which a statement says nothing. */
export type Default = { readonly make: "id" | "time" } | { readonly value: string | number | boolean };

/** What SQL that somebody wrote may do with a collection's table; without it, the table is for reading only. */
export interface BySql {
  readonly may: ReadonlyArray<"insert" | "update" | "delete">;
  /** By field. */
  readonly defaults?: Readonly<Record<string, Default | undefined>>;
}

export interface AnyCollection {
  /** The table's name in the database: snake_case, plural. */
  readonly name: string;
  readonly key: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** Sets of fields that no two rows share, beside the key. */
  readonly unique: ReadonlyArray<readonly string[]>;
  readonly indexes: ReadonlyArray<readonly string[]>;
  readonly bySql?: BySql;
}

export interface Collection<Row extends object> extends AnyCollection {
  readonly key: keyof Row & string;
  readonly fields: { readonly [Name in keyof Row & string]: FieldOf<Row[Name]> };
  readonly unique: ReadonlyArray<ReadonlyArray<keyof Row & string>>;
  readonly indexes: ReadonlyArray<ReadonlyArray<keyof Row & string>>;
  readonly bySql?: Omit<BySql, "defaults"> & {
    readonly defaults?: { readonly [Name in keyof NoInfer<Row> & string]?: Default };
  };
}

export const id: Field<"id", false> = { kind: "id", optional: false };
export const text: Field<"text", false> = { kind: "text", optional: false };
export const integer: Field<"integer", false> = { kind: "integer", optional: false };
export const real: Field<"real", false> = { kind: "real", optional: false };
export const boolean: Field<"boolean", false> = { kind: "boolean", optional: false };
export const time: Field<"time", false> = { kind: "time", optional: false };
export const bytes: Field<"bytes", false> = { kind: "bytes", optional: false };
/** Always optional: null is a JSON value. */
export const json: Field<"json", true> = { kind: "json", optional: true };
/** Always optional: null is a JSON value. */
export const payload: Field<"payload", true> = { kind: "payload", optional: true };

export function optional<Kind extends FieldKind>(field: Field<Kind>): Field<Kind, true> {
  return { kind: field.kind, optional: true };
}

/** As many as collections have fields: every statement is made of them. */
const columnNames = new Map<string, string>();

/** `startedAt` in TypeScript is `started_at` in the database. */
export function columnName(field: string): string {
  const known = columnNames.get(field);
  if (known !== undefined) return known;
  const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (columnNames.size < 10_000) columnNames.set(field, name);
  return name;
}
