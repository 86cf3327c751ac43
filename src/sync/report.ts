import type { Millis } from "../model/collection.ts";
import type { SyncMode, SyncState } from "../model/sync-state.ts";

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What one sync did. */
export interface SyncReport {
  readonly mode: SyncMode;
  readonly state: Extract<SyncState, "ok" | "mismatch">;
  /** What both sides hold; null where it was not compared this time. */
  readonly counts: readonly CountLine[] | null;
  /** The versions that were compared one by one, which is due once an hour; null where it was not. */
  readonly compared: Compared | null;
  /** Everything went over again: one of the two stores was not what it had been. */
  readonly again: boolean;
  readonly sent: number;
  readonly received: number;
  /** Rows in which changes of both sides came together. */
  readonly merged: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly took: Millis;
}

/** How many rows each side knows of, alive or removed. */
export interface CountLine {
  readonly collection: string;
  readonly here: number;
  readonly there: number;
}

export interface VerifyOptions {
  /** Also reads every row on both sides and compares what stands in it. Default true. */
  readonly rows?: boolean | undefined;
}

export interface Compared {
  /** Rows that were looked at, on both sides together. */
  readonly rows: number;
  /** How many are not the same, and the first of them. */
  readonly different: number;
  readonly differences: readonly Difference[];
  /** How many were sent and taken to make them the same. */
  readonly repaired: number;
}

export interface Difference {
  readonly collection: string;
  readonly rowKey: string;
  /**
   * - `missing there`, `missing here`: one side has never heard of it
   * - `older there`, `older here`, `apart`: a change has not come over, or both have one
   * - `content`: the same versions, and not the same row
   * - `lost here`, `lost there`: the version says that it lives, and there is no row
   */
  readonly what:
    | "missing there"
    | "missing here"
    | "older there"
    | "older here"
    | "apart"
    | "content"
    | "lost here"
    | "lost there";
}

/** Calls a function after so many ms, unless it is told not to. */
export type After = (ms: Millis, run: () => void) => () => void;
