import { type ErrorCode, LociError } from "../../errors.ts";
import type { HranaError } from "./hrana.ts";
import { newToken } from "./token.ts";

type Meaning = readonly [code: ErrorCode, sentence: string, next?: string];

/** The server's own words, and SQLite's: whole, or what they begin with. */
const meanings: ReadonlyArray<readonly [begins: string, meaning: Meaning]> = [
  ["SQLITE_BUSY", ["busy", "is held by another writer"]],
  ["SQLITE_LOCKED", ["busy", "is held by another writer"]],
  ["TRANSACTION_TIMEOUT", ["busy", "took longer than the server lets a writer"]],
  ["SQLITE_CONSTRAINT", ["invalid", "refuses rows that break a rule"]],
  ["SQLITE_TOOBIG", ["too-large", "refuses a value that is too large"]],
  ["SQLITE_FULL", ["permission", "cannot grow: its disk is full"]],
  ["SQLITE_CORRUPT", ["corrupt", "is damaged"]],
  ["SQLITE_NOTADB", ["corrupt", "is damaged"]],
  ["SQLITE_READONLY", ["permission", "takes no changes"]],
  ["SQLITE_INTERRUPT", ["interrupted", "was told to stop"]],
  ["SQLITE_AUTH", ["permission", "does not let us do that"]],
  ["AUTH", ["permission", "does not let us do that: the token has not the right", newToken]],
  ["SQLITE_PERM", ["permission", "does not let us do that"]],
  ["BLOCKED", ["permission", "is blocked by its owner"]],
  ["RESPONSE_TOO_LARGE", ["too-large", "has an answer that is larger than it sends"]],
  ["NAMESPACE_DOESNT_EXIST", ["config", "has no database of this name"]],
  ["STREAM_EXPIRED", ["unreachable", "ended our connection"]],
  ["CURSOR_CUT", ["unreachable", "did not answer whole"]],
];

export function isBusy({ code }: HranaError): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(code ?? "");
}

export function translated(place: string, error: HranaError): LociError {
  const cause = new Error(`${error.code ?? "error"}: ${error.message}`);
  const missing = /no such table: (\S+)/.exec(error.message)?.[1];
  if (missing !== undefined) {
    const sentence = `${place} has no table ${missing}: its schema was not prepared.`;
    return new LociError("schema", sentence, { where: place, cause });
  }
  const tooBig = /too big|too large/i.test(error.message);
  const found = meanings.find(([begins]) => error.code?.startsWith(begins))?.[1];
  const [code, sentence, next]: Meaning = tooBig
    ? ["too-large", "refuses a value that is too large"]
    : (found ?? ["invalid", "refuses the statement"]);
  return new LociError(code, `${place} ${sentence} (${error.message}).`, {
    where: place,
    cause,
    ...(next === undefined ? {} : { next }),
  });
}

export function unreachable(
  place: string,
  reason: string,
  { unknown }: { readonly unknown: boolean },
): LociError {
  const sentence = unknown
    ? `${place} did not answer (${reason}): it is not known whether the change was done.`
    : `${place} does not answer (${reason}).`;
  const next = unknown
    ? "Read what stands there before you do it again"
    : "Start the server, look at the network, or name another store with --db";
  return new LociError("unreachable", sentence, { where: place, next });
}

/** An HTTP status that is no answer of the database. */
export function refusedRequest(place: string, status: number, text: string): LociError {
  const said = wordsOf(text);
  const details = { where: place, cause: new Error(`HTTP ${status}: ${said}`) };
  if (status === 403) {
    return new LociError("permission", `${place} does not let this token do that (${said}).`, {
      ...details,
      next: newToken,
    });
  }
  if (status === 404)
    return new LociError("config", `${place} has no database of this name (${said}).`, details);
  if (status === 413)
    return new LociError("too-large", `${place} takes no request of this size (${said}).`, details);
  if (status >= 500)
    return new LociError("unreachable", `${place} answers HTTP ${status} (${said}).`, details);
  return new LociError(
    "config",
    `${place} does not speak as a libSQL server does: HTTP ${status} (${said}).`,
    details,
  );
}

function wordsOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    const said: unknown =
      typeof parsed === "object" && parsed !== null
        ? (Reflect.get(parsed, "error") ?? Reflect.get(parsed, "message"))
        : undefined;
    if (typeof said === "string") return said.slice(0, 200);
  } catch {
    // Some answer plain words.
  }
  return text.replace(/\s+/g, " ").trim().slice(0, 200) || "no words";
}
