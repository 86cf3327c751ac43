import { type ErrorCode, LociError } from "../../errors.ts";

/** SQLite's own numbers (https://sqlite.org/rescode.html); the low byte of an extended one is the kind. */
const kinds: Readonly<Record<number, readonly [code: ErrorCode, sentence: string, next?: string]>> = {
  3: ["permission", "does not let us in"],
  5: ["busy", "is held by another process"],
  6: ["busy", "is held by another process"],
  8: ["permission", "cannot be written", "Let your user write the file and its folder"],
  9: ["interrupted", "was told to stop"],
  10: ["permission", "cannot be read or written: the disk answers with an error"],
  11: ["corrupt", "is damaged"],
  13: [
    "permission",
    "cannot grow: the disk is full",
    "Make room on the disk; what was recorded waits in the spool",
  ],
  14: ["permission", "cannot be opened", "Let your user read and write the file and its folder"],
  18: ["too-large", "cannot keep a value of more than 1 GB"],
  19: ["invalid", "refuses rows that break a rule"],
  23: ["permission", "does not let us do that"],
  26: ["corrupt", "is not a database, or is damaged at its beginning"],
};

/** Where opening fails, the driver has the number in the text only. */
const failedOpen = /^ConnectionFailed\(.*: (\d+)"\)$/s;

export function sqliteKind(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("rawCode" in error && typeof error.rawCode === "number") return error.rawCode & 0xff;
  const number = failedOpen.exec(error.message)?.[1];
  return number === undefined ? undefined : Number(number) & 0xff;
}

export function isBusy(error: unknown): boolean {
  const kind = sqliteKind(error);
  return kind === 5 || kind === 6;
}

/** Errors of the driver become ours and keep their cause; anything else is a bug and stays what it is. */
export function translated(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof LociError) return error;
  const missing = /no such table: (\S+)/.exec(error.message)?.[1];
  if (missing) {
    return new LociError("schema", `${path} has no table ${missing}: its schema was not prepared.`, {
      where: path,
      cause: error,
    });
  }
  const [code, sentence, next] = kinds[sqliteKind(error) ?? 0] ?? [];
  if (!code) return error;
  const help = code === "corrupt" ? `loci doctor --db ${path}` : next;
  return new LociError(code, `${path} ${sentence} (${error.message}).`, {
    where: path,
    cause: error,
    ...(help && { next: help }),
  });
}
