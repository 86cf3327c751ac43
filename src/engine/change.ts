import { LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { Change } from "./engine.ts";
import { type Term, termsOf } from "./query.ts";
import { fieldOf, type Stored, type StoredRow, shown, toStored, toStoredRow } from "./stored.ts";

export type Setting =
  | { readonly name: string; readonly value: Stored }
  | { readonly name: string; readonly add: number };

/** A change, checked: the same for every engine. */
export type PlannedChange = PlannedKind & {
  /** Where fewer rows are touched, the whole write is not done. */
  readonly least: number;
};

type PlannedKind =
  | {
      readonly kind: "insert";
      readonly collection: AnyCollection;
      readonly rows: readonly StoredRow[];
    }
  | {
      readonly kind: "update";
      readonly collection: AnyCollection;
      readonly terms: readonly Term[];
      readonly settings: readonly Setting[];
    }
  | { readonly kind: "remove"; readonly collection: AnyCollection; readonly terms: readonly Term[] };

export function planChange(change: Change): PlannedChange {
  switch (change.kind) {
    case "insert":
      return {
        kind: "insert",
        collection: change.into,
        rows: change.rows.map((row) => toStoredRow(change.into, row)),
        least: change.guard ? change.rows.length : 0,
      };
    case "update":
      return {
        kind: "update",
        collection: change.rows,
        terms: termsOf(change.rows, change.where),
        settings: settingsOf(change.rows, change.patch),
        least: change.guard ? 1 : 0,
      };
    case "remove":
      return { kind: "remove", collection: change.from, terms: termsOf(change.from, change.where), least: 0 };
  }
}

export function settingsOf(collection: AnyCollection, patch: Readonly<Record<string, unknown>>): Setting[] {
  const settings = Object.entries(patch).map(([name, value]): Setting => {
    const { kind } = fieldOf(collection, name);
    if (name === collection.key) {
      throw new LociError("invalid", `${collection.name}.${name} is the key: it cannot be changed.`);
    }
    if (value === undefined) {
      throw new LociError("invalid", `The patch of ${collection.name}.${name} is undefined; say null.`);
    }
    const number = kind === "integer" || kind === "real" || kind === "time";
    if (!number || !isAdd(value)) return { name, value: toStored(collection, name, value) };
    if (kind === "time") {
      throw new LociError("invalid", `${collection.name}.${name} is a time: set it, it cannot be added to.`);
    }
    return { name, add: Number(toStored(collection, name, value.add)) };
  });
  if (settings.length > 0) return settings;
  throw new LociError(
    "invalid",
    `A patch of ${collection.name} names at least one field, not ${shown(patch)}.`,
  );
}

function isAdd(value: unknown): value is { readonly add: unknown } {
  return typeof value === "object" && value !== null && "add" in value;
}
