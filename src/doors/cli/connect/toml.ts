import {
  applyEdits,
  type ConfigDocument,
  type Edit,
  isTree,
  lineEnd,
  type Tree,
  valueAt,
} from "./document.ts";
import { readToml, type Toml, type TomlTable } from "./toml-read.ts";

/** Throws a SyntaxError where the text is no TOML. */
export function tomlDocument(text: string): ConfigDocument {
  const toml = readToml(text);
  return {
    value: toml.value,
    set: (path, fields) => set(text, toml, { path, fields }),
    remove: (path) => remove(text, toml, path),
  };
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}

function set(
  text: string,
  toml: Toml,
  { path, fields }: { readonly path: readonly string[]; readonly fields: Tree },
): string {
  const end = lineEnd(text);
  if (valueAt(toml.value, path) === undefined) {
    const above = path.slice(0, -1);
    for (const [at] of above.entries()) {
      const found = valueAt(toml.value, above.slice(0, at + 1));
      if (found !== undefined && (!isTree(found) || toml.closed.has(found)))
        throw new SyntaxError(`${above.slice(0, at + 1).join(".")} is written as one value there`);
    }
    const lines = [`[${path.map(nameOf).join(".")}]`, ...Object.entries(fields).map(line)];
    const rest = text.replace(/^\ufeff?\s*$/, (space) => (space.startsWith("\ufeff") ? "\ufeff" : ""));
    const bare = rest === "" || rest === "\ufeff";
    const gap = bare ? "" : (rest.endsWith("\n") ? "" : end) + end;
    return `${rest}${gap}${lines.join(end)}${end}`;
  }
  const table = tableAt(toml, path);
  const edits = Object.entries(fields).map(([name, value]): Edit => {
    const key = table.keys.find((one) => sameNames(one.path, [name]));
    if (key !== undefined) return { from: key.valueStart, to: key.valueEnd, text: written(value) };
    return { from: table.headerEnd, to: table.headerEnd, text: `${end}${line([name, value])}` };
  });
  return applyEdits(text, edits);
}

function tableAt(toml: Toml, path: readonly string[]): TomlTable {
  const found = toml.tables.find((table) => sameNames(table.path, path));
  if (found !== undefined) return found;
  throw new SyntaxError(`${path.join(".")} is not written as a table of its own there`);
}

function remove(text: string, toml: Toml, path: readonly string[]): string {
  if (valueAt(toml.value, path) === undefined) return text;
  tableAt(toml, path);
  const edits = toml.tables
    .filter((table) => sameNames(table.path.slice(0, path.length), path))
    .map((table): Edit => {
      const last = table.keys.at(-1)?.valueEnd ?? table.headerEnd;
      const rest = /^[^\r\n]*(?:\r?\n)?/.exec(text.slice(last))?.[0].length ?? 0;
      // The empty line above it was its own.
      const gap = /\n(\r?\n)$/.exec(text.slice(0, table.start))?.[1]?.length ?? 0;
      return { from: table.start - gap, to: last + rest, text: "" };
    });
  return applyEdits(text, edits);
}

function line([name, value]: readonly [string, unknown]): string {
  return `${nameOf(name)} = ${written(value)}`;
}

function nameOf(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

/** What JSON and TOML write alike: texts, numbers, yes and no, and lists of them. */
function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
}
