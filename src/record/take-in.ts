import type { Happening } from "../model/happening.ts";
import { newId } from "../model/id.ts";

/** A happening as the spool keeps it. */
export interface TakenIn {
  readonly id: string;
  readonly json: string;
}

/** Why a happening cannot be taken in. */
export class Unfit {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const kinds = new Set(["session", "message", "toolExecution", "modelCall"]);

/**
 * Makes one line of JSON of a happening, complete with its id and its moment. The happening is read once, by
 * JSON.stringify, and never changed; whatever it does then (it may be a Proxy, or hold getters) ends in an answer.
 */
export function takeIn(happening: Happening, now: number): TakenIn | Unfit {
  let json: string | undefined;
  let name: string;
  try {
    json = JSON.stringify(happening);
    name = unfitness(happening);
    if (name !== "") return new Unfit(name);
    const given = happening.id;
    const id = typeof given === "string" && given !== "" ? given : newId(now);
    if (json === undefined || !json.startsWith('{"')) return new Unfit("not an object");
    const own = id === given ? "" : `,"id":"${id}"`;
    // A later name wins where a name stands twice, so these are what the drain reads.
    return { id, json: `${json.slice(0, -1)}${own},"at":${now}}` };
  } catch (error) {
    return new Unfit(notJson(error));
  }
}

/** What is missing, or "". */
function unfitness(happening: Happening): string {
  if (typeof happening !== "object" || happening === null) return "not an object";
  if (!kinds.has(happening.kind)) return "unknown kind";
  if (happening.kind === "session") return filled(happening.id) ? "" : "a session without an id";
  if (!filled(happening.sessionId)) return `a ${happening.kind} without a sessionId`;
  if (happening.kind === "message") return filled(happening.role) ? "" : "a message without a role";
  if (happening.kind === "modelCall") return filled(happening.model) ? "" : "a modelCall without a model";
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
