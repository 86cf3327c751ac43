import { isTree, placeIn, type Tree } from "./document.ts";
import { readTomlValue, skipBlank, tomlKey } from "./toml-value.ts";

/** TOML 1.0 as far as a configuration goes, with the place of each table and of each value. */
export interface Toml {
  readonly value: Tree;
  readonly tables: readonly TomlTable[];
  /** Tables that were written as one value: nothing can be added to them from outside. */
  readonly closed: ReadonlySet<unknown>;
}

export interface TomlTable {
  readonly path: readonly string[];
  /** Where its header begins, and where the line of the header ends. */
  readonly start: number;
  readonly headerEnd: number;
  readonly keys: readonly TomlKey[];
}

export interface TomlKey {
  readonly path: readonly string[];
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

type Open = Record<string, unknown>;

interface State {
  readonly text: string;
  readonly root: Open;
  /** Tables that have a header of their own, or that a dotted key made. */
  readonly defined: Set<unknown>;
  readonly closed: Set<unknown>;
  /** Lists that `[[name]]` makes. */
  readonly lists: Set<unknown>;
}

/** Throws a SyntaxError. */
export function readToml(text: string): Toml {
  const root = emptyTable();
  const state: State = { text, root, defined: new Set(), closed: new Set(), lists: new Set() };
  const tables: Array<TomlTable & { readonly keys: TomlKey[] }> = [];
  let [at, table] = [skipLines(text, text.startsWith("\ufeff") ? 1 : 0), root];
  while (at < text.length) {
    if (text[at] === "[") {
      const list = text[at + 1] === "[";
      const { path, end } = tomlKey(text, skipBlank(text, at + (list ? 2 : 1)));
      const close = skipBlank(text, end);
      const mark = list ? "]]" : "]";
      if (!text.startsWith(mark, close)) throw fault(text, close, `${mark} was expected`);
      table = headed(state, path, { at, list });
      const headerEnd = lineBehind(text, close + mark.length);
      tables.push({ path, start: at, headerEnd, keys: [] });
      at = skipLines(text, headerEnd);
      continue;
    }
    const { path, end } = tomlKey(text, at);
    const equals = skipBlank(text, end);
    if (text[equals] !== "=") throw fault(text, equals, "= was expected");
    const read = readTomlValue(text, skipBlank(text, equals + 1), 0);
    for (const inline of read.inline) state.closed.add(inline);
    assign(state, table, { path, at, value: read.value });
    tables.at(-1)?.keys.push({ path, start: at, valueStart: read.start, valueEnd: read.end });
    at = skipLines(text, lineBehind(text, read.end));
  }
  return { value: root, tables, closed: state.closed };
}

function emptyTable(): Open {
  // A key of any name is a key like others.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.create answers any
  return Object.create(null) as Open;
}

/** The table that a header opens. */
function headed(
  state: State,
  path: readonly string[],
  { at, list }: { readonly at: number; readonly list: boolean },
): Open {
  const { text, lists, defined, closed } = state;
  const parent = path.slice(0, -1).reduce((table, name) => inner(state, table, { name, at }), state.root);
  const name = path.at(-1) ?? "";
  const found = parent[name];
  if (list) {
    if (found !== undefined && !lists.has(found)) throw fault(text, at, `${name} stands there already`);
    const all = Array.isArray(found) ? found : [];
    const one = emptyTable();
    all.push(one);
    lists.add(all);
    parent[name] = all;
    return one;
  }
  if (found === undefined) parent[name] = emptyTable();
  const table = parent[name];
  if (!isOpen(table) || defined.has(table) || closed.has(table))
    throw fault(text, at, `${name} stands there already`);
  defined.add(table);
  return table;
}

/** One step down, which makes the table where it is not there. */
function inner(
  { text, lists, closed }: State,
  table: Open,
  { name, at }: { readonly name: string; readonly at: number },
): Open {
  const found = (table[name] ??= emptyTable());
  const next: unknown = Array.isArray(found) && lists.has(found) ? found.at(-1) : found;
  if (!isOpen(next) || closed.has(next)) throw fault(text, at, `${name} is no table that can be added to`);
  return next;
}

function assign(
  state: State,
  table: Open,
  { path, at, value }: { readonly path: readonly string[]; readonly at: number; readonly value: unknown },
): void {
  let target = table;
  for (const name of path.slice(0, -1)) {
    target = inner(state, target, { name, at });
    state.defined.add(target);
  }
  const name = path.at(-1) ?? "";
  if (Object.hasOwn(target, name)) throw fault(state.text, at, `${name} stands there already`);
  target[name] = value;
}

function isOpen(value: unknown): value is Open {
  return isTree(value);
}

/** Behind empty lines and comments. */
function skipLines(text: string, from: number): number {
  let at = from;
  for (;;) {
    const found = /^(?:[ \t]+|\r?\n|#[^\r\n]*)/.exec(text.slice(at));
    if (found === null) return at;
    at += found[0].length;
  }
}

/** The end of the line, where nothing but a comment may stand. */
function lineBehind(text: string, from: number): number {
  const found = /^[ \t]*(?:#[^\r\n]*)?(?=\r?\n|$)/.exec(text.slice(from));
  if (found === null) throw fault(text, skipBlank(text, from), "the end of the line was expected");
  return from + found[0].length;
}

function fault(text: string, at: number, expected: string): SyntaxError {
  return new SyntaxError(`${placeIn(text, at)}: ${expected}`);
}
