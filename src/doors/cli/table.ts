import { safeField, safeLine } from "./safe.ts";
import type { Screen, Tone } from "./screen.ts";
import { displayWidth, pad, truncate } from "./width.ts";

/** What a column says of a row to a program: what JSON says, in one field. */
export type Value = string | number | boolean | null | undefined;

export interface Column<Row> {
  /** Its name in TSV and CSV. */
  readonly name: string;
  /** Its head in a table; a column without one stands only in TSV and CSV. */
  readonly title?: string;
  readonly value: (row: Row) => Value;
  /** What a person sees; the value where it is left out. */
  readonly cell?: (row: Row, screen: Screen) => string;
  readonly tone?: (row: Row) => Tone | undefined;
  readonly align?: "right";
  /** Dropped earlier the higher it is; 0, the default, stays. */
  readonly priority?: number;
  /** Takes what room is left, and never less than this. */
  readonly flexible?: number;
  /** Never wider than this. */
  readonly most?: number;
}

const gap = 2;

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
  const shown = columns.filter((column) => column.title !== undefined);
  const natural = shown.map((column): Laid<Row> => {
    const cells = rows.map((row) => cellOf(column, row, screen));
    const widest = Math.max(displayWidth(column.title ?? ""), ...cells.map(displayWidth));
    return { column, cells, width: Math.min(widest, column.most ?? widest) };
  });
  const laid = fit(natural, screen.columns);
  const head = laid.map(({ column, width }) => pad(column.title ?? "", width, column.align ?? "left"));
  const lines = [screen.tone(head.join(" ".repeat(gap)).trimEnd(), "dim")];
  for (const [at, row] of rows.entries()) {
    const parts = laid.map(({ column, cells, width }) => {
      const text = pad(truncate(cells[at] ?? "", width), width, column.align ?? "left");
      const tone = column.tone?.(row);
      return tone ? screen.tone(text, tone) : text;
    });
    lines.push(parts.join(" ".repeat(gap)).trimEnd());
  }
  return lines;
}

function cellOf<Row>(column: Column<Row>, row: Row, screen: Screen): string {
  const value = column.cell ? column.cell(row, screen) : column.value(row);
  return value === null || value === undefined ? "" : safeLine(String(value));
}

function fit<Row>(all: readonly Laid<Row>[], room: number): ReadonlyArray<Laid<Row>> {
  let laid = all;
  for (;;) {
    const over = laid.reduce((sum, { width }) => sum + width + gap, -gap) - room;
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
export function drawTsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return [
    columns.map(({ name }) => safeField(name)).join("\t"),
    ...rows.map((row) => columns.map(({ value }) => safeField(textOf(value(row)))).join("\t")),
  ];
}

/** RFC 4180, with line feeds between records; fields keep what was recorded, quoted where they must be. */
export function drawCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  return [
    columns.map(({ name }) => quoted(name)).join(","),
    ...rows.map((row) => columns.map(({ value }) => quoted(textOf(value(row)))).join(",")),
  ];
}

function textOf(value: Value): string {
  return value === null || value === undefined ? "" : String(value);
}

function quoted(text: string): string {
  return /[",\r\n\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
