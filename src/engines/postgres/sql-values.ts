import { LociError } from "../../errors.ts";
import { escapeText } from "../../engine/text.ts";
import { shown } from "../../engine/stored.ts";
import { postgresRules } from "../sql/guard-lists.ts";
import { type Token, tokenize } from "../sql/guard-tokens.ts";

/** PostgreSQL's numbers of its types, and how their text is said in JSON; every other type stays text. */
export const readers: ReadonlyMap<number, (text: string) => unknown> = new Map([
  [16, (text: string): unknown => text === "t"],
  [17, (text: string): unknown => `x'${text.slice(2)}'`],
  [20, integer],
  [21, Number],
  [23, Number],
  [700, Number],
  [701, Number],
  [1700, numeric],
]);

/**
 * `?` for a value, as on a file, becomes `$1`, `$2` …: in a text that numbers none itself and has as many of them as
 * there are values, so that an operator of that name stays one.
 */
export function numbered(sql: string, params: readonly unknown[] = []): string {
  if (params.length === 0 || !sql.includes("?")) return sql;
  let tokens: Token[];
  try {
    tokens = tokenize(sql, postgresRules.lexis);
  } catch {
    // The guard says it better.
    return sql;
  }
  const marks = tokens.filter(({ kind, text }) => kind === "sign" && text === "?");
  if (marks.length !== params.length || tokens.some(({ kind }) => kind === "parameter")) return sql;
  let text = "";
  let from = 0;
  for (const [i, { start, end }] of marks.entries()) {
    text += `${sql.slice(from, start)}$${i + 1}`;
    from = end;
  }
  return text + sql.slice(from);
}

function integer(text: string): unknown {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** As a number where that loses nothing a person would see. */
function numeric(text: string): unknown {
  return text.replace(/[^0-9]/g, "").length <= 15 ? Number(text) : text;
}

/** Values for `$1`, `$2` …, counted and of known classes. */
export function bindAll(params: readonly unknown[], places: number): unknown[] {
  if (params.length !== places) {
    throw new LociError("invalid", `The statement has ${places} places for values; ${params.length} came.`);
  }
  return params.map((value) => {
    if (typeof value === "string") return escapeText(value);
    if (value === null || typeof value === "boolean" || typeof value === "bigint") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (value instanceof Date && Number.isFinite(value.getTime())) return value;
    throw new LociError(
      "invalid",
      `A bound value is text, a finite number, true, false, null, a Date or bytes, not ${shown(value)}.`,
    );
  });
}
