/**
 * One line of a transcript as Claude Code 2.x writes it. The format is the program's own and grows: every field may be
 * missing or of another type, so that each is `unknown` here and is looked at before it is used.
 */
export interface TranscriptLine {
  readonly type?: unknown;
  readonly subtype?: unknown;
  readonly uuid?: unknown;
  readonly parentUuid?: unknown;
  readonly logicalParentUuid?: unknown;
  readonly sessionId?: unknown;
  readonly requestSessionId?: unknown;
  readonly forkedFrom?: unknown;
  readonly requestId?: unknown;
  readonly agentId?: unknown;
  readonly isSidechain?: unknown;
  readonly isMeta?: unknown;
  readonly isCompactSummary?: unknown;
  readonly isApiErrorMessage?: unknown;
  readonly isAbortedMidStream?: unknown;
  readonly timestamp?: unknown;
  readonly cwd?: unknown;
  readonly gitBranch?: unknown;
  readonly version?: unknown;
  readonly message?: unknown;
  readonly content?: unknown;
  readonly error?: unknown;
  readonly attachment?: unknown;
  readonly toolUseResult?: unknown;
  readonly toolDenialKind?: unknown;
  readonly customTitle?: unknown;
  readonly summary?: unknown;
  readonly aiTitle?: unknown;
  readonly sessionTitle?: unknown;
  readonly modelUsage?: unknown;
  readonly compactMetadata?: unknown;
}

export type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectOf(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

/** What stands under a name of the object's own: names come from files, and `constructor` may be one. */
export function own<Value>(entries: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A number of tokens: whole and never negative, whatever the line says. */
export function countOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0
    ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER)
    : 0;
}

/** The moment a line names, or undefined where it names none that every backend can hold (years 1970 to 9999). */
export function momentOf(value: unknown): number | undefined {
  const at = typeof value === "string" ? Date.parse(value) : value;
  return typeof at === "number" && at >= 0 && at < 253_402_300_800_000 ? Math.floor(at) : undefined;
}

/** The line as an object, or undefined where it is not one: torn, binary, a bare value. */
export function parseLine(text: string): TranscriptLine | undefined {
  try {
    return objectOf(JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text));
  } catch {
    return undefined;
  }
}

/** How deep objects and arrays stand in each other, without recursion; stops counting above `limit`. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    const below: unknown[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      for (const inner of Object.values(item)) if (typeof inner === "object") below.push(inner);
    }
    level = below;
  }
  return false;
}
