import { createHash } from "node:crypto";
import type { Happening } from "../../../model/happening.ts";
import { type JsonObject, momentOf, objectOf, textOf } from "../claude-code/line.ts";
import { type OpenCodeEvent, passingRow, sessionRowOf } from "./event.ts";
import { lastAnswer, openCodeMessage } from "./happenings.ts";
import type { OpenCodeMessage, OpenCodeRow } from "./rows.ts";
import { isOver, openCodeSession } from "./session.ts";
import { noHiddenCall, openCodeCalls } from "./usage.ts";

/**
 * OpenCode's events become what an import of its database makes of the same session, with the same ids: the tables are
 * put together from the events, and what is new in them is told. Pure: no clock, no files, no network.
 */
export interface OpenCodeSource {
  /** What an event tells that was not told before. `at` is the moment of events that have none. */
  event(event: OpenCodeEvent, at: number): Happening[];
  /** A whole session as the API answers it; what is known of it is replaced. */
  load(loaded: LoadedSession): Happening[];
  /** There is a session's own row: its events can be told in full. */
  knows(sessionId: string): boolean;
  /** Sessions that are at work. */
  running(): string[];
  /** The program is gone: what it was doing was cut off. */
  gone(): Happening[];
  /** Lets go of the sessions that are at rest, but for the newest. */
  trim(keep: number): void;
}

export interface LoadedSession {
  readonly info: JsonObject;
  /** As `GET /session/ID/message` answers them. */
  readonly messages: ReadonlyArray<{ readonly info: JsonObject; readonly parts: readonly JsonObject[] }>;
  readonly busy: boolean;
}

/** A message whose parts may be gone from memory, once all of them were told. */
interface Held extends OpenCodeMessage {
  readonly parts: OpenCodeRow[];
  newest: string | undefined;
  whole: boolean;
}

interface Live {
  readonly id: string;
  row: JsonObject | undefined;
  readonly messages: Held[];
  /** Parts of messages that were not heard of yet. */
  readonly orphans: Map<string, OpenCodeRow[]>;
  busy: boolean;
  /** It is known from its begin on. */
  whole: boolean;
  /** By the id of a happening, what was told of it last. */
  readonly told: Map<string, string>;
}

/** So many messages of a session keep their parts; of those before only what is counted stays. */
const wholeMessages = 4;

export function createOpenCodeSource(): OpenCodeSource {
  const sessions = new Map<string, Live>();

  function liveOf(id: string): Live {
    const live = sessions.get(id) ?? {
      ...{ id, row: undefined, busy: false, whole: false },
      ...{ messages: [], orphans: new Map<string, OpenCodeRow[]>(), told: new Map<string, string>() },
    };
    // The newest is the last one.
    sessions.delete(id);
    sessions.set(id, live);
    return live;
  }

  return {
    event(event, at) {
      if (event.sessionId === undefined) return [];
      const live = liveOf(event.sessionId);
      const out = tellEvent(live, event, at);
      if (event.type === "session.deleted") sessions.delete(live.id);
      return out;
    },
    load({ info, messages, busy }) {
      const id = textOf(info["id"]);
      if (id === undefined) return [];
      const live = liveOf(id);
      live.row = sessionRowOf(info);
      live.busy = busy;
      live.whole = true;
      live.messages.length = 0;
      for (const message of messages) {
        hold(live, message.info);
        for (const part of message.parts) holdPart(live, part);
      }
      return tellAll(live);
    },
    knows: (sessionId) => sessions.get(sessionId)?.row !== undefined,
    running: () => [...sessions.values()].filter(({ busy }) => busy).map(({ id }) => id),
    gone() {
      const cut = [...sessions.values()].filter(({ busy }) => busy);
      for (const live of cut) live.busy = false;
      return cut.flatMap(tellAll);
    },
    trim(keep) {
      for (const { id, busy } of [...sessions.values()].slice(0, -keep)) if (!busy) sessions.delete(id);
    },
  };
}

function tellEvent(live: Live, event: OpenCodeEvent, at: number): Happening[] {
  const { type, properties } = event;
  const info = objectOf(properties["info"]);
  if (type === "session.created" || type === "session.updated") {
    const first = live.row === undefined;
    if (type === "session.created") live.whole = true;
    if (info !== undefined) live.row = sessionRowOf(info);
    return first ? tellAll(live) : [...tellSession(live), ...tellCalls(live)];
  }
  if (type === "message.updated" && info !== undefined) return tellMessage(live, info);
  if (type === "message.part.updated") return tellPart(live, objectOf(properties["part"]) ?? {});
  if (type === "session.status" || type === "session.idle") {
    const status = textOf(objectOf(properties["status"])?.["type"]) ?? "idle";
    live.busy = status !== "idle";
    const passed = passingRow(event, at);
    return [...tellSession(live), ...tellCalls(live), ...(passed === undefined ? [] : [passed])];
  }
  // The answer that is being given says it itself.
  if (type === "session.error" && saysItself(live)) return [];
  const passed = passingRow(event, at);
  return passed === undefined ? [] : fresh(live, [passed]);
}

function saysItself({ messages }: Live): boolean {
  const last = messages.at(-1);
  if (last?.data["role"] !== "assistant") return false;
  return !isOver(last.data) || objectOf(last.data["error"]) !== undefined;
}

