import { isDeepStrictEqual } from "node:util";

/** A configuration file as a text that somebody else keeps: we change one place, and leave every other byte. */
export interface ConfigDocument {
  /** Everything that stands in it. */
  readonly value: Tree;
  /** The text with these fields in the table at the path, which is made where it is not there. */
  set(path: readonly string[], fields: Tree): string;
  /** The text without the member at the path. */
  remove(path: readonly string[]): string;
}

export interface Tree {
  readonly [name: string]: unknown;
}

/** Replaces `from` to `to` of a text. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export function applyEdits(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((one, other) => other.from - one.from)
    .reduce((all, { from, to, text: put }) => all.slice(0, from) + put + all.slice(to), text);
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) => (isTree(at) && Object.hasOwn(at, name) ? at[name] : undefined),
    value,
  );
}

/** The same tree with a value at the path, or without it. */
function treeWith(tree: Tree, [name = "", ...rest]: readonly string[], value: unknown): Tree {
  const inner = rest.length === 0 ? value : treeWith(asTree(tree[name]), rest, value);
  const others = Object.entries(tree).filter(([key]) => key !== name);
  return Object.fromEntries(inner === undefined ? others : [...others, [name, inner]]);
}

function asTree(value: unknown): Tree {
  return isTree(value) ? value : {};
}

/** Whether the two differ at the path alone: what was meant to change did, and nothing else. */
export function differOnlyAt(
  path: readonly string[],
  { before, after, wanted }: { readonly before: Tree; readonly after: Tree; readonly wanted: unknown },
): boolean {
  // TOML has no empty table above a table that is gone; JSON keeps its empty object.
  const above = path.slice(0, -1);
  return isDeepStrictEqual(
    plain(withoutEmpty(treeWith(before, path, wanted), above)),
    plain(withoutEmpty(after, above)),
  );
}

function withoutEmpty(tree: Tree, path: readonly string[]): Tree {
  const found = valueAt(tree, path);
  return isTree(found) && Object.keys(found).length === 0 ? treeWith(tree, path, undefined) : tree;
}

/** Objects of all origins alike, for the comparison. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

/** Where in a text, as an editor says it. */
export function placeIn(text: string, at: number): string {
  const lines = text.slice(0, at).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

export function lineEnd(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
