import { LociError } from "../errors.ts";
import type { AnyCollection, Field } from "../model/collection.ts";
import { fieldOf, type Stored, shown, toStored } from "./stored.ts";

/** What callers ask with, after their generics are erased. */
export interface AnyQuery {
  readonly where?: Readonly<Record<string, unknown>>;
  readonly orderBy?: ReadonlyArray<readonly [field: string, way: "up" | "down"]>;
  readonly limit?: number;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly fields?: readonly string[];
}

export type Comparison = "from" | "upTo" | "above" | "below";

/** One test, checked. */
export type Term = { readonly name: string; readonly field: Field } & (
  | { readonly test: "is" | "not"; readonly value: Stored }
  | { readonly test: "anyOf"; readonly values: readonly Stored[] }
  | { readonly test: Comparison; readonly value: Stored }
  | { readonly test: "startsWith"; readonly value: string }
);

export interface Ordered {
  readonly name: string;
  readonly field: Field;
  readonly down: boolean;
}

/** A query, checked: the same for every engine. */
export interface Plan {
  readonly terms: readonly Term[];
  /** Total: the key is the last field. */
  readonly order: readonly Ordered[];
  /** A value for each field of `order`. */
  readonly after: readonly Stored[] | undefined;
  readonly limit: number | undefined;
  /** The fields that are answered. */
  readonly fields: readonly string[];
}

const comparisons: readonly string[] = ["from", "upTo", "above", "below"];

export function planQuery(collection: AnyCollection, query: AnyQuery): Plan {
  const order = orderOf(collection, query.orderBy ?? []);
  return {
    terms: termsOf(collection, query.where ?? {}),
    order,
    after: query.after && afterOf(collection, order, query.after),
    limit: limitOf(query.limit),
    fields: answeredFields(collection, query.fields),
  };
}

export function termsOf(collection: AnyCollection, where: Readonly<Record<string, unknown>>): Term[] {
  return Object.entries(where).flatMap(([name, test]) => termsOfField(collection, name, test));
}

function termsOfField(collection: AnyCollection, name: string, test: unknown): Term[] {
  const field = fieldOf(collection, name);
  const place = `${collection.name}.${name}`;
  if (test === undefined) {
    // A forgotten value must never become "all rows".
    throw new LociError("invalid", `The test of ${place} is undefined; leave it out, or say null.`);
  }
  if (test === null) return [nullTest(collection, name, "is")];
  if (typeof test !== "object" || test instanceof Uint8Array || Array.isArray(test)) {
    return [{ name, field, test: "is", value: comparable(collection, name, test) }];
  }
  return Object.entries(test).flatMap(([kind, value]: [string, unknown]): Term[] => {
    if (value === undefined) return [];
    if (kind === "not") {
      if (value === null) return [nullTest(collection, name, "not")];
      return [{ name, field, test: kind, value: comparable(collection, name, value) }];
    }
    if (kind === "anyOf" && Array.isArray(value)) {
      const values = value.map((one: unknown) => comparable(collection, name, one));
      return [{ name, field, test: kind, values }];
    }
    if (kind === "startsWith" && typeof value === "string" && isText(field)) {
      return [{ name, field, test: kind, value }];
    }
    if (isComparison(kind)) return [{ name, field, test: kind, value: comparable(collection, name, value) }];
    throw new LociError(
      "invalid",
      `${place} can be tested with a value, null, anyOf, not, from, upTo, above, below` +
        `${isText(field) ? ", startsWith" : ""}, not with ${kind}: ${shown(value)}.`,
    );
  });
}

/** A required field is never null: asking is allowed, the answer is known. */
function nullTest(collection: AnyCollection, name: string, test: "is" | "not"): Term {
  return { name, field: fieldOf(collection, name), test, value: null };
}

function comparable(collection: AnyCollection, name: string, value: unknown): Stored {
  const { kind } = fieldOf(collection, name);
  if (kind === "json" || kind === "payload" || kind === "bytes") {
    throw new LociError("invalid", `${collection.name}.${name} is ${kind}: it can be tested for null only.`);
  }
  const stored = toStored(collection, name, value);
  if (stored !== null) return stored;
  throw new LociError("invalid", `${collection.name}.${name} cannot be compared with null inside a test.`);
}

function orderOf(collection: AnyCollection, orderBy: NonNullable<AnyQuery["orderBy"]>): Ordered[] {
  const order = orderBy.map(([name, way]): Ordered => {
    const field = fieldOf(collection, name);
    if (field.optional || field.kind === "bytes") {
      throw new LociError("invalid", `${collection.name} cannot be ordered by ${name}: it may be null.`);
    }
    if (way !== "up" && way !== "down") {
      throw new LociError("invalid", `The order by ${name} is "up" or "down", not ${shown(way)}.`);
    }
    return { name, field, down: way === "down" };
  });
  if (order.some(({ name }) => name === collection.key)) return order;
  // Where everything descends, one index can be walked backwards only if the key descends too.
  const down = order.length > 0 && order.every((one) => one.down);
  return [...order, { name: collection.key, field: fieldOf(collection, collection.key), down }];
}

function afterOf(
  collection: AnyCollection,
  order: readonly Ordered[],
  after: Readonly<Record<string, unknown>>,
): Stored[] {
  return order.map(({ name }) => {
    if (after[name] !== undefined) return toStored(collection, name, after[name]);
    const needed = order.map((one) => one.name).join(", ");
    throw new LociError("invalid", `"after" needs ${needed} of the last row; ${name} is missing.`);
  });
}

export function limitOf(limit: number | undefined): number | undefined {
  if (limit === undefined || (Number.isSafeInteger(limit) && limit >= 0)) return limit;
  throw new LociError("invalid", `limit is a whole number from 0, not ${shown(limit)}.`);
}

/** One list for each collection: what is made from it is made once, too. */
const allFields = new WeakMap<AnyCollection["fields"], readonly string[]>();

function answeredFields(collection: AnyCollection, fields: readonly string[] | undefined): readonly string[] {
  const all = allFields.get(collection.fields) ?? Object.keys(collection.fields);
  allFields.set(collection.fields, all);
  if (!fields) return all;
  for (const name of fields) fieldOf(collection, name);
  return all.filter((name) => name === collection.key || fields.includes(name));
}

function isText(field: Field): boolean {
  return field.kind === "id" || field.kind === "text";
}

function isComparison(kind: string): kind is Comparison {
  return comparisons.includes(kind);
}
