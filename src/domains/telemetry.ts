import { type Change, type Engine, remove, update } from "../engine/engine.ts";
import { telemetryMark } from "../model/id.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { type Session, sessions } from "../model/session.ts";
import { toolExecutions } from "../model/tool-execution.ts";
import type { ModelCallPart, Parts, SessionPart, ToolExecutionPart } from "./rows.ts";

/**
 * A session may be told twice: by the runtime's own record (a transcript, an adapter) and by its telemetry. The own
 * record wins, whichever comes first, and telemetry adds to it only how long things took: so nothing stands twice and
 * no token counts twice. Telemetry's rows are known by the form of their ids.
 */
export interface Telemetry {
  /**
   * Takes out of a batch what an own record tells better, and takes away what telemetry told before an own record
   * came. Answers changes to write with the batch, and the sessions whose messages were taken away.
   */
  giveWay(
    parts: Parts,
  ): Promise<{ readonly changes: readonly Change[]; readonly emptied: readonly string[] }>;
}

const source = "otlp";
/** How many sessions' durations are remembered until their own rows come. */
const remembered = 200;
/** More calls without a duration than this are not looked through. */
const mostCalls = 5_000;

type Stored = Pick<Session, "id" | "source" | "title" | "startedAt" | "endedAt">;
type Durations = Map<string, number>;

export function createTelemetry(engine: Engine): Telemetry {
  /** Durations that telemetry told, of sessions whose own rows are coming: by call. */
  const durations = new Map<string, Durations>();

  return {
    async giveWay(parts) {
      addDurations(parts, durations);
      const told = toldSessions(parts);
      const own = [...parts.sessions.values()].filter((part) => part.source !== source);
      if (told.size === 0 && own.length === 0) return { changes: [], emptied: [] };
      const stored = await storedOf(engine, [...told, ...own.map(({ id }) => id)]);
      const better = [...told].filter((id) => (stored.get(id)?.source ?? source) !== source);
      for (const id of told) settleWith(parts.sessions, id, stored.get(id));
      const changes = better.length === 0 ? [] : await withheld(engine, parts, new Set(better));
      const emptied = own.filter(({ id }) => stored.get(id)?.source === source);
      for (const part of emptied) {
        if (durations.size >= remembered) durations.clear();
        durations.set(part.id, await takeAway(engine, part.id));
        parts.sessions.set(part.id, { source: "recorder", ...part });
      }
      if (emptied.length > 0) addDurations(parts, durations);
      return { changes, emptied: emptied.map(({ id }) => id) };
    },
  };
}

function toldSessions(parts: Parts): Set<string> {
  const told = new Set<string>();
  for (const { id, source: from } of parts.sessions.values()) if (from === source) told.add(id);
  for (const map of [parts.messages, parts.toolExecutions, parts.modelCalls])
    for (const { id, sessionId } of map.values()) if (id.startsWith(telemetryMark)) told.add(sessionId);
  return told;
}

