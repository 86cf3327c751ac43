import type { Engine } from "../../engine/engine.ts";
import { messages } from "../../model/message.ts";
import { modelCalls } from "../../model/model-call.ts";
import { importedFiles, rawEvents } from "../../model/raw-event.ts";
import { sessions } from "../../model/session.ts";
import { toolExecutions } from "../../model/tool-execution.ts";
import { isSecond } from "./plan.ts";
import { coverOf, type RawSpan } from "./raw.ts";

/** What is now stored from the files of an import. */
export interface ImportCounts {
  readonly lines: number;
  readonly unreadable: number;
  readonly sessions: number;
  readonly messages: number;
  readonly toolExecutions: number;
  readonly modelCalls: number;
  /** Lines that are kept as they were written. */
  readonly rawEvents: number;
  /** Decisions, entries of knowledge and checkpoints. */
  readonly remembered: number;
}

export const noCounts: ImportCounts = {
  lines: 0,
  unreadable: 0,
  sessions: 0,
  messages: 0,
  toolExecutions: 0,
  modelCalls: 0,
  rawEvents: 0,
  remembered: 0,
};

export function plus(one: ImportCounts, other: ImportCounts): ImportCounts {
  return {
    lines: one.lines + other.lines,
    unreadable: one.unreadable + other.unreadable,
    sessions: one.sessions + other.sessions,
    messages: one.messages + other.messages,
    toolExecutions: one.toolExecutions + other.toolExecutions,
    modelCalls: one.modelCalls + other.modelCalls,
    rawEvents: one.rawEvents + other.rawEvents,
    remembered: one.remembered + other.remembered,
  };
}

const chunk = 200;

/** Counts rows, not what was sent to be written. */
export async function storedCounts(engine: Engine, ids: ReadonlySet<string>): Promise<ImportCounts> {
  const sum: { -readonly [Name in keyof ImportCounts]: number } = { ...noCounts };
  const all = [...ids];
  for (let start = 0; start < all.length; start += chunk) {
    const files = all.slice(start, start + chunk);
    const sessionIds = [
      ...new Set(files.map((id) => (isSecond(id) ? id.replace(/@[0-9a-f]{12}$/, "") : id))),
    ];
    const where = { sessionId: { anyOf: sessionIds } };
    const measures = { count: "count" } as const;
    const [found] = await engine.rollup(sessions, { by: [], where: { id: { anyOf: sessionIds } }, measures });
    const [said] = await engine.rollup(messages, { by: [], where, measures });
    const [tools] = await engine.rollup(toolExecutions, { by: [], where, measures });
    const [calls] = await engine.rollup(modelCalls, { by: [], where, measures });
    sum.sessions += found?.count ?? 0;
    sum.messages += said?.count ?? 0;
    sum.toolExecutions += tools?.count ?? 0;
    sum.modelCalls += calls?.count ?? 0;
    for (const file of await lineCounts(engine, files)) {
      sum.lines += file.lines;
      sum.unreadable += file.unreadable;
      sum.rawEvents += file.raw;
    }
  }
  return sum;
}

async function lineCounts(
  engine: Engine,
  ids: readonly string[],
): Promise<Array<{ lines: number; unreadable: number; raw: number }>> {
  const rows = await engine.find(importedFiles, {
    where: { id: { anyOf: ids } },
    fields: ["id", "lines", "unreadable", "generation", "state"],
  });
  const spans = await engine.find(rawEvents, {
    where: { sessionId: { anyOf: ids } },
    fields: ["id", "sessionId", "generation", "offset", "bytes", "position", "lines"],
  });
  const byFile = new Map<string, RawSpan[]>();
  for (const span of spans) {
    const key = `${span.sessionId} ${span.generation}`;
    const list = byFile.get(key);
    if (list === undefined) byFile.set(key, [span]);
    else list.push(span);
  }
  return rows.map((row) => {
    const tail = tailOf(row.state);
    const cover = coverOf(byFile.get(`${row.id} ${row.generation}`) ?? []);
    return {
      lines: row.lines + tail.lines,
      unreadable: row.unreadable + tail.unreadable,
      raw: cover.reduce((sum, { span, skip }) => sum + Math.max(0, span.lines - skip), 0),
    };
  });
}

/** The unfinished last line is no part of the row's own counts: it is read again. */
function tailOf(state: unknown): { readonly lines: number; readonly unreadable: number } {
  const none = { lines: 0, unreadable: 0 };
  if (typeof state !== "object" || state === null || !("tail" in state)) return none;
  const { tail } = state;
  if (typeof tail !== "object" || tail === null || !("lines" in tail) || !("unreadable" in tail)) return none;
  return { lines: Number(tail.lines), unreadable: Number(tail.unreadable) };
}

/** The files of an import that were read and hold no session that we know: another program's, or none at all. */
export async function filesWithoutSession(engine: Engine, ids: ReadonlySet<string>): Promise<string[]> {
  // A file whose lines name a session has its id; the others are named after their path.
  const anyOf = [...ids].filter((id) => id.startsWith("file-"));
  if (anyOf.length === 0) return [];
  const where = { id: { anyOf } };
  const files = await engine.find(importedFiles, { where, fields: ["id", "path", "size"] });
  const known = new Set((await engine.find(sessions, { where, fields: ["id"] })).map(({ id }) => id));
  return files.filter(({ id, size }) => size > 0 && !known.has(id)).map(({ path }) => path);
}
