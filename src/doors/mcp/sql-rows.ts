import { LociError } from "../../errors.ts";
import type { SqlAnswer } from "../../operations/sql.ts";
import { counted } from "../cli/people.ts";
import { safeField } from "../cli/safe.ts";
import { answerOf, type Entry, fits, mostThatFits } from "./fit.ts";
import { clipped, whole } from "./recalled.ts";
import type { ToolAnswer } from "./tool.ts";

/** Rows of SQL, as many as there is room for. */
export function rowsAnswer({ columns, rows, truncated }: SqlAnswer, room: number): ToolAnswer {
  const names = distinct(columns);
  const make = (count: number, longest: number): ToolAnswer => {
    const shown = rows.slice(0, count).map((row) => row.map((value) => shortened(value, longest)));
    const complete = count === rows.length && !truncated;
    const said = `Not all: ${count} of ${truncated ? "more than " : ""}${rows.length} rows. Ask for fewer columns, or again with LIMIT ${count} OFFSET ${count}.`;
    return answerOf({
      head: counted(count, "row"),
      title: `> ${columns.map((name) => safeField(clipped(name, 200))).join("\t")}`,
      list: "rows",
      entries: shown.map((row): Entry => {
        return {
          text: `> ${row.map(cell).join("\t")}`,
          data: Object.fromEntries(row.map((value, at) => [names[at] ?? String(at), value])),
        };
      }),
      data: { columns, row_count: count, truncated: !complete },
      ...(complete ? {} : { rest: { said, data: {} } }),
    });
  };
  const uncut = Number.POSITIVE_INFINITY;
  const count = mostThatFits({ least: 0, most: rows.length }, room, (most) => make(most, uncut));
  if (count > 0 || rows.length === 0) return make(count, uncut);
  // One row is longer than the answer may be: its texts are cut, and say so.
  const length = mostThatFits({ least: 0, most: 100_000 }, room, (most) => make(1, most));
  const cut = make(1, length);
  if (fits(cut, room)) return cut;
  throw new LociError("too-large", `A row of ${columns.length} columns is longer than ${room / 4} tokens.`, {
    next: "Ask for fewer columns, or give a larger max_tokens.",
  });
}

/** What can be bound. */
export function checkedValues(given: unknown): readonly unknown[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const wrong = given.findIndex((value) => typeof value === "object" && value !== null);
  if (wrong < 0) return given;
  throw new LociError("invalid", `params[${wrong}] is a text, a number, a boolean or null, not an object.`, {
    next: "Give an object as its JSON text.",
  });
}

/** A name that stands twice gets its number: `id`, `id:2`. */
function distinct(columns: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return columns.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}:${count}`;
  });
}

function shortened(value: unknown, most: number): unknown {
  if (typeof value !== "string" || value.length <= most) return value;
  return `${whole(value, most)}… (${value.length} characters: ask with substr)`;
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return safeField(typeof value === "object" ? JSON.stringify(value) : String(value));
}