async function storedOf(engine: Engine, ids: readonly string[]): Promise<Map<string, Stored>> {
  const rows = await engine.find(sessions, {
    where: { id: { anyOf: [...new Set(ids)] } },
    fields: ["id", "source", "title", "startedAt", "endedAt"],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

/** Requests come in any order: a session keeps its first title and its widest span, and its newest state. */
function settleWith(parts: Map<string, SessionPart>, id: string, stored: Stored | undefined): void {
  const part = parts.get(id);
  if (part?.source !== source) return;
  if (stored === undefined) {
    // Nothing will say that it is over.
    parts.set(id, { status: "completed", ...part });
    return;
  }
  const { status, errorMessage, title, ...rest } = part;
  const older = (part.endedAt ?? 0) < (stored.endedAt ?? 0);
  parts.set(id, {
    ...rest,
    ...(older || status === undefined ? {} : { status }),
    ...(older || errorMessage === undefined ? {} : { errorMessage }),
    ...(stored.title !== null || title === undefined ? {} : { title }),
    startedAt: Math.min(stored.startedAt, part.startedAt ?? stored.startedAt),
    ...(part.endedAt === undefined ? {} : { endedAt: Math.max(part.endedAt ?? 0, stored.endedAt ?? 0) }),
  });
}

/** Takes telemetry's rows of these sessions out of the batch; what they add becomes changes. */
async function withheld(engine: Engine, parts: Parts, better: ReadonlySet<string>): Promise<Change[]> {
  const tools = takenFrom(parts.toolExecutions, better);
  const calls = takenFrom(parts.modelCalls, better);
  takenFrom(parts.messages, better);
  for (const id of better) if (parts.sessions.get(id)?.source === source) parts.sessions.delete(id);
  return [...(await toolDurations(engine, tools)), ...(await callDurations(engine, calls))];
}

function takenFrom<Part extends { readonly id: string; readonly sessionId: string }>(
  parts: Map<string, Part>,
  of: ReadonlySet<string>,
): Part[] {
  const taken = [...parts.values()].filter(
    (part) => part.id.startsWith(telemetryMark) && of.has(part.sessionId),
  );
  for (const { id } of taken) parts.delete(id);
  return taken;
}

async function toolDurations(engine: Engine, told: readonly ToolExecutionPart[]): Promise<Change[]> {
  const known = durationsOf(told, ({ callId }) => callId);
  if (known.size === 0) return [];
  const rows = await engine.find(toolExecutions, {
    where: {
      sessionId: { anyOf: [...new Set(told.map(({ sessionId }) => sessionId))] },
      callId: { anyOf: [...known.keys()] },
    },
    fields: ["id", "callId"],
  });
  return rows.flatMap(({ id, callId }) => {
    const durationMs = known.get(callId ?? "");
    return durationMs === undefined ? [] : [update(toolExecutions, { id }, { durationMs })];
  });
}

async function callDurations(engine: Engine, told: readonly ModelCallPart[]): Promise<Change[]> {
  const known = durationsOf(told, requestOf);
  if (known.size === 0) return [];
  const rows = await engine.find(modelCalls, {
    where: { sessionId: { anyOf: [...new Set(told.map(({ sessionId }) => sessionId))] }, durationMs: null },
    fields: ["id", "metadata"],
    limit: mostCalls,
  });
  return rows.flatMap((row) => {
    const durationMs = known.get(requestOf(row) ?? "");
    return durationMs === undefined ? [] : [update(modelCalls, { id: row.id }, { durationMs })];
  });
}

/** The server's name of a call, which a transcript and telemetry both have. */
function requestOf({ metadata }: { readonly metadata?: unknown }): string | undefined {
  const has = typeof metadata === "object" && metadata !== null && "requestId" in metadata;
  return has && typeof metadata.requestId === "string" ? metadata.requestId : undefined;
}

function durationsOf<Row extends { readonly durationMs?: number | null | undefined }>(
  rows: readonly Row[],
  name: (row: Row) => string | null | undefined,
): Durations {
  return new Map(
    rows.flatMap((row) => {
      const key = name(row);
      return typeof key === "string" && typeof row.durationMs === "number" ? [[key, row.durationMs]] : [];
    }),
  );
}

/** Takes away what telemetry told of a session, and answers how long it said that things took. */
async function takeAway(engine: Engine, sessionId: string): Promise<Durations> {
  const where = { sessionId, id: { startsWith: telemetryMark } };
  const tools = await engine.find(toolExecutions, { where, fields: ["callId", "durationMs"] });
  const calls = await engine.find(modelCalls, { where, fields: ["metadata", "durationMs"] });
  await engine.write([remove(messages, where), remove(toolExecutions, where), remove(modelCalls, where)]);
  return new Map([...durationsOf(tools, ({ callId }) => callId), ...durationsOf(calls, requestOf)]);
}

/** The own rows of a session that telemetry told first get the durations that it told. */
function addDurations(parts: Parts, durations: ReadonlyMap<string, Durations>): void {
  if (durations.size === 0) return;
  for (const [id, part] of parts.toolExecutions) {
    const durationMs = durations.get(part.sessionId)?.get(part.callId ?? "");
    if (durationMs !== undefined && !id.startsWith(telemetryMark))
      parts.toolExecutions.set(id, { ...part, durationMs });
  }
  for (const [id, part] of parts.modelCalls) {
    const durationMs = durations.get(part.sessionId)?.get(requestOf(part) ?? "");
    if (durationMs !== undefined && !id.startsWith(telemetryMark))
      parts.modelCalls.set(id, { durationMs, ...part });
  }
}
