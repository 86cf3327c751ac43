import { type Change, type Engine, insert, update } from "../engine/engine.ts";
import type { Happening, RawHappening } from "../model/happening.ts";
import { messages } from "../model/message.ts";
import { type ModelCall, modelCalls } from "../model/model-call.ts";
import { pendingSearch } from "../model/search.ts";
import { type Session, sessions } from "../model/session.ts";
import { type ToolExecution, toolExecutions } from "../model/tool-execution.ts";
import { pendingRows } from "./pending.ts";
import {
  afterEnd,
  duration,
  hasEnded,
  millis,
  type ModelCallPart,
  modelCallRow,
  type Parts,
  sessionRow,
  sortHappenings,
  type ToolExecutionPart,
  toolExecutionRow,
} from "./rows.ts";
import type { LiveSources } from "./live-source.ts";
import { createRawLines } from "./raw-lines.ts";
import { createSequences, type Sequences } from "./sequences.ts";
import { settleSessions } from "./settle.ts";
import { createTelemetry } from "./telemetry.ts";

export interface IngestOptions {
  /** Written in the same step as the rows; when rows have to be compared with older ones, right after them. */
  readonly changes?: readonly Change[];
  /** The caller makes the rows of this write searchable itself, and has until then. */
  readonly claimPendingUntil?: number;
  /** None of these rows stood in the store before: nothing is looked up first. */
  readonly fresh?: boolean;
  /** It was noted by a recorder that is no more, and its sessions may have gone on since. */
  readonly late?: boolean;
}

export interface Ingested {
  /** Sessions that were touched: `settle` them when the moment is right. */
  readonly sessions: readonly string[];
  readonly messages: number;
  readonly toolExecutions: number;
  readonly modelCalls: number;
  /** The ids of the `search_pending` rows. */
  readonly pending: readonly string[];
}

export interface Ingest {
  write(happenings: readonly Happening[], options?: IngestOptions): Promise<Ingested>;
  /** Sets the totals of these sessions from their rows. */
  settle(sessionIds: readonly string[]): Promise<void>;
}

export interface IngestParts {
  readonly now: () => number;
  /** US dollars of a call, or null when its model has no price. */
  readonly costOf: (call: ModelCall) => number | null;
  /** Sources whose raw lines become the rows of their session as they come. */
  readonly sources?: LiveSources;
}

type SessionHappening = Extract<Happening, { readonly kind: "session" }>;

interface Batch {
  readonly parts: Parts;
  readonly fresh: boolean;
  readonly until: number;
}

/** Turns happenings into rows. What is written twice stands once. */
export function createIngest(engine: Engine, { now, costOf, sources }: IngestParts): Ingest {
  const sequences = createSequences(engine);
  const telemetry = createTelemetry(engine);
  const rawLines = createRawLines(engine, sources);

  const ingest: Ingest = {
    async write(given, how = {}) {
      const { changes: beside = [], claimPendingUntil: until = 0, fresh = false, late = false } = how;
      const raw = await rawLines.take(given.filter(isRaw), now());
      const all = raw.happenings.length === 0 ? given : [...given, ...raw.happenings];
      const happenings = late ? await withoutOldWords(engine, all) : all;
      const changes = [...raw.changes, ...beside];
      const batch: Batch = { parts: sortHappenings(happenings, now()), fresh, until };
      const { parts } = batch;
      const better = await telemetry.giveWay(parts);
      for (const id of better.emptied) sequences.forget(id);
      const said = await sequences.number(parts.messages.values(), parts.heard);
      const tools = await toolRows(engine, batch, sequences);
      const pending = await pendingRows(engine, { said, tools: tools.rows, until });
      const touched = touchedSessions(parts);
      const rows = [
        ...raw.removals,
        ...sessionChanges(parts, touched),
        insert(messages, said),
        ...tools.changes,
        ...(await callChanges(engine, batch, costOf)),
        ...better.changes,
        insert(pendingSearch, pending),
      ];
      // Only a message can be left out for a reason that asks for a second write.
      const together = fresh || said.length === 0;
      await sequences.write(together ? [...rows, ...changes] : rows, said, async (again) =>
        insert(pendingSearch, await pendingRows(engine, { said: again, tools: [], until: 0 })),
      );
      if (!together && changes.length > 0) await engine.write(changes);
      raw.done();
      return {
        sessions: [...touched.keys()],
        messages: said.length,
        toolExecutions: parts.toolExecutions.size,
        modelCalls: parts.modelCalls.size,
        pending: pending.map((row) => row.id),
      };
    },
    async settle(sessionIds) {
      const told = sources === undefined ? [] : await rawLines.together(sessionIds);
      const more = told.length > 0 ? (await ingest.write(told)).sessions : [];
      await settleSessions(engine, [...new Set([...sessionIds, ...more])]);
    },
  };
  return ingest;
}

function isRaw(happening: Happening): happening is RawHappening {
  return happening.kind === "rawEvent";
}

/** How a session went: whoever goes on with it says so anew. */
const outcome: ReadonlySet<string> = new Set(["status", "endedAt", "errorMessage"]);

/** Takes out of late words what others may have said since: where the session's row is newer, all but what it lacks. */
async function withoutOldWords(engine: Engine, given: readonly Happening[]): Promise<readonly Happening[]> {
  const ids = new Set(given.flatMap((one) => (one.kind === "session" ? one.id : [])));
  if (ids.size === 0) return given;
  const there = await engine.find(sessions, { where: { id: { anyOf: [...ids] } } });
  const rows = new Map(there.map((row) => [row.id, row]));
  return given.map((one) => {
    if (one.kind !== "session") return one;
    const row = rows.get(one.id);
    // Each word counts from its own moment: one leftover may hold older ones and newer ones.
    const at = "at" in one && typeof one.at === "number" ? one.at : row?.updatedAt;
    if (row === undefined || at === undefined || at >= row.updatedAt) return one;
    const startedAt = Math.min(row.startedAt, millis(one.startedAt ?? at, "startedAt"));
    rows.set(one.id, { ...row, startedAt });
    return { ...onlyUnknown(one, row), startedAt };
  });
}

