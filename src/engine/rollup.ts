import { LociError } from "../errors.ts";
import type { AnyCollection, Field } from "../model/collection.ts";
import { type Term, termsOf } from "./query.ts";
import { fieldOf, shown } from "./stored.ts";

export type Aggregate = "count" | "sum" | "min" | "max" | "avg";

/** What callers ask with, after their generics are erased. */
export interface AnyRollup {
  readonly by: readonly string[];
  readonly where?: Readonly<Record<string, unknown>>;
  readonly measures: Readonly<Record<string, unknown>>;
  readonly bucket?: { readonly field: string; readonly size: number };
}

export interface PlannedMeasure {
  readonly out: string;
  readonly aggregate: Aggregate;
  /** Absent for `count`. */
  readonly of: { readonly name: string; readonly field: Field } | undefined;
}

/** A rollup, checked: the same for every engine. */
export interface RollupPlan {
  readonly by: readonly string[];
  /** With a bucket, also that its field is not null. */
  readonly terms: readonly Term[];
  readonly measures: readonly PlannedMeasure[];
  readonly bucket: { readonly name: string; readonly size: number } | undefined;
}

export function planRollup(collection: AnyCollection, spec: AnyRollup): RollupPlan {
  const terms = termsOf(collection, spec.where ?? {});
  for (const name of spec.by) {
    const { kind } = fieldOf(collection, name);
    if (kind === "json" || kind === "payload" || kind === "bytes") {
      throw new LociError("invalid", `${collection.name} cannot be grouped by ${name}: it is ${kind}.`);
    }
  }
  const bucket = spec.bucket && bucketOf(collection, spec.bucket);
  if (bucket)
    terms.push({ name: bucket.name, field: fieldOf(collection, bucket.name), test: "not", value: null });
  const measures = Object.entries(spec.measures).map(([out, measure]) => {
    if (spec.by.includes(out) || out === "bucket") {
      throw new LociError("invalid", `The measure "${out}" has the name of a field of the group.`);
    }
    return measureOf(collection, out, measure);
  });
  return { by: spec.by, terms, measures, bucket };
}

function bucketOf(
  collection: AnyCollection,
  { field, size }: NonNullable<AnyRollup["bucket"]>,
): NonNullable<RollupPlan["bucket"]> {
  if (fieldOf(collection, field).kind !== "time") {
    throw new LociError("invalid", `A bucket is made of a time; ${collection.name}.${field} is none.`);
  }
  if (Number.isSafeInteger(size) && size > 0) return { name: field, size };
  throw new LociError("invalid", `A bucket's size is whole milliseconds from 1, not ${shown(size)}.`);
}

function measureOf(collection: AnyCollection, out: string, measure: unknown): PlannedMeasure {
  if (measure === "count") return { out, aggregate: "count", of: undefined };
  const [entry, ...more] = typeof measure === "object" && measure !== null ? Object.entries(measure) : [];
  const [aggregate, name] = entry ?? [];
  if (!isAggregate(aggregate) || typeof name !== "string" || more.length > 0) {
    throw new LociError("invalid", `The measure "${out}" is "count", { sum }, { min }, { max } or { avg }.`);
  }
  const field = fieldOf(collection, name);
  const number = field.kind === "integer" || field.kind === "real";
  const least = aggregate === "min" || aggregate === "max";
  if (number || (least && field.kind === "time")) return { out, aggregate, of: { name, field } };
  throw new LociError("invalid", `${collection.name}.${name} is ${field.kind}: it has no ${aggregate}.`);
}

function isAggregate(name: string | undefined): name is Exclude<Aggregate, "count"> {
  return name === "sum" || name === "min" || name === "max" || name === "avg";
}
