import type { GuardRules } from "./guard-lists.ts";
import { refusal, type Token, tokenize } from "./guard-tokens.ts";

/** A statement that the guard let through. */
export interface ReadStatement {
  readonly kind: "rows" | "explain" | "pragma";
  /** The statement, without the semicolon at its end. */
  readonly text: string;
  /** What EXPLAIN explains; the statement itself otherwise. */
  readonly inner: string;
  /** Every name in it, in lower case: for a helpful sentence when one of them does not exist. */
  readonly names: ReadonlySet<string>;
  /** How many values have to be bound. */
  readonly places: number;
}

const longest = 100_000;
const deepest = 100;

/**
 * Lets one statement through that can only read, and refuses everything else with `read-only` or `invalid`. It reads
 * words by the rules of the language, never a prefix: of 135 hostile statements for SQLite, 11 passed a prefix check
 * and none passed this kind of guard together with a read-only connection (2026-11, SQLite 3.45.1). It is the first
 * of three walls; the connection that cannot write and the process that can be killed are the others.
 */
export function guard(sql: string, rules: GuardRules): ReadStatement {
  const { tokens, text, names } = readStatement(sql, rules);
  const first = tokens[0]?.text ?? "";
  if (first === "pragma" && tokens[0]?.kind === "word" && rules.pragma) {
    checkPragma(tokens, rules.pragma);
    return { kind: "pragma", text, inner: text, names, places: 0 };
  }
  const begin = first === "explain" ? rules.afterExplain(tokens.map(asWritten)) : 0;
  const head = tokens[begin];
  if (head?.kind !== "word" || !rules.firstWords.has(head.text)) throw notAQuestion(head);
  const question = tokens.slice(begin);
  checkWords(question, rules);
  checkNames(question, rules);
  const inner = text.slice(head.start - (tokens[0]?.start ?? 0));
  return { kind: begin > 0 ? "explain" : "rows", text, inner, names, places: countPlaces(tokens) };
}

/** The words of the one statement that a text is. */
export function readStatement(
  sql: string,
  { lexis }: Pick<GuardRules, "lexis">,
): Pick<ReadStatement, "text" | "names"> & { readonly tokens: readonly Token[] } {
  if (sql.length > longest)
    throw refusal("invalid", `A query has at most ${longest} characters, not ${sql.length}.`);
  if (/[\0\ufeff]/.test(sql)) throw refusal("invalid", "A query has no NUL and no byte order mark in it.");
  const tokens = oneStatement(tokenize(sql, lexis));
  checkDepth(tokens);
  const text = sql.slice(tokens[0]?.start, tokens.at(-1)?.end);
  return { tokens, text, names: new Set(tokens.filter(isName).map((token) => token.text)) };
}

/** Only a word that stands bare is a keyword; a quoted name never is. */
export function asWritten(token: Token): string {
  return token.kind === "word" || token.kind === "sign" ? token.text : `(${token.kind})`;
}

/** `?` counts on, `?3` and `$3` say their place. */
export function countPlaces(tokens: readonly Token[]): number {
  let most = 0;
  for (const { kind, text } of tokens) {
    if (kind !== "parameter") continue;
    const last = text === "?" ? most + 1 : Number(text.slice(1));
    if (!Number.isSafeInteger(last) || last < 1 || last > 999) {
      throw refusal("invalid", `A bound value is written ? or with its number, 1 to 999, not ${text}.`);
    }
    most = Math.max(most, last);
  }
  return most;
}

export function isName(token: Token): boolean {
  return token.kind === "word" || token.kind === "quoted";
}

function notAQuestion(token: Token | undefined): Error {
  const came = token === undefined ? "nothing" : token.text.toUpperCase().slice(0, 40);
  return refusal(
    "read-only",
    `Only questions are answered here: SELECT, WITH, VALUES, EXPLAIN. This one begins with ${came}.`,
  );
}

function oneStatement(tokens: readonly Token[]): readonly Token[] {
  const isEnd = (token: Token | undefined): boolean => token?.kind === "sign" && token.text === ";";
  let end = tokens.length;
  while (end > 0 && isEnd(tokens[end - 1])) end--;
  const statement = tokens.slice(0, end);
  if (statement.length === 0) throw refusal("invalid", "There is no statement to answer.");
  if (statement.some(isEnd))
    throw refusal("read-only", "One statement at a time: a semicolon stands inside this text.");
  return statement;
}

function checkDepth(tokens: readonly Token[]): void {
  let depth = 0;
  for (const token of tokens) {
    if (token.kind !== "sign") continue;
    if (token.text === "(" || token.text === "[") depth++;
    if (token.text === ")" || token.text === "]") depth--;
    if (depth > deepest) throw refusal("invalid", `Parentheses go ${deepest} deep at most.`);
    if (depth < 0)
      throw refusal("invalid", `A parenthesis closes at character ${token.start + 1} that was not opened.`);
  }
  if (depth !== 0) throw refusal("invalid", "A parenthesis is not closed.");
}

