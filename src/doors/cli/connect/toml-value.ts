import { placeIn } from "./document.ts";

export interface TomlValue {
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
  /** Every table that was written as a value, at any depth. */
  readonly inline: readonly unknown[];
}

const deepest = 100;

export function skipBlank(text: string, at: number): number {
  return at + (/^[ \t]*/.exec(text.slice(at))?.[0].length ?? 0);
}

/** `name`, `"a name"`, `one.two`. */
export function tomlKey(
  text: string,
  from: number,
): { readonly path: readonly string[]; readonly end: number } {
  const path: string[] = [];
  let at = from;
  for (;;) {
    const found = /^(?:[\w-]+|"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*')/.exec(text.slice(at));
    if (found === null || /^[^\x00-\x7f]/.test(found[0])) throw fault(text, at, "a name was expected");
    const [name] = found;
    path.push(name.startsWith('"') ? basic(text, at, name) : name.replace(/^'(.*)'$/, "$1"));
    at += name.length;
    const dot = skipBlank(text, at);
    if (text[dot] !== ".") return { path, end: at };
    at = skipBlank(text, dot + 1);
  }
}

export function readTomlValue(text: string, at: number, depth: number): TomlValue {
  if (depth > deepest) throw fault(text, at, "this is nested too deep");
  if (text[at] === "[") return readList(text, at, depth);
  if (text[at] === "{") return readInline(text, at, depth);
  const long = /^(?:"""|''')/.exec(text.slice(at, at + 3))?.[0];
  if (long !== undefined) return readLong(text, at, long);
  const found = /^(?:"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*'|[-+\w.:]+(?: \d\d:[-+\w.:]+)?)/.exec(text.slice(at));
  if (found === null) throw fault(text, at, "a value was expected");
  const [raw] = found;
  const end = at + raw.length;
  if (raw.startsWith("'")) return { value: raw.slice(1, -1), start: at, end, inline: [] };
  if (raw.startsWith('"')) return { value: basic(text, at, raw), start: at, end, inline: [] };
  return { value: word(text, at, raw), start: at, end, inline: [] };
}

function word(text: string, at: number, raw: string): unknown {
  if (raw === "true" || raw === "false") return raw === "true";
  if (/^[-+]?(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:[eE][-+]?\d(?:_?\d)*)?$/.test(raw))
    return Number(raw.replaceAll("_", ""));
  if (/^(?:0x[\da-fA-F](?:_?[\da-fA-F])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*)$/.test(raw))
    return Number(raw.replaceAll("_", ""));
  // Moments, and the numbers that are none: told apart by how they are written.
  if (/^(?:[-+]?(?:inf|nan)|\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d.*)?|\d\d:\d\d(?::\d\d.*)?)$/.test(raw))
    return [raw];
  throw fault(text, at, "a value was expected");
}

function readLong(text: string, at: number, mark: string): TomlValue {
  let close = text.indexOf(mark, at + 3);
  // A quote that is escaped ends nothing.
  while (mark === '"""' && close > 0 && (/\\+$/.exec(text.slice(at + 3, close))?.[0].length ?? 0) % 2 === 1)
    close = text.indexOf(mark, close + 1);
  if (close < 0) throw fault(text, at, "this text does not end");
  // One or two quotes may stand before the three that end it.
  while (text[close + 3] === mark[0] && close + 3 < text.length && text.startsWith(mark, close + 1)) close++;
  const raw = text.slice(at + 3, close).replace(/^\r?\n/, "");
  const value =
    mark === "'''"
      ? raw
      : basic(
          text,
          at,
          `"${raw
            .replace(/\\[ \t]*\r?\n\s*/g, "")
            .replaceAll("\r", "\\r")
            .replaceAll("\n", "\\n")
            .replace(/(?<!\\)((?:\\\\)*)"/g, '$1\\"')}"`,
        );
  return { value, start: at, end: close + 3, inline: [] };
}

/** A text in double quotes: JSON's escapes, and two more. */
function basic(text: string, at: number, raw: string): string {
  const json = raw
    .replace(/\\(?:U([\da-fA-F]{8})|e|x([\da-fA-F]{2})|.)/g, (found, code?: string) => {
      if (code === undefined) return found === "\\e" ? "\\u001b" : found;
      const point = Number.parseInt(code, 16);
      return point > 0x10ffff ? found : JSON.stringify(String.fromCodePoint(point)).slice(1, -1);
    })
    .replaceAll("\t", "\\t");
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "string") return value;
  } catch {
    // Said below, with the place.
  }
  throw fault(text, at, "this text has an escape that is none");
}

function readList(text: string, start: number, depth: number): TomlValue {
  const value: unknown[] = [];
  const inline: unknown[] = [];
  let [at, open] = [skipAll(text, start + 1), true];
  while (text[at] !== "]") {
    if (!open) throw fault(text, at, "a comma or ] was expected");
    const read = readTomlValue(text, at, depth + 1);
    value.push(read.value);
    inline.push(...read.inline);
    const behind = skipAll(text, read.end);
    open = text[behind] === ",";
    at = open ? skipAll(text, behind + 1) : behind;
  }
  return { value, start, end: at + 1, inline };
}

function readInline(text: string, start: number, depth: number): TomlValue {
  const value: Record<string, unknown> = {};
  const inline: unknown[] = [value];
  let at = skipBlank(text, start + 1);
  let first = true;
  while (text[at] !== "}") {
    if (!first) {
      if (text[at] !== ",") throw fault(text, at, "a comma or } was expected");
      at = skipBlank(text, at + 1);
    }
    first = false;
    const { path, end } = tomlKey(text, at);
    const equals = skipBlank(text, end);
    if (text[equals] !== "=") throw fault(text, equals, "= was expected");
    const read = readTomlValue(text, skipBlank(text, equals + 1), depth + 1);
    inline.push(...read.inline);
    const name = path.join(".");
    if (Object.hasOwn(value, name)) throw fault(text, at, `${name} stands there already`);
    Object.defineProperty(value, name, { value: read.value, enumerable: true });
    at = skipBlank(text, read.end);
  }
  return { value, start, end: at + 1, inline };
}

/** Behind space, line ends and comments, which may stand between the values of a list. */
function skipAll(text: string, from: number): number {
  let at = from;
  for (;;) {
    const found = /^(?:[ \t\r\n]+|#[^\r\n]*)/.exec(text.slice(at));
    if (found === null) return at;
    at += found[0].length;
  }
}

function fault(text: string, at: number, expected: string): SyntaxError {
  return new SyntaxError(`${placeIn(text, at)}: ${expected}`);
}
