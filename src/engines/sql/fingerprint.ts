import { type Lexis, type Token, tokenize } from "./guard-tokens.ts";

export interface FingerprintOptions {
  /**
   * Quoted names that may be shown; all where it is left out. SQLite takes `"secret"` for a text where no column has
   * that name, so a statement that people wrote shows only names that we know.
   */
  readonly names?: ReadonlySet<string>;
}

const unreadable = "(a statement that cannot be read)";

/**
 * The pattern of a statement: without comments, in lower case, `?` for each value, one `?` for a list of values, one row
 * for the rows of VALUES. No value stands in it, whatever the statement is.
 */
export function fingerprint(sql: string, lexis: Lexis, { names }: FingerprintOptions = {}): string {
  let tokens: Token[];
  try {
    tokens = tokenize(sql, lexis);
  } catch {
    return unreadable;
  }
  const parts = tokens.map((token, place) => ({
    text: shown(token, names),
    gap: token.start > (tokens[place - 1]?.end ?? 0),
  }));
  while (parts.at(-1)?.text === ";") parts.pop();
  const text = parts.map(({ text, gap }, place) => (gap && place > 0 ? ` ${text}` : text)).join("");
  return collapsed(text);
}

function shown({ kind, text }: Token, names: ReadonlySet<string> | undefined): string {
  switch (kind) {
    case "string":
    case "number":
    case "parameter":
      return "?";
    case "quoted":
      return names === undefined || names.has(text) ? `"${text.replaceAll('"', '""')}"` : '"?"';
    default:
      return text;
  }
}

function collapsed(text: string): string {
  return text
    .replace(/([(,=<>]\s*)[-+]\s*\?/g, "$1?")
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, "(?)")
    .replace(/(values\s*)(\([^()]*\))(?:\s*,\s*\2)+/g, "$1$2");
}
