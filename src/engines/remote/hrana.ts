import type { Param } from "../sql/client.ts";

/**
 * What a libSQL server understands: Hrana 3 over HTTP (https://github.com/tursodatabase/libsql/blob/main/docs/HRANA_3_SPEC.md),
 * with values as JSON.
 */

export type HranaValue =
  | { readonly type: "null" }
  | { readonly type: "integer"; readonly value: string }
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "blob"; readonly base64: string };

export interface HranaStatement {
  readonly sql: string;
  readonly args: readonly HranaValue[];
  readonly want_rows: boolean;
}

export type Condition =
  | { readonly type: "ok"; readonly step: number }
  | { readonly type: "not"; readonly cond: Condition }
  | { readonly type: "and"; readonly conds: readonly Condition[] }
  | { readonly type: "is_autocommit" };

export interface Step {
  readonly stmt: HranaStatement;
  readonly condition?: Condition;
}

export interface HranaError {
  readonly message: string;
  readonly code?: string | null;
}

export interface StepResult {
  readonly cols: ReadonlyArray<{ readonly name: string | null }>;
  readonly rows: ReadonlyArray<readonly HranaValue[]>;
  readonly affected_row_count: number;
  readonly query_duration_ms?: number;
}

export interface BatchResult {
  /** Null where a step was not run, or failed. */
  readonly step_results: ReadonlyArray<StepResult | null>;
  readonly step_errors: ReadonlyArray<HranaError | null>;
  readonly replication_index?: string | null;
}

export interface PipelineReply {
  readonly baton?: string | null;
  readonly base_url?: string | null;
  readonly results: ReadonlyArray<
    | { readonly type: "ok"; readonly response: { readonly type: string; readonly result?: BatchResult } }
    | { readonly type: "error"; readonly error: HranaError }
  >;
}

export function hranaStatement(sql: string, params: readonly Param[], rows: boolean): HranaStatement {
  return { sql, args: params.map(toHrana), want_rows: rows };
}

/** Where a request belongs. */
interface Belonging {
  /** A replica answers when it has that frame. */
  readonly frame?: number | undefined;
  /** Of a stream that goes on; the server says the next one with each answer. */
  readonly baton?: string | undefined;
}

function batchOf(
  steps: readonly Step[],
  { frame }: Belonging,
): { readonly steps: readonly Step[]; readonly replication_index?: string } {
  return frame === undefined ? { steps } : { steps, replication_index: String(frame) };
}

/** Ends the stream, unless it `goesOn`. */
export function batchBody(steps: readonly Step[], how: Belonging, goesOn: boolean): string {
  const batch = { type: "batch", batch: batchOf(steps, how) };
  return JSON.stringify({
    baton: how.baton ?? null,
    requests: goesOn ? [batch] : [batch, { type: "close" }],
  });
}

export function closeBody(baton: string): string {
  return JSON.stringify({ baton, requests: [{ type: "close" }] });
}

export function cursorBody(step: Step, how: Belonging): string {
  return JSON.stringify({ baton: how.baton ?? null, batch: batchOf([step], how) });
}

/** How far the server was: the number of the last frame it had. */
export function frameOf(index: string | number | null | undefined): number | undefined {
  return index === null || index === undefined ? undefined : Number(index);
}

export function toHrana(param: Param): HranaValue {
  if (param === null) return { type: "null" };
  if (typeof param === "string") return { type: "text", value: param };
  if (typeof param === "boolean") return { type: "integer", value: param ? "1" : "0" };
  if (typeof param === "number") {
    return Number.isSafeInteger(param)
      ? { type: "integer", value: String(param) }
      : { type: "float", value: param };
  }
  if (!(param instanceof Uint8Array)) throw new TypeError("A list is not bound here.");
  const bytes = Buffer.from(param.buffer, param.byteOffset, param.byteLength);
  return { type: "blob", base64: bytes.toString("base64") };
}

/** An integer beyond the safe ones stays a text: decoding by its declared kind says what is wrong. */
export function fromHrana(value: HranaValue): unknown {
  switch (value.type) {
    case "null":
      return null;
    case "integer": {
      const number = Number(value.value);
      return Number.isSafeInteger(number) ? number : value.value;
    }
    case "blob":
      return new Uint8Array(Buffer.from(value.base64, "base64"));
    default:
      return value.value;
  }
}

export interface CursorResult extends StepResult {
  readonly frame: number | undefined;
  readonly baton: string | null | undefined;
  readonly base: string | null | undefined;
}

/** The lines of a cursor's answer, as the result of its one step. */
export function readCursor(text: string): CursorResult | HranaError {
  const rows: Array<readonly HranaValue[]> = [];
  let cols: StepResult["cols"] = [];
  let whole = false;
  let frame: number | undefined;
  const [first = "", ...lines] = text.split("\n");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the protocol says that a server answers
  const { baton, base_url: base } = JSON.parse(first) as Pick<PipelineReply, "baton" | "base_url">;
  for (const line of lines) {
    if (line === "") continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the protocol's words
    const entry = JSON.parse(line) as CursorEntry;
    if (entry.type === "step_begin") cols = entry.cols;
    else if (entry.type === "row") rows.push(entry.row);
    else if (entry.type === "step_end") whole = true;
    else if (entry.type === "replication_index") frame = frameOf(entry.replication_index);
    else if (entry.type === "step_error" || entry.type === "error") return entry.error;
  }
  if (!whole) return { message: "the answer ends before its end", code: "CURSOR_CUT" };
  return { cols, rows, affected_row_count: 0, frame, baton, base };
}

type CursorEntry =
  | { readonly type: "step_begin"; readonly cols: StepResult["cols"] }
  | { readonly type: "row"; readonly row: readonly HranaValue[] }
  | { readonly type: "step_end" }
  | { readonly type: "replication_index"; readonly replication_index?: string | null }
  | { readonly type: "step_error" | "error"; readonly error: HranaError };
