import { LociError } from "../../errors.ts";
import { shown } from "../../engine/stored.ts";

export type Bindable = string | number | bigint | Buffer | null;

/**
 * The only way to libsql 0.5.29, which ends the whole process on a boolean and on a lone Buffer or Date, takes a
 * missing value for null, and cuts text at NUL when it reads it. So: one list, always, of known classes, counted.
 */
export function bindList(params: readonly unknown[], places: number): Bindable[] {
  if (params.length === places) return params.map(bindable);
  throw new LociError("invalid", `The statement has ${places} places for values; ${params.length} came.`);
}

function bindable(value: unknown): Bindable {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Date && Number.isFinite(value.getTime())) {
    return value.toISOString().slice(0, 23).replace("T", " ");
  }
  throw new LociError(
    "invalid",
    `A bound value is text, a finite number, true, false, null, a Date or bytes, not ${shown(value)}.`,
  );
}

/** `?` outside of quotes and comments. */
export function countPlaces(sql: string): number {
  const rest = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\//g, "");
  return rest.split("?").length - 1;
}
