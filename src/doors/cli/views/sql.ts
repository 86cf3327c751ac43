import type { SqlAnswer } from "../../../operations/sql.ts";
import { type AnyView, view } from "../output.ts";
import { counted } from "../people.ts";
import type { Value } from "../table.ts";

type Cells = readonly unknown[];

export const sqlView: AnyView = view<SqlAnswer, Cells>({
  rows: (answer) => answer.rows,
  columns: ({ columns, rows }) =>
    columns.map((title, at) => ({
      title,
      cell: (row) => shown(row[at]),
      flexible: 6,
      most: 120,
      // Numbers stand under each other by their last digit.
      ...(rows.length > 0 && rows.every((row) => row[at] === null || typeof row[at] === "number")
        ? { align: "right" as const }
        : {}),
      // A query's first columns are what it is about.
      priority: at === 0 ? 0 : at,
    })),
  fields: ({ columns }) => columns.map((name, at) => ({ name, value: (row) => shown(row[at]) })),
  record: (row, { columns }) => Object.fromEntries(columns.map((name, at) => [name, row[at]])),
  hints: (answer) => {
    const { rows, truncated } = answer;
    const shown = `${counted(rows.length, "row")}${truncated ? ", and more: --limit N" : ""}`;
    if (!("rowsAffected" in answer)) return [shown];
    return [`${counted(Number(answer.rowsAffected), "row")} changed`, ...(rows.length > 0 ? [shown] : [])];
  },
});

function shown(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return JSON.stringify(value);
}
