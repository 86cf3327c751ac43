import { LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { Setting } from "./change.ts";
import type { Ordered, Plan, Term } from "./query.ts";
import { type Stored, type StoredRow, toStored } from "./stored.ts";
import { compareText, escapeText } from "./text.ts";

export type Undo = Array<() => void>;

export interface MemoryTable {
  /** False where the key or a unique set is there already. */
  insert(row: StoredRow, undo: Undo): boolean;
  change(row: StoredRow, settings: readonly Setting[], undo: Undo): void;
  remove(row: StoredRow, undo: Undo): void;
  find(plan: Plan): StoredRow[];
  matching(terms: readonly Term[]): StoredRow[];
  at(key: Stored): StoredRow | undefined;
  /** The row that stands at this row's key now. */
  current(row: StoredRow): StoredRow;
  extend(fields: readonly string[]): void;
}

/** Rows by key, with the sets of fields that no two of them share. */
function createRows(collection: AnyCollection): {
  readonly all: ReadonlyMap<Stored, StoredRow>;
  keyOf(row: StoredRow): Stored;
  put(row: StoredRow): void;
  drop(row: StoredRow): void;
  /** The unique set of which another row has the same values already. */
  clash(row: StoredRow): readonly string[] | undefined;
} {
  const all = new Map<Stored, StoredRow>();
  const taken = collection.unique.map((fields) => ({ fields, keys: new Map<string, Stored>() }));
  const keyOf = (row: StoredRow): Stored => row[collection.key] ?? null;
  return {
    all,
    keyOf,
    put(row) {
      all.set(keyOf(row), row);
      for (const { fields, keys } of taken) {
        const values = uniqueKey(row, fields);
        if (values !== undefined) keys.set(values, keyOf(row));
      }
    },
    drop(row) {
      all.delete(keyOf(row));
      for (const { fields, keys } of taken) {
        const values = uniqueKey(row, fields);
        if (values !== undefined) keys.delete(values);
      }
    },
    clash: (row) => taken.find(({ fields, keys }) => keys.has(uniqueKey(row, fields) ?? ""))?.fields,
  };
}

export function createTable(collection: AnyCollection): MemoryTable {
  const { all, keyOf, put, drop, clash } = createRows(collection);
  const matching = (terms: readonly Term[]): StoredRow[] =>
    [...all.values()].filter((row) => terms.every((term) => holds(term, row)));

  return {
    matching,
    insert(row, undo) {
      if (all.has(keyOf(row)) || clash(row)) return false;
      const kept = withOwnBytes(row);
      put(kept);
      undo.push(() => drop(kept));
      return true;
    },
    change(row, settings, undo) {
      const next = { ...row };
      for (const setting of settings) next[setting.name] = settle(collection, row, setting);
      drop(row);
      undo.push(() => put(row));
      const fields = clash(next);
      if (fields) {
        throw new LociError("invalid", `Two rows of ${collection.name} would share ${fields.join(", ")}.`);
      }
      put(withOwnBytes(next));
      undo.push(() => drop(next));
    },
    remove(row, undo) {
      drop(row);
      undo.push(() => put(row));
    },
    find({ terms, order, after, limit }) {
      const compare = comparePlaces(order);
      const placed = matching(terms)
        .map((row) => ({ row, place: order.map(({ name }) => row[name] ?? null) }))
        .filter(({ place }) => !after || compare(place, after) > 0);
      placed.sort((a, b) => compare(a.place, b.place));
      return placed.slice(0, limit).map(({ row }) => row);
    },
    at: (key) => all.get(key),
    current: (row) => all.get(keyOf(row)) ?? row,
    extend(fields) {
      for (const row of all.values()) for (const name of fields) row[name] ??= null;
    },
  };
}

function comparePlaces(order: readonly Ordered[]): (a: readonly Stored[], b: readonly Stored[]) => number {
  return (a, b) => {
    for (const [i, { down }] of order.entries()) {
      const way = compareStored(a[i] ?? null, b[i] ?? null);
      if (way !== 0) return down ? -way : way;
    }
    return 0;
  };
}

function settle(collection: AnyCollection, row: StoredRow, setting: Setting): Stored {
  if ("value" in setting) return setting.value;
  const value = row[setting.name] ?? null;
  return value === null ? null : toStored(collection, setting.name, Number(value) + setting.add);
}

/** Undefined where a value is null: nulls are never the same as each other. */
function uniqueKey(row: StoredRow, fields: readonly string[]): string | undefined {
  const values = fields.map((name) => row[name] ?? null);
  return values.includes(null) ? undefined : JSON.stringify(values);
}

/** Bytes stay the caller's to change. */
function withOwnBytes(row: StoredRow): StoredRow {
  for (const name in row) {
    const value = row[name];
    if (value instanceof Uint8Array) row[name] = value.slice();
  }
  return row;
}

function holds(term: Term, row: StoredRow): boolean {
  const value = row[term.name] ?? null;
  switch (term.test) {
    case "is":
      return value === term.value;
    case "not":
      return value !== term.value;
    case "anyOf":
      return term.values.includes(value);
    case "from":
      return value !== null && compareStored(value, term.value) >= 0;
    case "above":
      return value !== null && compareStored(value, term.value) > 0;
    case "upTo":
      return value !== null && compareStored(value, term.value) <= 0;
    case "below":
      return value !== null && compareStored(value, term.value) < 0;
    case "startsWith":
      // On the escaped forms, as databases see them: half of a pair is no prefix of the pair.
      return typeof value === "string" && escapeText(value).startsWith(escapeText(term.value));
  }
}

function compareStored(a: Stored, b: Stored): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return Number(a) - Number(b);
}
