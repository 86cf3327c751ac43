import type { Happening, RawHappening } from "../model/happening.ts";
import { newId } from "../model/id.ts";
import { lineBytes } from "./spool.ts";

/** A happening as the spool keeps it. */
export interface TakenIn {
  readonly id: string;
  readonly json: string;
  /** Secrets were replaced already. */
  readonly clean: boolean;
}

export const tooLarge = "larger than 16 MiB";

/** Why a happening cannot be taken in. */
export class Unfit {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const kinds = new Set(["session", "message", "toolExecution", "modelCall", "rawEvent"]);

/**
 * Makes one line of JSON of a happening, complete with its id and its moment. The happening is read once, by
 * JSON.stringify, and never changed; whatever it does then (it may be a Proxy, or hold getters) ends in an answer.
 */
export function takeIn(happening: Happening, now: number, redact: (line: string) => string): TakenIn | Unfit {
  let json: string | undefined;
  let name: string;
  try {
    if (isRaw(happening)) return takeInLine(happening, now, redact);
    json = JSON.stringify(happening);
    name = unfitness(happening);
    if (name !== "") return new Unfit(name);
    const given = happening.id;
    const id = typeof given === "string" && given !== "" ? given : newId(now);
    if (json === undefined || !json.startsWith('{"')) return new Unfit("not an object");
    const own = id === given ? "" : `,"id":"${id}"`;
    // A later name wins where a name stands twice, so these are what the drain reads.
    return { id, json: `${json.slice(0, -1)}${own},"at":${now}}`, clean: false };
  } catch (error) {
    return new Unfit(notJson(error));
  }
}

function isRaw(happening: unknown): happening is RawHappening {
  return (
    typeof happening === "object" &&
    happening !== null &&
    "kind" in happening &&
    happening.kind === "rawEvent"
  );
}

/** A line as its program wrote it is looked through as it is, not as text within JSON: so an import sees it, too. */
function takeInLine(happening: RawHappening, now: number, redact: (line: string) => string): TakenIn | Unfit {
  const { kind, sessionId, subpath, scope, source, version, uuid, position, line, removed } = happening;
  if (!filled(sessionId)) return new Unfit("a rawEvent without a sessionId");
  if (!filled(source)) return new Unfit("a rawEvent without a source");
  if (typeof line !== "string" || line.includes("\n"))
    return new Unfit("a rawEvent whose line is not one line");
  const names = [subpath, scope, version, uuid];
  if (names.some((name) => name !== undefined && (typeof name !== "string" || name.length > 1_000))) {
    return new Unfit("a rawEvent with a name that is not a short text");
  }
  if (position !== undefined && !Number.isSafeInteger(position)) {
    return new Unfit("a rawEvent whose position is not a whole number");
  }
  if (line.length > lineBytes) return new Unfit(tooLarge);
  const id = newId(now);
  const given = { kind, sessionId, subpath, scope, source, version, uuid, position };
  const rest = { ...(removed === true ? { removed } : {}), id, at: now, line: redact(line) };
  return { id, json: JSON.stringify({ ...given, ...rest }), clean: true };
}

/** What is missing, or "". */
function unfitness(happening: Happening): string {
  if (typeof happening !== "object" || happening === null) return "not an object";
  if (!kinds.has(happening.kind)) return "unknown kind";
  if (happening.kind === "session") return filled(happening.id) ? "" : "a session without an id";
  if (!filled(happening.sessionId)) return `a ${happening.kind} without a sessionId`;
  if (happening.kind === "message") return filled(happening.role) ? "" : "a message without a role";
  if (happening.kind === "modelCall") return filled(happening.model) ? "" : "a modelCall without a model";
  if (happening.kind === "rawEvent") return "";
  return filled(happening.toolName) ? "" : "a toolExecution without a toolName";
}

function filled(value: unknown): boolean {
  return typeof value === "string" && value !== "" && value.length <= 1_000;
}

function notJson(error: unknown): string {
  if (error instanceof RangeError) return "too deep or too large for JSON";
  const text = error instanceof Error ? error.message : "";
  if (text.includes("circular")) return "a cycle";
  if (text.includes("BigInt")) return "a BigInt";
  return "cannot be read as JSON";
}
