import { type ErrorCode, LociError } from "../../errors.ts";

/** The driver (0.7.2) says `GenericFailure` whatever happened: the kind stands in the text only. */
const kinds: ReadonlyArray<readonly [pattern: RegExp, code: ErrorCode, sentence: string, next?: string]> = [
  [/constraint failed/i, "invalid", "refuses rows that break a rule"],
  [/database is locked|\bbusy\b/i, "busy", "is held by another connection"],
  [
    /database is full|no space left|storage full/i,
    "permission",
    "cannot grow: the disk is full",
    "Make room on the disk; what was recorded waits in the spool",
  ],
  [/corrupt|malformed|not a database/i, "corrupt", "is damaged"],
  [
    /read-?only|permission denied/i,
    "permission",
    "cannot be written",
    "Let your user write the file and its folder",
  ],
  [/interrupted/i, "interrupted", "was told to stop"],
  [/too big|too large/i, "too-large", "cannot keep a value of that size"],
  [
    /Expected 'USING' in module name|no such module|Parse error in schema/i,
    "config",
    "has something in it that the Turso engine cannot open",
  ],
  [
    /I\/O error|entity not found|failed to open database/i,
    "permission",
    "cannot be read or written",
    "Let your user read and write the file and its folder",
  ],
];

/** Held by another process for as long as that has it open. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && /Locking error/.test(error.message);
}

export function isBusy(error: unknown): boolean {
  return kindOf(error)?.[1] === "busy";
}

function kindOf(error: unknown): (typeof kinds)[number] | undefined {
  if (!(error instanceof Error) || error instanceof LociError) return undefined;
  return kinds.find(([pattern]) => pattern.test(error.message));
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
  if (isLocked(error)) return lockedOut(path, error);
  const [, code, sentence, next] = kindOf(error) ?? [];
  if (!code) return error;
  const help = code === "corrupt" ? `loci doctor --db turso:${path}` : next;
  return new LociError(code, `${path} ${sentence} (${error.message}).`, {
    where: path,
    cause: error,
    ...(help && { next: help }),
  });
}

function lockedOut(path: string, cause: Error): LociError {
  return new LociError(
    "busy",
    `${path} is open in another process, and the Turso engine lets one process in at a time.`,
    {
      where: path,
      next: "Ask that process, or end it; a file that many processes share is libSQL's: name it without turso:",
      cause,
    },
  );
}