function tellMessage(live: Live, info: JsonObject): Happening[] {
  const message = hold(live, info);
  if (message === undefined) return [];
  const at = live.messages.indexOf(message);
  // A new answer ends the one before.
  const before = live.messages.slice(0, at).findLast(({ data }) => data["role"] === "assistant");
  const out = [
    ...(before?.whole === true && !isOver(before.data) ? tellHeld(live, before) : []),
    ...tellHeld(live, message),
    ...tellSession(live),
    ...tellCalls(live),
  ];
  for (const old of live.messages.slice(0, -wholeMessages)) slim(live, old);
  return out;
}

function tellPart(live: Live, part: JsonObject): Happening[] {
  const message = holdPart(live, part);
  if (message === undefined) return [];
  const told = tellHeld(live, message, textOf(part["id"]));
  return part["type"] === "step-finish" ? [...told, ...tellCalls(live)] : told;
}

function tellAll(live: Live): Happening[] {
  const out = [
    ...tellSession(live),
    ...live.messages.flatMap((message) => tellHeld(live, message)),
    ...tellCalls(live),
  ];
  for (const old of live.messages.slice(0, -wholeMessages)) slim(live, old);
  return out;
}

/** What a message became; with `part`, only what is of it. */
function tellHeld(live: Live, message: Held, part?: string): Happening[] {
  if (!message.whole || live.row === undefined) return [];
  const over = isOver(message.data) || live.messages.indexOf(message) < lastAnswer(live.messages);
  const { told, newest } = openCodeMessage(live.id, message, over);
  message.newest = newest;
  const asked = told.filter(
    (one) => part === undefined || one.part === part || one.part.startsWith(message.id),
  );
  return fresh(
    live,
    asked.map(({ happening }) => happening),
  );
}

function tellSession(live: Live): Happening[] {
  if (live.row === undefined) return [];
  const session = openCodeSession(live.id, { row: live.row, messages: live.messages });
  return fresh(live, [
    live.busy ? { ...session, status: "running", endedAt: null, errorMessage: null } : session,
  ]);
}

function tellCalls(live: Live): Happening[] {
  const { id, row, messages, busy } = live;
  if (row === undefined) return [];
  const messageOf = new Map(
    messages.flatMap((one) => (one.newest === undefined ? [] : [[one.id, one.newest]])),
  );
  const calls = openCodeCalls(id, { row, messages }, messageOf);
  // At work, only a step that is finished counts: an answer may tell its tokens before its steps do, and what is
  // counted beside the answers is not known yet.
  const steps = (call: (typeof calls)[number]): boolean =>
    !call.estimated && !messages.some((message) => message.id === objectOf(call.metadata)?.["callId"]);
  if (busy || !live.whole) return fresh(live, calls.filter(steps));
  const none = noHiddenCall(id);
  const gone = live.told.has(none.id) && !calls.some((call) => call.id === none.id);
  return fresh(live, gone ? [...calls, none] : calls);
}

/** Those that say something new. */
function fresh(live: Live, happenings: readonly Happening[]): Happening[] {
  return happenings.filter((happening) => {
    const { id } = happening;
    if (id === undefined) return true;
    const digest = createHash("sha1").update(JSON.stringify(happening)).digest("base64");
    if (live.told.get(id) === digest) return false;
    live.told.set(id, digest);
    return true;
  });
}

/** Takes a message into the table. */
function hold(live: Live, { id: given, sessionID: _, ...data }: JsonObject): Held | undefined {
  const id = textOf(given);
  if (id === undefined) return undefined;
  const at = momentOf(objectOf(data["time"])?.["created"]) ?? 0;
  const known = live.messages.findIndex((message) => message.id === id);
  const before = live.messages[known];
  const held: Held = {
    ...{ id, at, data },
    parts: before?.parts ?? live.orphans.get(id) ?? [],
    newest: before?.newest,
    whole: before?.whole ?? true,
  };
  live.orphans.delete(id);
  if (before === undefined) live.messages.push(held);
  else live.messages[known] = held;
  live.messages.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
  return held;
}

/** Takes a part into the table, in its place: their ids ascend with time. */
function holdPart(live: Live, part: JsonObject): Held | undefined {
  const { id: given, messageID, sessionID: _, ...data } = part;
  const id = textOf(given);
  const messageId = textOf(messageID);
  if (id === undefined || messageId === undefined) return undefined;
  const message = live.messages.find((one) => one.id === messageId);
  const parts = message?.parts ?? live.orphans.get(messageId) ?? [];
  const known = parts.findIndex((one) => one.id === id);
  const row: OpenCodeRow = { id, at: message?.at ?? 0, data };
  if (known === -1) parts.push(row);
  else parts[known] = row;
  if (known === -1) parts.sort((one, other) => (one.id < other.id ? -1 : 1));
  if (message === undefined) live.orphans.set(messageId, parts);
  return message;
}

/** Lets go of what was told: only what is counted stays, and the prompt that the session is named after. */
function slim(live: Live, message: Held): void {
  const first = live.messages.find(({ data }) => data["role"] === "user") === message;
  if (!message.whole || first || (message.data["role"] === "assistant" && !isOver(message.data))) return;
  message.whole = false;
  const counted = message.parts.filter(({ data }) => data["type"] === "step-finish");
  message.parts.splice(0, message.parts.length, ...counted);
}
