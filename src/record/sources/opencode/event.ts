import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { countOf, type JsonObject, momentOf, objectOf, textOf } from "../claude-code/line.ts";
import { errorText } from "./session.ts";

/** An event of OpenCode's stream: its type, and what it says. */
export interface OpenCodeEvent {
  /** `evt_…`; older versions give none. */
  readonly id: string | undefined;
  readonly type: string;
  readonly properties: JsonObject;
  /** The session it is of; events of the program itself have none. */
  readonly sessionId: string | undefined;
}

/** Takes an event apart: one of `GET /event`, one of `GET /global/event`, or one of the database's table `event`. */
export function openCodeEvent(value: unknown): OpenCodeEvent | undefined {
  const given = objectOf(value);
  const event = objectOf(given?.["payload"]) ?? given;
  // In the table a version stands behind the type.
  const type = textOf(event?.["type"])?.replace(/\.\d+$/, "");
  const properties = objectOf(event?.["properties"]) ?? objectOf(event?.["data"]);
  if (type === undefined || properties === undefined) return undefined;
  const inner = objectOf(properties["info"]) ?? objectOf(properties["part"]);
  const ofSession = type.startsWith("session.") ? textOf(objectOf(properties["info"])?.["id"]) : undefined;
  const sessionId = textOf(properties["sessionID"]) ?? textOf(inner?.["sessionID"]) ?? ofSession;
  return { id: textOf(event?.["id"]), type, properties, sessionId };
}

/** A session as events and the API have it, as the row that the database has of it. */
export function sessionRowOf(info: JsonObject): JsonObject {
  const time = objectOf(info["time"]);
  const tokens = objectOf(info["tokens"]);
  const cache = objectOf(tokens?.["cache"]);
  return {
    id: info["id"],
    parent_id: info["parentID"],
    directory: info["directory"],
    title: info["title"],
    version: info["version"],
    agent: info["agent"],
    ...(info["model"] === undefined ? {} : { model: JSON.stringify(info["model"]) }),
    tokens_input: countOf(tokens?.["input"]),
    tokens_output: countOf(tokens?.["output"]),
    tokens_reasoning: countOf(tokens?.["reasoning"]),
    tokens_cache_read: countOf(cache?.["read"]),
    tokens_cache_write: countOf(cache?.["write"]),
    time_created: momentOf(time?.["created"]) ?? 0,
    time_updated: momentOf(time?.["updated"]) ?? 0,
  };
}

/** What stands in no table of OpenCode's: a retry, a permission that was asked for, an error before any answer. */
export function passingRow(
  { id, type, properties, sessionId }: OpenCodeEvent,
  at: number,
): Happening | undefined {
  if (sessionId === undefined) return undefined;
  const row = passing(type, properties);
  if (row === undefined) return undefined;
  const { name, text, metadata } = row;
  return {
    kind: "message",
    id: stableId(at, sessionId, type, name ?? id ?? String(at)),
    sessionId,
    role: "system",
    content: text,
    createdAt: at,
    metadata,
  };
}

interface Passing {
  readonly name?: string | undefined;
  readonly text: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

function passing(type: string, properties: JsonObject): Passing | undefined {
  if (type === "session.status") {
    const status = objectOf(properties["status"]);
    if (status?.["type"] !== "retry") return undefined;
    const text = textOf(status["message"]) ?? "The model is asked again.";
    return { text, metadata: { subtype: "retry", attempt: countOf(status["attempt"]) } };
  }
  if (type === "session.error") {
    return { text: errorText(objectOf(properties["error"]) ?? {}), metadata: { subtype: "error" } };
  }
  if (type === "permission.asked" || type === "permission.updated") return asked(properties);
  if (type !== "permission.replied") return undefined;
  const reply = textOf(properties["reply"]) ?? textOf(properties["response"]) ?? "none";
  const name = textOf(properties["requestID"]) ?? textOf(properties["permissionID"]);
  return {
    name,
    text: `The permission was answered: ${reply}`,
    metadata: { subtype: "permission", reply, ...(name === undefined ? {} : { permissionId: name }) },
  };
}

function asked(properties: JsonObject): Passing {
  const name = textOf(properties["id"]);
  const what = textOf(properties["permission"]) ?? textOf(properties["type"]) ?? "something";
  const callId = textOf(objectOf(properties["tool"])?.["callID"]) ?? textOf(properties["callID"]);
  const patterns = [properties["patterns"] ?? properties["pattern"] ?? []]
    .flat()
    .filter((one) => textOf(one));
  return {
    name,
    text: `A permission was asked for: ${[what, ...patterns.map(String)].join(" ")}`,
    metadata: {
      subtype: "permission",
      ...(name === undefined ? {} : { permissionId: name }),
      ...(callId === undefined ? {} : { callId }),
    },
  };
}