function onlyUnknown(word: SessionHappening, row: Session): SessionHappening {
  const known = new Map<string, unknown>(Object.entries(row));
  const blank = new Map<string, unknown>(Object.entries(sessionRow({ id: row.id }, row.startedAt)));
  const said = Object.entries(word).filter(
    ([name]) => !outcome.has(name) && known.get(name) === blank.get(name),
  );
  return { ...Object.fromEntries(said), kind: "session", id: row.id };
}

/** The sessions of a batch, each with the first moment heard of it. */
function touchedSessions(parts: Parts): Map<string, number> {
  const first = new Map<string, number>();
  const hear = (sessionId: string, at: number): void => {
    first.set(sessionId, Math.min(first.get(sessionId) ?? at, at));
  };
  for (const { id } of parts.sessions.values()) hear(id, parts.heard.get(id) ?? 0);
  for (const { id, sessionId, createdAt } of parts.messages.values()) {
    hear(sessionId, createdAt ?? parts.heard.get(id) ?? 0);
  }
  for (const map of [parts.toolExecutions, parts.modelCalls]) {
    for (const { id, sessionId, startedAt } of map.values())
      hear(sessionId, startedAt ?? parts.heard.get(id) ?? 0);
  }
  // In order, so that two writers never wait for each other on PostgreSQL.
  return new Map([...first].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function sessionChanges(parts: Parts, touched: ReadonlyMap<string, number>): Change[] {
  const rows = [...touched].map(([id, at]) => sessionRow(parts.sessions.get(id) ?? { id }, at));
  const patches = [...touched.keys()].flatMap((id) => {
    const { id: _, ...patch } = parts.sessions.get(id) ?? { id };
    return Object.keys(patch).length === 0 ? [] : [update(sessions, { id }, patch)];
  });
  return [insert(sessions, rows), ...patches];
}

async function toolRows(
  engine: Engine,
  { parts, fresh }: Batch,
  sequences: Sequences,
): Promise<{ rows: ToolExecution[]; changes: Change[] }> {
  const { toolExecutions: given, heard } = parts;
  if (given.size === 0) return { rows: [], changes: [] };
  const known = new Map<string, Pick<ToolExecution, "startedAt" | "status" | "messageId">>();
  if (!fresh) {
    const there = await engine.find(toolExecutions, {
      where: { id: { anyOf: [...given.keys()] } },
      fields: ["id", "startedAt", "status", "messageId"],
    });
    for (const row of there) known.set(row.id, row);
  }
  const rows: ToolExecution[] = [];
  const added: ToolExecution[] = [];
  const patches: Change[] = [];
  for (const part of given.values()) {
    const before = known.get(part.id);
    const at = heard.get(part.id) ?? 0;
    const messageId =
      part.messageId === undefined
        ? (before?.messageId ?? (await sequences.newest(part.sessionId)))
        : part.messageId;
    // Heard of before its end: that is when it began, as far as anybody said.
    const startedAt = part.startedAt ?? before?.startedAt ?? Math.min(at, part.endedAt ?? at);
    const row = toolExecutionRow({ ...part, messageId, startedAt }, at);
    rows.push(row);
    if (before === undefined) added.push(row);
    else patches.push(update(toolExecutions, { id: part.id }, toolPatch(part, row, before.status)));
  }
  return { rows, changes: [insert(toolExecutions, added), ...patches] };
}

/** What a later word on a call changes: the given fields and its duration; a call that ended stays ended. */
function toolPatch(
  part: ToolExecutionPart,
  row: ToolExecution,
  before: ToolExecution["status"],
): Partial<ToolExecution> {
  const { id: _, ...given } = hasEnded(before) ? afterEnd(part) : part;
  const durationMs = given.durationMs ?? duration(row.startedAt, given.endedAt);
  const isOver = typeof given.endedAt === "number" && !hasEnded(given.status);
  return {
    ...given,
    ...(durationMs === null ? {} : { durationMs }),
    // Who says that it ended and not how has nothing to complain of.
    ...(isOver ? { status: "completed" } : {}),
  };
}

async function callChanges(
  engine: Engine,
  { parts, fresh }: Batch,
  costOf: IngestParts["costOf"],
): Promise<Change[]> {
  const { modelCalls: given, heard } = parts;
  if (given.size === 0) return [];
  const there = fresh ? [] : await engine.find(modelCalls, { where: { id: { anyOf: [...given.keys()] } } });
  const known = new Map(there.map((row) => [row.id, row]));
  const added: ModelCall[] = [];
  const patches: Change[] = [];
  for (const part of given.values()) {
    const before = known.get(part.id);
    const row = modelCallRow({ ...keptOf(before, part), ...part }, heard.get(part.id) ?? 0, costOf);
    const { id, ...rest } = row;
    if (before === undefined) added.push(row);
    else patches.push(update(modelCalls, { id }, rest));
  }
  return [insert(modelCalls, added), ...patches];
}

/** What is known of a call already. Its cost stays while its tokens do: who tells it again may not say what it cost. */
function keptOf(before: ModelCall | undefined, part: ModelCallPart): Partial<ModelCall> | undefined {
  if (before === undefined) return undefined;
  const { costUsd, ...kept } = before;
  const grown = counts.some((name) => (part[name] ?? before[name]) !== before[name]);
  return grown || costUsd === null || (part.model ?? before.model) !== before.model ? kept : before;
}

const counts = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"] as const;
