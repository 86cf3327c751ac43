import { countOf, type JsonObject, momentOf, objectOf, textOf } from "../claude-code/line.ts";
import type { Tokens } from "../claude-code/state.ts";

/** A row of OpenCode's tables `message` and `part`, its `data` taken apart. */
export interface OpenCodeRow {
  readonly id: string;
  readonly at: number;
  readonly data: JsonObject;
}

/** A message with its parts, both in their order. */
export interface OpenCodeMessage extends OpenCodeRow {
  readonly parts: readonly OpenCodeRow[];
}

/** What stands of one session in the database. */
export interface OpenCodeSession {
  /** The row of the table `session`. */
  readonly row: JsonObject;
  readonly messages: readonly OpenCodeMessage[];
}

/** One line of what is kept raw: a row of a table. */
export type TableLine = JsonObject & { readonly table?: unknown };

/** Puts the rows of one session together again; answers undefined where its own row is not among them. */
export function sessionOf(lines: readonly TableLine[]): OpenCodeSession | undefined {
  const row = lines.find(({ table }) => table === "session");
  if (row === undefined) return undefined;
  const parts = new Map<string, OpenCodeRow[]>();
  for (const line of lines) {
    const part = line.table === "part" ? rowOf(line) : undefined;
    const message = textOf(line["message_id"]);
    if (part !== undefined && message !== undefined) {
      parts.set(message, [...(parts.get(message) ?? []), part]);
    }
  }
  const messages = lines
    .flatMap((line) => (line.table === "message" ? (rowOf(line) ?? []) : []))
    .map((message) => ({ ...message, parts: (parts.get(message.id) ?? []).sort(byId) }))
    .sort((one, other) => one.at - other.at || byId(one, other));
  return { row, messages };
}

function rowOf(line: TableLine): OpenCodeRow | undefined {
  const id = textOf(line["id"]);
  const data = objectOf(line["data"]);
  if (id === undefined || data === undefined) return undefined;
  const created = momentOf(objectOf(data["time"])?.["created"]) ?? momentOf(line["time_created"]);
  return { id, at: created ?? 0, data };
}

/** Their ids ascend with time. */
function byId(one: OpenCodeRow, other: OpenCodeRow): number {
  return one.id < other.id ? -1 : 1;
}

/** OpenCode counts what was reasoned beside the output; it is paid as output. */
export function openCodeTokens(value: unknown): Tokens {
  const tokens = objectOf(value);
  const cache = objectOf(tokens?.["cache"]);
  return [
    countOf(tokens?.["input"]),
    countOf(tokens?.["output"]) + countOf(tokens?.["reasoning"]),
    countOf(cache?.["read"]),
    countOf(cache?.["write"]),
    0,
  ];
}
