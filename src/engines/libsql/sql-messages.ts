import type { SqlExecuted } from "../../engine/engine.ts";
import { type ErrorCode, LociError } from "../../errors.ts";
import type { ReadStatement } from "../sql/guard.ts";
import type { Change } from "../sql/guard-write.ts";
import type { Limits } from "../sql/guard-answer.ts";

/** What the parent asks of the child process. */
export interface Question {
  readonly statement: ReadStatement | Change;
  readonly params: readonly unknown[];
  readonly limits: Limits;
  /** For a change: more rows are undone. */
  readonly maxChanges: number;
}

/** What comes back. `ready` is said once, when the file is open. */
export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly answer: SqlExecuted }
  | { readonly kind: "error"; readonly error: SentError };

export interface SentError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly next: string | undefined;
}

export function sentError(error: unknown): SentError {
  if (error instanceof LociError) return { code: error.code, message: error.message, next: error.next };
  return {
    code: undefined,
    message: error instanceof Error ? error.message : String(error),
    next: undefined,
  };
}

export function receivedError({ code, message, next }: SentError, where: string): Error {
  if (code === undefined) return new Error(message);
  return new LociError(code, message, { where, ...(next !== undefined && { next }) });
}
