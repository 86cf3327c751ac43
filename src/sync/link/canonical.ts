import { createHash } from "node:crypto";
import type { FieldKind } from "../../model/collection.ts";
import type { Fields, SyncTable } from "../tables.ts";

/** A value in the one form that is the same from every backend: PostgreSQL gives an object's names in another order. */
export function canonicalValue(kind: FieldKind | undefined, value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  return JSON.stringify(kind === "json" || kind === "payload" ? sorted(value) : value);
}

/** The synced fields of a row, in order. */
export function canonicalRow({ collection, fields }: SyncTable, row: Fields): string {
  return fields.map((name) => canonicalValue(collection.fields[name]?.kind, row[name])).join("\u0000");
}

export function digestOf(table: SyncTable, row: Fields | undefined): string | null {
  if (row === undefined) return null;
  return createHash("sha256").update(canonicalRow(table, row)).digest("base64url").slice(0, 22);
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).map(([name, one]) => [name, sorted(one)] as const);
  // Not an object: a name like `__proto__`, or one that looks like a number, would change the order.
  return entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
