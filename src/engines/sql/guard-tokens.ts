import { LociError } from "../../errors.ts";

/** Where the SQL languages differ for somebody who only wants to know where a word ends. */
export interface Lexis {
  /** Opening and closing marks of quoted names. A closing mark that is doubled stands for itself, but for `]`. */
  readonly quotes: Readonly<Record<string, string>>;
  /** What ends a `--` comment: PostgreSQL takes a lone carriage return too, SQLite does not. */
  readonly lineEnds: RegExp;
  readonly nestedComments: boolean;
  /** `$tag$ … $tag$`, and `E'…'` with backslashes. */
  readonly dollarQuotes: boolean;
  readonly signs: RegExp;
  readonly parameter: RegExp;
}

export interface Token {
  readonly kind: "word" | "quoted" | "string" | "number" | "parameter" | "sign";
  /** A word or a quoted name in lower case, the content of a string, the sign itself. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const space = /[ \t\n\r\f]+/y;
// Both families take every character beyond ASCII as part of a word, spaces of other scripts too.
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const wordCharacter = /[\w$\u0080-\uffff]/;

/** Says why a statement is not let through: at a place in it, so that a person finds it. */
export function refusal(code: "read-only" | "invalid", why: string): LociError {
  return new LociError(code, why, {
    next: "docs/sql.md has what is answered; try: SELECT * FROM v_sessions LIMIT 5",
  });
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The statement's words, by the rules of its language; comments are left out. Throws on what has no end. */
export function tokenize(sql: string, lexis: Lexis): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const blank = matchAt(space, sql, at)?.length ?? commentLength(sql, at, lexis);
    if (blank > 0) {
      at += blank;
      continue;
    }
    const token = tokenAt(sql, at, lexis);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function commentLength(sql: string, at: number, lexis: Lexis): number {
  if (sql.startsWith("--", at)) {
    lexis.lineEnds.lastIndex = at;
    const end = lexis.lineEnds.exec(sql);
    return (end === null ? sql.length : end.index + 1) - at;
  }
  if (!sql.startsWith("/*", at)) return 0;
  let depth = 1;
  for (let i = at + 2; i < sql.length; i++) {
    if (sql.startsWith("*/", i)) {
      depth--;
      i++;
      if (depth === 0) return i + 1 - at;
    } else if (lexis.nestedComments && sql.startsWith("/*", i)) {
      depth++;
      i++;
    }
  }
  throw refusal("invalid", `The comment that begins at character ${at + 1} has no end.`);
}

function tokenAt(sql: string, at: number, lexis: Lexis): Token {
  const first = sql.charAt(at);
  const closing = lexis.quotes[first];
  if (closing !== undefined) return delimited(sql, at, { kind: "quoted", open: at + 1, closing });
  if (first === "'") return delimited(sql, at, { kind: "string", open: at + 1, closing: "'" });
  const parameter = matchAt(lexis.parameter, sql, at);
  if (parameter !== undefined) return finish(sql, at, { kind: "parameter", length: parameter.length });
  if (lexis.dollarQuotes && first === "$") return dollarQuoted(sql, at);
  const digits = matchAt(number, sql, at);
  if (digits !== undefined) return finish(sql, at, { kind: "number", length: digits.length });
  const name = matchAt(word, sql, at);
  if (name !== undefined) return wordOrPrefix(sql, at, { name, lexis });
  if (!lexis.signs.test(first)) {
    const shown = first.charCodeAt(0) < 32 ? `U+${first.charCodeAt(0).toString(16).padStart(4, "0")}` : first;
    throw refusal("invalid", `The character ${shown} at ${at + 1} has no meaning in a query.`);
  }
  return { kind: "sign", text: first, start: at, end: at + 1 };
}

/** A number or a parameter ends where a word cannot begin: `1delete` is read differently from version to version. */
function finish(sql: string, at: number, found: { kind: "number" | "parameter"; length: number }): Token {
  const end = at + found.length;
  const next = sql.charAt(end);
  if (wordCharacter.test(next) || (found.kind === "parameter" && next === "(")) {
    throw refusal("invalid", `"${sql.slice(at, end + 1)}" at character ${at + 1} is not a ${found.kind}.`);
  }
  return { kind: found.kind, text: sql.slice(at, end), start: at, end };
}

interface Delimited {
  readonly kind: "quoted" | "string";
  readonly open: number;
  readonly closing: string;
  readonly backslashes?: boolean;
}

function delimited(sql: string, start: number, how: Delimited): Token {
  const { kind, open, closing, backslashes = false } = how;
  for (let i = open; i < sql.length; i++) {
    if (backslashes && sql[i] === "\\") {
      i++;
    } else if (sql[i] === closing) {
      if (closing === "]" || sql[i + 1] !== closing) {
        const content = sql.slice(open, i).replaceAll(closing + closing, closing);
        const text = kind === "quoted" ? content.toLowerCase() : content;
        return { kind, text, start, end: i + 1 };
      }
      i++;
    }
  }
  throw refusal("invalid", `The ${closing} that begins at character ${start + 1} has no end.`);
}

function dollarQuoted(sql: string, at: number): Token {
  const tag = matchAt(/\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y, sql, at);
  const end = tag === undefined ? -1 : sql.indexOf(tag, at + tag.length);
  if (tag === undefined || end < 0) {
    throw refusal("invalid", `The $ at character ${at + 1} begins nothing that ends.`);
  }
  return { kind: "string", text: sql.slice(at + tag.length, end), start: at, end: end + tag.length };
}

/** `x'00'` and, on PostgreSQL, `E'…'` are strings with a letter before them; `U&"…"` would hide a name. */
function wordOrPrefix(sql: string, at: number, found: { name: string; lexis: Lexis }): Token {
  const { name, lexis } = found;
  const end = at + name.length;
  const letter = name.toLowerCase();
  if (sql[end] === "'") {
    if (letter === "x") return delimited(sql, at, { kind: "string", open: end + 1, closing: "'" });
    if (lexis.dollarQuotes && /^[ebn]$/.test(letter)) {
      return delimited(sql, at, { kind: "string", open: end + 1, closing: "'", backslashes: letter === "e" });
    }
  }
  if (lexis.dollarQuotes && letter === "u" && /^&["']/.test(sql.slice(end, end + 2))) {
    throw refusal("read-only", `Write the text at character ${at + 1} without U&: it hides what is meant.`);
  }
  return { kind: "word", text: letter, start: at, end };
}
