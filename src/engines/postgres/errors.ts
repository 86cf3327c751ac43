import { type ErrorCode, LociError } from "../../errors.ts";

type Meaning = readonly [code: ErrorCode, sentence: string, next?: string];

/** SQLSTATE and the system's own names: whole, or the class that they begin with. */
const meanings: Readonly<Record<string, Meaning>> = {
  "08": ["unreachable", "lost the connection"],
  "22": ["invalid", "refuses a value"],
  "23": ["invalid", "refuses rows that break a rule"],
  "25006": ["read-only", "takes no changes: it is a replica, or was set to read only"],
  "28": ["permission", "does not let us in", "Look at the user and the password in the URL"],
  "3D000": ["config", "has no database of this name", "createdb NAME, or name another one in the URL"],
  "40001": ["busy", "met another transaction on the same rows"],
  "40P01": ["busy", "met another transaction on the same rows"],
  "42501": ["permission", "does not let this user do that", "Grant it the right to create and use tables"],
  "42P01": ["schema", "has no such table: its schema was not prepared"],
  "53100": ["permission", "cannot grow: its disk is full"],
  "53300": ["unreachable", "has no connection left", "Raise max_connections, or open fewer"],
  "54": ["too-large", "refuses a value that is too large"],
  "55P03": ["busy", "met another transaction on the same rows"],
  "57014": ["interrupted", "was told to stop"],
  "57P": ["unreachable", "is starting or stopping"],
  ECONN: ["unreachable", "does not answer"],
  EHOSTUNREACH: ["unreachable", "does not answer"],
  ENETUNREACH: ["unreachable", "does not answer"],
  ENOTFOUND: ["unreachable", "has a host name that nobody knows"],
  EAI_AGAIN: ["unreachable", "has a host name that nobody knows"],
  EPIPE: ["unreachable", "lost the connection"],
  ETIMEDOUT: ["unreachable", "does not answer"],
};

/** The driver has no codes for these. */
const lostConnection =
  /connection terminated|timeout expired|timeout exceeded|read timeout|not queryable|closed the connection|server conn crashed/i;

export function translated(place: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LociError) return error;
  const state = stateOf(error);
  const meaning =
    (lostConnection.test(error.message) ? meanings["08"] : undefined) ??
    meanings[state] ??
    meanings[state.slice(0, 5)] ??
    meanings[state.slice(0, 3)] ??
    meanings[state.slice(0, 2)];
  if (!meaning) return error;
  const [code, sentence, next] = meaning;
  const help =
    next ?? (code === "unreachable" ? "Start the server, or name another store with --db" : undefined);
  return new LociError(code, `${place} ${sentence} (${error.message || state}).`, {
    where: place,
    cause: error,
    ...(help && { next: help }),
  });
}

/** Node puts the reasons of all addresses it tried into one error. */
function stateOf(error: Error): string {
  if ("code" in error && typeof error.code === "string") return error.code;
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return first instanceof Error ? stateOf(first) : "";
}
