import type { SqlAnswer, SqlOptions } from "../../engine/engine.ts";
import { unescapeText } from "../../engine/text.ts";

/** What one question may take. */
export interface Limits {
  readonly deadline: number;
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly maxCell: number;
}

/** A model reads the answer, and so may a person: more than this is no answer. */
export function limitsOf({
  deadline = 5_000,
  maxRows = 1_000,
  maxBytes = 256 * 1024,
}: SqlOptions = {}): Limits {
  return { deadline, maxRows, maxBytes, maxCell: 16 * 1024 };
}

export interface AnswerWriter {
  /** Takes a row in; false when the answer is full and asking for more rows is in vain. */
  add(row: readonly unknown[]): boolean;
  answer(): SqlAnswer;
}

/** Collects rows up to the limits. Whatever is cut says so in its place, and makes the answer `truncated`. */
export function createAnswer(columns: readonly string[], limits: Limits): AnswerWriter {
  const rows: unknown[][] = [];
  let bytes = 0;
  let truncated = false;
  const cutTo = (row: readonly unknown[], most: number): unknown[] =>
    row.map((value) => {
      const { cell, cut } = readable(value, most);
      truncated ||= cut;
      return cell;
    });
  return {
    add(row) {
      if (rows.length >= limits.maxRows) {
        truncated = true;
        return false;
      }
      let cells = cutTo(row, limits.maxCell);
      let size = sizeOf(cells);
      if (rows.length === 0 && size > limits.maxBytes) {
        // One row alone is too much: each of its cells gets its share, or there would be no answer at all.
        cells = cutTo(row, Math.floor(limits.maxBytes / (row.length * 8)));
        size = sizeOf(cells);
      }
      if (bytes + size > limits.maxBytes) {
        truncated = true;
        return false;
      }
      bytes += size;
      rows.push(cells);
      return true;
    },
    answer: () => ({ columns, rows, truncated }),
  };
}

function sizeOf(cells: readonly unknown[]): number {
  return Buffer.byteLength(JSON.stringify(cells)) + 1;
}

/** A value as JSON can say it: bytes as `x'…'`, integers beyond the safe ones as text. */
function readable(value: unknown, most: number): { cell: unknown; cut: boolean } {
  if (typeof value === "string") return cutText(unescapeText(value), value.length, most);
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, most)).toString("hex");
    return cutText(`x'${hex}'`, value.length * 2 + 3, most);
  }
  if (typeof value === "bigint") {
    const number = Number(value);
    return { cell: Number.isSafeInteger(number) ? number : String(value), cut: false };
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { cell: String(value), cut: false };
  return { cell: value ?? null, cut: false };
}

function cutText(text: string, length: number, most: number): { cell: string; cut: boolean } {
  if (text.length <= most) return { cell: text, cut: false };
  // A pair is not cut in two.
  const end = /[\ud800-\udbff]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return { cell: `${text.slice(0, end)} … [cut: ${length} characters in all]`, cut: true };
}
