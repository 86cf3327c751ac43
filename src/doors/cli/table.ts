import { safeField, safeLine } from "./safe.ts";
import type { Screen, Tone } from "./screen.ts";
import { displayWidth, pad, truncate } from "./width.ts";

/** What a field says of a row to a program. */
export type Value = string | number | boolean | null | undefined;

/** A field of TSV and CSV: everything, in full. */
export interface Field<Row> {
  readonly name: string;
  readonly value: (row: Row) => Value;
}

/** A column of a table: what a person wants to see, as far as there is room. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row, screen: Screen) => Value;
  readonly tone?: (row: Row) => Tone | undefined;
  readonly align?: "right";
  /** Dropped earlier the higher it is; 0, the default, stays. */
  readonly priority?: number;
  /** May become narrower, and never narrower than this. */
  readonly flexible?: number;
  /** Never wider than this. */
  readonly most?: number;
  /** Belongs to the column behind it: one space between them. */
  readonly tight?: true;
}

interface Laid<Row> {
  readonly column: Column<Row>;
  readonly cells: readonly string[];
  readonly width: number;
}

/** Lines of a table that fits the screen: columns are narrowed, then dropped; nothing wraps. */
export function drawTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  screen: Screen,
): string[] {
  const natural = columns.map((column): Laid<Row> => {
    const cells = rows.map((row) => safeLine(textOf(column.cell(row, screen))));
    const widest = cells.reduce(
      (most, cell) => Math.max(most, displayWidth(cell)),
      displayWidth(column.title),
    );
    return { column, cells, width: Math.min(widest, column.most ?? widest) };
  });
  const laid = fit(natural, screen.columns);
  const head = laid.map(({ column, width }) => ({
    column,
    text: pad(column.title, width, column.align ?? "left"),
  }));
  const lines = [screen.tone(joined(head), "dim")];
  for (const [at, row] of rows.entries()) {
    const parts = laid.map(({ column, cells, width }) => {
      const text = pad(truncate(cells[at] ?? "", width), width, column.align ?? "left");
      const tone = text.trim() === "" ? undefined : column.tone?.(row);
      return { column, text: tone ? screen.tone(text, tone) : text };
    });
    lines.push(joined(parts));
  }
  return lines;
}

interface Part<Row> {
  readonly column: Column<Row>;
  readonly text: string;
}

function joined<Row>(parts: readonly Part<Row>[]): string {
  return parts
    .map(({ column, text }) => text + " ".repeat(gapOf(column)))
    .join("")
    .trimEnd();
}

function gapOf<Row>(column: Column<Row>): number {
  return column.tight ? 1 : 2;
}

function fit<Row>(all: readonly Laid<Row>[], room: number): ReadonlyArray<Laid<Row>> {
  let laid = all;
  for (;;) {
    const over = laid.reduce((sum, { column, width }) => sum + width + gapOf(column), -2) - room;
    if (over <= 0) return laid;
    const slack = laid.reduce((sum, one) => sum + give(one), 0);
    if (slack >= over) return narrow(laid, over);
    const last = Math.max(...laid.map(({ column }) => column.priority ?? 0));
    if (last === 0) return narrow(laid, slack);
    laid = laid.filter(({ column }) => (column.priority ?? 0) !== last);
  }
}

/** How much narrower a column may become. */
function give<Row>({ column, width }: Laid<Row>): number {
  return column.flexible === undefined ? 0 : Math.max(0, width - column.flexible);
}

/** Takes `over` cells from the flexible columns, always from the widest. */
function narrow<Row>(laid: readonly Laid<Row>[], over: number): ReadonlyArray<Laid<Row>> {
  const result = [...laid];
  for (let left = over; left > 0; left--) {
    let widest = -1;
    for (const [at, one] of result.entries()) {
      if (give(one) > 0 && (widest < 0 || one.width > (result[widest]?.width ?? 0))) widest = at;
    }
    const one = result[widest];
    if (!one) break;
    result[widest] = { ...one, width: one.width - 1 };
  }
  return result;
}

/** Lines between tabs, with a head: for `cut`, `awk`, `sort` and spreadsheets. */
export function drawTsv<Row>(fields: readonly Field<Row>[], rows: readonly Row[]): string[] {
  return [
    fields.map(({ name }) => safeField(name)).join("\t"),
    ...rows.map((row) => fields.map(({ value }) => safeField(textOf(value(row)))).join("\t")),
  ];
}

/** RFC 4180, with line feeds between records; fields keep what was recorded, quoted where they must be. */
export function drawCsv<Row>(fields: readonly Field<Row>[], rows: readonly Row[]): string[] {
  return [
    fields.map(({ name }) => quoted(name)).join(","),
    ...rows.map((row) => fields.map(({ value }) => quoted(textOf(value(row)))).join(",")),
  ];
}

function textOf(value: Value): string {
  return value === null || value === undefined ? "" : String(value);
}

function quoted(text: string): string {
  return /[",\r\n\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
