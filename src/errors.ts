/**
 * What went wrong, for programs. Callers compare `code`, never the class and never the text.
 *
 * - `busy`: another process holds the store for longer than we wait; asking again is right.
 * - `closed`: the store, the recorder or the engine was closed before the call.
 * - `config`: a setting, a URL or an environment variable is not usable.
 * - `corrupt`: the file is damaged, or is not a database.
 * - `interrupted`: the caller cancelled, or a deadline passed.
 * - `invalid`: an argument is outside what the call accepts.
 * - `lease-lost`: the task or the lock is somebody else's by now, or was cancelled; what was sent is not stored.
 * - `not-found`: nothing has this name or id.
 * - `permission`: the system does not let us read or write there.
 * - `read-only`: a statement that may change something was sent through the read-only door.
 * - `schema`: the store was written by a newer Loci.
 * - `too-large`: the answer or the input is over a limit that is named in the message.
 * - `unreachable`: a server does not answer.
 * - `unsupported`: this backend, or this runtime, cannot do it.
 */
export type ErrorCode =
  | "busy"
  | "closed"
  | "config"
  | "corrupt"
  | "interrupted"
  | "invalid"
  | "lease-lost"
  | "not-found"
  | "permission"
  | "read-only"
  | "schema"
  | "too-large"
  | "unreachable"
  | "unsupported";

export interface ErrorDetails {
  /** The error of the driver or of the system below, kept whole. */
  readonly cause?: unknown;
  /** Where we looked: a path, a URL without credentials, a variable's name. */
  readonly where?: string;
  /** The command, or the sentence, that helps. */
  readonly next?: string;
}

/** The one error class of Loci. `message` is a sentence for people: what was expected and what came. */
export class LociError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly next: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "LociError";
    this.code = code;
    this.where = details.where;
    this.next = details.next;
  }
}

/** The code of anything that was thrown, or undefined where it is not ours. Works across copies of the package. */
export function errorCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error) || error.name !== "LociError") return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- another copy's class: its name is all there is
  return (error as LociError).code;
}
