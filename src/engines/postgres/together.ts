import type { PlannedChange } from "../../engine/change.ts";
import type { Stored } from "../../engine/stored.ts";
import { type AnyCollection, columnName, type FieldKind } from "../../model/collection.ts";
import { quoted, type Writer } from "../sql/writer.ts";
import { casts, encode } from "./texts.ts";

/** Updates that say the same of rows of their own, column by column. */
export interface Alike {
  readonly settings: readonly ColumnOf[];
  readonly terms: readonly ColumnOf[];
}

interface ColumnOf {
  readonly name: string;
  readonly kind: FieldKind;
  readonly values: readonly Stored[];
}

/** One change, or so many of them in one text. */
export interface Part {
  readonly collection: AnyCollection;
  readonly size: number;
  readonly least: number;
  readonly change: PlannedChange;
  readonly alike?: Alike;
}

type Update = Extract<PlannedChange, { readonly kind: "update" }>;

/**
 * Updates in a row that are all guards, each of another key, with the same fields tested and set, become one: nobody
 * could tell in which order they were done, and one that finds no row undoes them all.
 */
export function gather(changes: readonly PlannedChange[]): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < changes.length; ) {
    const change = changes[at];
    if (!change) break;
    const alike = alikeFrom(changes, at);
    const size = Math.max(1, alike.length);
    const { collection, least } = change;
    parts.push(
      size === 1
        ? { collection, size, least, change }
        : { collection, size, least: size, change, alike: columnsOf(alike) },
    );
    at += size;
  }
  return parts;
}

function alikeFrom(changes: readonly PlannedChange[], at: number): Update[] {
  const found: Update[] = [];
  const keys = new Set<Stored>();
  for (const change of changes.slice(at)) {
    const [first = change] = found;
    if (change.collection !== first.collection || change.kind !== "update" || shapeOf(change) === undefined)
      break;
    if (first.kind === "update" && shapeOf(change) !== shapeOf(first)) break;
    const key = keyOf(change);
    if (key === undefined || keys.has(key)) break;
    keys.add(key);
    found.push(change);
  }
  return found;
}

/** Undefined: not one of those that can be told row by row. */
function shapeOf({ least, terms, settings }: Update): string | undefined {
  const isPlain =
    least === 1 &&
    terms.every((term) => term.test === "is" && term.value !== null) &&
    settings.every((setting) => "value" in setting);
  return isPlain ? [...terms, { name: "" }, ...settings].map(({ name }) => name).join() : undefined;
}

function keyOf({ collection, terms }: Update): Stored | undefined {
  const term = terms.find(({ name, test }) => name === collection.key && test === "is");
  return term?.test === "is" ? term.value : undefined;
}

function columnsOf(updates: readonly Update[]): Alike {
  const [first] = updates;
  if (!first) return { settings: [], terms: [] };
  const kindOf = (name: string): FieldKind => first.collection.fields[name]?.kind ?? "text";
  return {
    settings: first.settings.map(({ name }, place) => ({
      name,
      kind: kindOf(name),
      values: updates.map(({ settings }) => {
        const setting = settings[place];
        return setting && "value" in setting ? setting.value : null;
      }),
    })),
    terms: first.terms.map(({ name }, place) => ({
      name,
      kind: kindOf(name),
      values: updates.map(({ terms }) => {
        const term = terms[place];
        return term?.test === "is" ? term.value : null;
      }),
    })),
  };
}

/** One text for any number of rows. */
export function alikeText(
  collection: AnyCollection,
  { settings, terms }: Alike,
  { writer, where }: { readonly writer: Writer; readonly where: string },
): string {
  const lists = [...settings, ...terms].map(
    ({ kind, values }) => `${writer.place(values.map((value) => encode(kind, value)))}::${casts[kind]}[]`,
  );
  const names = lists.map((_, place) => `v${place}`);
  const set = settings.map(({ name }, place) => `${quoted(columnName(name))} = v${place}`).join(", ");
  const tests = terms.map(({ name }, place) => `${quoted(columnName(name))} = v${settings.length + place}`);
  return (
    `update ${quoted(collection.name)} set ${set} from unnest(${lists.join(", ")}) as given (${names.join(", ")}) ` +
    `where ${tests.join(" and ")}${where}`
  );
}
