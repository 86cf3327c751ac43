import type { Happening } from "../../model/happening.ts";
import type { RawEvent } from "../../model/raw-event.ts";
import type { ParserState, Transcript } from "../sources/claude-code/state.ts";
import type { AnyState, LineSource } from "../sources/parsers.ts";
import type { LineLimits } from "./lines.ts";

/** What is sent to a thread: it has to be plain data. */
export interface RedactPlan {
  readonly off: boolean;
  readonly rules: ReadonlyArray<{
    readonly name: string;
    readonly pattern: RegExp;
    readonly hints?: readonly string[];
  }>;
  readonly literals: readonly string[];
}

/** Reads what a session list shows, from the few lines that tell it. */
export interface ScanJob {
  readonly kind: "scan";
  readonly path: string;
  readonly transcript: Transcript;
  readonly redact: RedactPlan;
  readonly limits: LineLimits;
}

/** Reads every line from an offset to the end. */
export interface ReadJob {
  readonly kind: "read";
  readonly path: string;
  /** The imported file's id. */
  readonly id: string;
  readonly offset: number;
  readonly generation: number;
  readonly source: LineSource;
  readonly from: Transcript | AnyState;
  /** None of its rows stood in the store before. */
  readonly fresh: boolean;
  readonly redact: RedactPlan;
  readonly limits: LineLimits;
}

export type Job = ScanJob | ReadJob;

/** What the quick look found: the session's happening and what its rows will add up to. */
export interface Scan {
  readonly session: Happening | null;
  readonly state: ParserState;
  readonly counts: { readonly messages: number; readonly tools: number; readonly errors: number };
}

/** Where a file stands after a batch; it goes to the store in the same step as the batch's rows. */
export interface Mark {
  readonly offset: number;
  readonly state: AnyState;
  /** The last line has no end yet: it was read and kept, and is read again when the file grew. */
  readonly tail: { readonly lines: number; readonly unreadable: number };
  readonly head: string;
  readonly last: string;
  /** The file was read to its end. */
  readonly end: boolean;
}

export interface Batch {
  readonly happenings: readonly Happening[];
  readonly raw: readonly RawEvent[];
  readonly mark: Mark;
  readonly fresh: boolean;
}

export type ToThread =
  | { readonly kind: "job"; readonly job: Job }
  /** The batch stands in the store: the thread may send another. */
  | { readonly kind: "taken" }
  | { readonly kind: "stop" };

export type FromThread =
  | { readonly kind: "scan"; readonly scan: Scan }
  | { readonly kind: "batch"; readonly batch: Batch }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string; readonly code: string | null };
