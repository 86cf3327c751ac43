import { type JsonObject, momentOf, objectOf, parseLine, textOf } from "../claude-code/line.ts";

/** One line of a rollout file: its envelope, whatever the version that wrote it. */
export interface RolloutLine {
  readonly at: number | undefined;
  /** `session_meta`, `turn_context`, `response_item`, `event_msg`, `token_usage_record`, `compacted`, and others. */
  readonly type: string;
  readonly payload: JsonObject;
}

/** A line as an envelope; undefined where it is no JSON object. Versions before 0.32 wrote items without one. */
export function rolloutLine(text: string): RolloutLine | undefined {
  const line = objectOf(parseLine(text));
  if (line === undefined) return undefined;
  const at = momentOf(line["timestamp"]);
  const payload = objectOf(line["payload"]);
  const type = textOf(line["type"]);
  if (payload !== undefined) return { at, type: type ?? "unknown", payload };
  if (type === undefined && textOf(line["id"]) !== undefined && textOf(line["timestamp"]) !== undefined) {
    return { at, type: "session_meta", payload: line };
  }
  return { at, type: type === undefined ? "unknown" : "response_item", payload: line };
}

const envelopes: ReadonlySet<unknown> = new Set([
  "session_meta",
  "turn_context",
  "response_item",
  "event_msg",
  "token_usage_record",
  "world_state",
  "compacted",
]);

/** Whether a line is one of Codex's. */
export function isRolloutLine(line: JsonObject): boolean {
  if (envelopes.has(line["type"])) return objectOf(line["payload"]) !== undefined;
  return line["type"] === undefined && "instructions" in line && textOf(line["id"]) !== undefined;
}

/** The text of a message's or an output's parts; what is no text is named in brackets by the caller. */
export function partsOf(content: unknown): { readonly text: string | null; readonly blocks: string[] } {
  if (typeof content === "string") return { text: content, blocks: [] };
  const texts: string[] = [];
  const blocks: string[] = [];
  for (const item of Array.isArray(content) ? content : []) {
    const part = objectOf(item);
    const said = part?.["text"];
    if (typeof said === "string") texts.push(said);
    else if (part !== undefined) blocks.push(textOf(part["type"]) ?? "unknown");
  }
  return { text: texts.length === 0 ? null : texts.join("\n\n"), blocks };
}

/** Milliseconds of a duration as Codex writes it: `{secs, nanos}`. */
export function durationOf(value: unknown): number | undefined {
  const given = objectOf(value);
  const [secs, nanos] = [given?.["secs"], given?.["nanos"]];
  if (typeof secs !== "number" || typeof nanos !== "number") return undefined;
  const ms = Math.round(secs * 1_000 + nanos / 1e6);
  return Number.isSafeInteger(ms) && ms >= 0 ? ms : undefined;
}