function checkPragma(tokens: readonly Token[], rules: NonNullable<GuardRules["pragma"]>): void {
  const [name, ...rest] = tokens.slice(1);
  const bare = rest.length === 0;
  const [open, argument, close] = rest;
  const called =
    rest.length === 3 &&
    open?.text === "(" &&
    close?.text === ")" &&
    argument !== undefined &&
    argument.kind !== "sign";
  if (name?.kind === "word" && bare && (rules.alone.has(name.text) || rules.about.has(name.text))) return;
  if (name?.kind === "word" && called && rules.about.has(name.text)) return;
  const known = [...rules.alone, ...rules.about].sort().join(", ");
  throw refusal("read-only", `This PRAGMA is not answered here. These are, without "=": ${known}.`);
}

function checkWords(tokens: readonly Token[], rules: GuardRules): void {
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1];
    if (token.kind === "string" && next?.kind === "string" && rules.lexis.dollarQuotes) {
      // PostgreSQL joins them, and the second is then read by the rules of the first.
      throw refusal(
        "invalid",
        `Two texts follow each other at character ${next.start + 1}: write them as one.`,
      );
    }
    if (token.kind !== "word" || !rules.refusedWords.has(token.text)) continue;
    if (token.text === "replace" && next?.text === "(") continue;
    throw refusal(
      "read-only",
      `${token.text.toUpperCase()} at character ${token.start + 1}: this door only reads. A name that is spelled so goes in double quotes.`,
    );
  }
}

export function checkNames(tokens: readonly Token[], rules: GuardRules): void {
  for (const [i, token] of tokens.entries()) {
    const called = tokens[i + 1]?.kind === "sign" && tokens[i + 1]?.text === "(";
    const before = tokens[i - 1];
    if (token.kind === "string") {
      // SQLite takes a string for the name of a table where one is expected.
      const place =
        before?.kind === "word" ? /^(from|join|in)$/.test(before.text) : /^[,.(]$/.test(before?.text ?? "");
      if ((place || called) && rules.isRefusedTable(token.text.toLowerCase())) throw noSuchDoor(token);
      if (called && rules.pragma && !/^(in|not|and|or|then|when|else|values)$/.test(before?.text ?? ""))
        throw noSuchDoor(token);
      continue;
    }
    if (!isName(token)) continue;
    if (!called && rules.isRefusedTable(token.text)) throw noSuchDoor(token);
    if (called && !mayBeCalled(tokens, i, rules)) {
      throw refusal(
        "read-only",
        `The function ${token.text}() is not answered here: only functions that compute from their arguments are.`,
      );
    }
    if (called && rules.literalLengths.has(token.text)) checkLength(tokens, i);
  }
}

function noSuchDoor(token: Token): Error {
  return refusal("read-only", `${token.text} is not part of the store: it cannot be read here.`);
}

function mayBeCalled(tokens: readonly Token[], i: number, rules: GuardRules): boolean {
  const token = tokens[i];
  const before = tokens[i - 1];
  if (token === undefined) return false;
  if (token.kind === "word" && rules.beforeParenthesis.has(token.text)) return before?.text !== ".";
  // A column list: `WITH c(x) AS (…)`, `AS t(a, b)`; a type: `CAST(x AS numeric(10, 2))`, `x::numeric(10, 2)`.
  if (before?.kind === "word" && before.text === "as") return true;
  if (before?.kind === "sign" && before.text === ")" && rules.aliasLists) return true;
  if (before?.text === ":" && tokens[i - 2]?.text === ":") return true;
  if (isColumnList(tokens, i) || rules.isNamed?.(tokens, i) === true) return true;
  if (before?.text === "." && tokens[i - 2]?.text !== rules.functionSchema) return false;
  return rules.functions.has(token.text);
}

function isColumnList(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 1]?.text ?? "";
  if (before !== "with" && before !== "recursive" && before !== ",") return false;
  const end = closing(tokens, i + 1);
  const after = tokens.slice(end + 1, end + 4).map((token) => token.text);
  if (tokens.slice(i + 2, end).some((token) => !isName(token) && token.text !== ",")) return false;
  return after[0] === "as" && (after[1] === "(" || after[1] === "materialized" || after[1] === "not");
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i]?.kind !== "sign") continue;
    if (tokens[i]?.text === "(") depth++;
    if (tokens[i]?.text === ")") depth--;
    if (depth === 0) return i;
  }
  return tokens.length;
}

/** `repeat('x', 1000000000)` takes a gigabyte on a server whose memory is not ours to cap: the length is written out. */
function checkLength(tokens: readonly Token[], i: number): void {
  const end = closing(tokens, i + 1);
  let depth = 0;
  const commas: number[] = [];
  for (let at = i + 1; at < end; at++) {
    const { kind, text } = tokens[at] ?? { kind: "sign", text: "" };
    if (kind === "sign" && (text === "(" || text === "[")) depth++;
    if (kind === "sign" && (text === ")" || text === "]")) depth--;
    if (kind === "sign" && text === "," && depth === 1) commas.push(at);
  }
  const second = commas[0] === undefined ? [] : tokens.slice(commas[0] + 1, commas[1] ?? end);
  const length = second.length === 1 && second[0]?.kind === "number" ? Number(second[0].text) : Number.NaN;
  if (length <= 10_000) return;
  throw refusal(
    "read-only",
    `The length in ${tokens[i]?.text ?? ""}() is a number that is written out, 10000 at most.`,
  );
}
