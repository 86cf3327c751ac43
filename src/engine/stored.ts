import { LociError } from "../errors.ts";
import type { AnyCollection, Field } from "../model/collection.ts";
import { escapeText } from "./text.ts";

/** A checked value as engines keep it: JSON as its text, everything else as it is in TypeScript. */
export type Stored = string | number | boolean | Uint8Array | null;

export type StoredRow = Record<string, Stored>;

/** Years 1 to 9999: what the text form of a moment can say and still sort. */
const firstMoment = Date.parse("0001-01-01T00:00:00.000Z");
const lastMoment = Date.parse("9999-12-31T23:59:59.999Z");

/** Longer ids could not stand in an index of PostgreSQL (2,704 bytes for an entry). */
const longestId = 500;

const expectations: Readonly<Record<Field["kind"], string>> = {
  id: `text of at most ${longestId} characters`,
  text: "text",
  integer: "a safe integer",
  real: "a finite number",
  boolean: "true or false",
  time: "whole milliseconds since 1970, in the years 1 to 9999",
  json: "a JSON value",
  payload: "a JSON value",
  bytes: "a Uint8Array",
};

/** The same check on every backend: a value of the field's kind, or `invalid` naming field, expectation and value. */
export function toStored(collection: AnyCollection, name: string, value: unknown): Stored {
  const field = fieldOf(collection, name);
  if (value === null || value === undefined) {
    if (field.optional) return null;
    throw invalidValue(collection, name, value);
  }
  const stored = ofKind(field.kind, value);
  if (stored === undefined) throw invalidValue(collection, name, value);
  return stored;
}

export function toStoredRow(collection: AnyCollection, row: Readonly<Record<string, unknown>>): StoredRow {
  const stored: StoredRow = {};
  for (const name in collection.fields) stored[name] = toStored(collection, name, row[name]);
  for (const name in row) if (!(name in stored)) fieldOf(collection, name);
  return stored;
}

/** What callers get: their own copy. */
export function fromStored(field: Field, stored: Stored): unknown {
  if (stored === null) return null;
  if (field.kind === "json" || field.kind === "payload") return JSON.parse(String(stored));
  return stored instanceof Uint8Array ? stored.slice() : stored;
}

export function fieldOf(collection: AnyCollection, name: string): Field {
  const field = Object.hasOwn(collection.fields, name) ? collection.fields[name] : undefined;
  if (field) return field;
  const known = Object.keys(collection.fields).join(", ");
  throw new LociError("invalid", `${collection.name} has no field "${name}"; it has ${known}.`);
}

function ofKind(kind: Field["kind"], value: unknown): Stored | undefined {
  switch (kind) {
    case "id":
      return typeof value === "string" && escapeText(value).length <= longestId ? value : undefined;
    case "text":
      return typeof value === "string" ? value : undefined;
    case "integer":
      return Number.isSafeInteger(value) ? withoutNegativeZero(value) : undefined;
    case "real":
      return Number.isFinite(value) ? withoutNegativeZero(value) : undefined;
    case "time":
      return isMoment(value) ? withoutNegativeZero(value) : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "bytes":
      return value instanceof Uint8Array ? value : undefined;
    case "json":
    case "payload":
      return jsonText(value);
  }
}

/** SQLite keeps -0 as 0. */
function withoutNegativeZero(value: unknown): number {
  return Number(value) + 0;
}

function isMoment(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= firstMoment && Number(value) <= lastMoment;
}

function jsonText(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value);
    // NaN: it would come back as null, and null is not what was said.
    return text === "null" ? undefined : text;
  } catch {
    // A cycle or a bigint.
    return undefined;
  }
}

function invalidValue(collection: AnyCollection, name: string, value: unknown): LociError {
  const { kind, optional } = fieldOf(collection, name);
  const wanted = `${expectations[kind]}${optional ? " or null" : ""}`;
  return new LociError("invalid", `${collection.name}.${name} is ${wanted}, not ${shown(value)}.`);
}

/** A value as a sentence can carry it. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const length = value.length > 60 ? ` (${value.length} characters)` : "";
    return `${JSON.stringify(value.slice(0, 60))}${length}`;
  }
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "Object" ? `a value of class ${name}` : "an object";
}
