import { type Change, type Engine, insert, remove, update } from "../engine/engine.ts";
import type { Happening, RawHappening } from "../model/happening.ts";
import { momentOfId, newId } from "../model/id.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { rawEvents } from "../model/raw-event.ts";
import { type RawStream, rawStreams } from "../model/raw-stream.ts";
import { sessions } from "../model/session.ts";
import { toolExecutions } from "../model/tool-execution.ts";
import type { LineReader, LiveSources } from "./live-source.ts";
import { blocksOf, keyOf, keysIn, type StreamLine, streamId } from "./raw-block.ts";

export interface TakenLines {
  /** What the lines say, for the rows of their sessions. */
  readonly happenings: readonly Happening[];
  /** Goes before the rows: what is removed. */
  readonly removals: readonly Change[];
  /** The lines, and how far their streams are. */
  readonly changes: readonly Change[];
  /** To be called when all of it stands. */
  readonly done: () => void;
}

export interface RawLines {
  /** What has to be written for these lines; those that are there already are left out. */
  take(happenings: readonly RawHappening[], now: number): Promise<TakenLines>;
  /** What these sessions and their parts tell together. */
  together(sessionIds: readonly string[]): Promise<readonly Happening[]>;
}

type Head = Omit<RawStream, "state" | "summary">;

/** What is remembered of a stream between batches: right as long as its row has the same number of lines. */
interface Remembered {
  readonly head: Pick<Head, "lines" | "removedUpTo">;
  readonly keys: Set<string>;
  readonly reader: LineReader | undefined;
}

/** A stream while a batch is taken in. */
interface Open {
  head: Head;
  keys: Set<string>;
  reader: LineReader | undefined;
  lines: StreamLine[];
  removed: boolean;
}

/** Names of lines that are remembered; beyond it the store is asked again. */
const rememberedKeys = 200_000;

export function createRawLines(engine: Engine, sources: LiveSources = {}): RawLines {
  const memory = createMemory(engine, sources);

  return {
    async take(happenings, now) {
      if (happenings.length === 0) return nothing;
      const all = await openAll(engine, sources, happenings);
      const named = new Set(happenings.map((happening) => streamId(happening)));
      for (const stream of all.values()) if (named.has(stream.head.id)) await memory.recall(stream);
      for (const happening of happenings) {
        note(all, happening, { id: happening.id ?? newId(now), sources });
      }
      const touched = [...all.values()].filter(({ lines, removed }) => removed || lines.length > 0);
      const out = readAll(touched);
      const rows = touched.map(rowOf);
      // Until it is written, nobody knows what the store has.
      memory.forget(rows);
      return {
        happenings: out,
        removals: touched.flatMap((stream) => removalsOf(stream, all)),
        changes: touched.flatMap((stream, at) => changesOf(stream, rows[at])),
        done: () => memory.remember(touched, rows),
      };
    },
    together: (sessionIds) => togetherOf(engine, sources, sessionIds),
  };
}

/** Reads the lines of all streams in the order in which they were noted. */
function readAll(streams: readonly Open[]): Happening[] {
  const out: Happening[] = [];
  const lines = streams.flatMap(({ reader, lines: own }) => own.map((line) => ({ reader, ...line })));
  lines.sort((one, other) => (one.id < other.id ? -1 : 1));
  for (const { reader, text, id } of lines) reader?.read(text, out, momentOfId(id));
  for (const { reader, lines: own } of streams) if (own.length > 0) reader?.flush(out);
  return out;
}

interface Memory {
  /** Brings back what is known of a stream that gets lines: from here, or from the store. */
  recall(stream: Open): Promise<void>;
  remember(streams: readonly Open[], rows: readonly RawStream[]): void;
  forget(rows: readonly RawStream[]): void;
}

function createMemory(engine: Engine, sources: LiveSources): Memory {
  const remembered = new Map<string, Remembered>();
  return {
    async recall(stream) {
      const { head } = stream;
      const before = remembered.get(head.id);
      if (before?.head.lines === head.lines && before.head.removedUpTo === head.removedUpTo) {
        stream.keys = before.keys;
        stream.reader = before.reader;
        return;
      }
      const { keys, state, summary } = head.lines === 0 ? noStream : await readStream(engine, head);
      stream.keys = new Set(keys);
      stream.reader = sources[head.source]?.reader(head, { at: head.createdAt, state, summary });
    },
    remember(streams, rows) {
      for (const [at, { keys, reader }] of streams.entries()) {
        const head = rows[at];
        if (head !== undefined) remembered.set(head.id, { head, keys, reader });
      }
      let count = 0;
      for (const { keys } of remembered.values()) count += keys.size;
      for (const [id, { keys }] of remembered) {
        if (count <= rememberedKeys) return;
        count -= keys.size;
        remembered.delete(id);
      }
    },
    forget(rows) {
      for (const { id } of rows) remembered.delete(id);
    },
  };
}

/** The streams of these sessions as they are in the store, and new ones where there are none. */
async function openAll(
  engine: Engine,
  sources: LiveSources,
  happenings: readonly RawHappening[],
): Promise<Map<string, Open>> {
  const roots = [...new Set(happenings.map(({ sessionId }) => sessionId))];
  const heads = await engine.find(rawStreams, { where: { rootId: { anyOf: roots } }, fields: headFields });
  const open = new Map<string, Open>();
  const add = (head: Head): void => {
    open.set(head.id, { head, keys: new Set(), reader: undefined, lines: [], removed: false });
  };
  heads.forEach(add);
  for (const happening of happenings) {
    const id = streamId(happening);
    if (!open.has(id)) add(newHead(id, happening, sources));
  }
  return open;
}

async function togetherOf(
  engine: Engine,
  sources: LiveSources,
  sessionIds: readonly string[],
): Promise<Happening[]> {
  if (sessionIds.length === 0) return [];
  const own = await engine.find(rawStreams, {
    where: { sessionId: { anyOf: sessionIds } },
    fields: ["id", "rootId", "source"],
  });
  const told: Happening[] = [];
  for (const rootId of new Set(own.map((row) => row.rootId))) {
    const parts = await engine.find(rawStreams, {
      where: { rootId, lines: { above: 0 } },
      fields: ["id", "source", "state"],
    });
    for (const name of new Set(parts.map(({ source }) => source))) {
      told.push(...((await sources[name]?.together(engine, rootId, parts)) ?? []));
    }
  }
  return told;
}

const nothing: TakenLines = { happenings: [], removals: [], changes: [], done: () => undefined };
const noStream = { keys: [], state: null, summary: null };
/** All but what only the reader needs. */
const headFields = [
  ...(["id", "sessionId", "rootId", "scope", "subpath", "source", "version"] as const),
  ...(["lines", "removedUpTo", "createdAt", "updatedAt"] as const),
];

function newHead(id: string, happening: RawHappening, sources: LiveSources): Head {
  const { source, scope = "", sessionId: rootId, subpath = "" } = happening;
  const at = momentOfId(happening.id ?? newId());
  return {
    ...{ id, rootId, scope, subpath, source },
    sessionId: sources[source]?.sessionOf(rootId, subpath) ?? rootId,
    version: null,
    lines: 0,
    removedUpTo: null,
    createdAt: at,
    updatedAt: at,
  };
}

async function readStream(
  engine: Engine,
  { id, sessionId }: Head,
): Promise<Pick<RawStream, "state" | "summary"> & { readonly keys: readonly string[] }> {
  const [row] = await engine.find(rawStreams, { where: { id }, fields: ["id", "state", "summary"] });
  const where = { sessionId, generation: 0, stream: id };
  const blocks = await engine.find(rawEvents, { where, fields: ["id", "keys"] });
  const keys = blocks.flatMap((block) => keysIn(block.keys));
  return { state: row?.state ?? null, summary: row?.summary ?? null, keys };
}

/** One line joins its stream, or all that came so far leave it. */
function note(
  all: ReadonlyMap<string, Open>,
  happening: RawHappening,
  { id, sources }: { readonly id: string; readonly sources: LiveSources },
): void {
  const stream = all.get(streamId(happening));
  if (stream === undefined) return;
  if (happening.removed === true) {
    for (const part of all.values()) {
      const below = happening.subpath === undefined && isPartOf(part.head, stream.head);
      if (part === stream || below) removeLines(part, id, sources);
    }
    return;
  }
  const root = all.get(streamId({ ...happening, subpath: "" }))?.head.removedUpTo ?? "";
  const key = keyOf(happening, id);
  // Text compares as ids do: what came late was noted before it was removed.
  if (id <= root || id <= (stream.head.removedUpTo ?? "") || stream.keys.has(key)) return;
  stream.keys.add(key);
  stream.lines.push({ id, key, text: happening.line });
  const { version, updatedAt } = stream.head;
  stream.head = {
    ...stream.head,
    version: happening.version ?? version,
    updatedAt: Math.max(updatedAt, momentOfId(id)),
  };
}

function isPartOf(part: Head, { rootId, scope }: Head): boolean {
  return part.rootId === rootId && part.scope === scope;
}

function removeLines(stream: Open, removedUpTo: string, sources: LiveSources): void {
  const at = momentOfId(removedUpTo);
  stream.removed = true;
  stream.lines = [];
  stream.keys = new Set();
  stream.head = { ...stream.head, lines: 0, version: null, removedUpTo, createdAt: at, updatedAt: at };
  stream.reader = sources[stream.head.source]?.reader(stream.head, { at, state: null, summary: null });
}

function rowOf({ head, lines, reader }: Open): RawStream {
  return {
    ...head,
    lines: head.lines + lines.length,
    summary: reader?.summary ?? null,
    state: reader === undefined ? null : structuredClone(reader.state),
  };
}

function changesOf({ head, lines }: Open, row: RawStream | undefined): Change[] {
  if (row === undefined) return [];
  const { id, sessionId, subpath, source, version } = head;
  const { id: _, ...fields } = row;
  return [
    insert(rawEvents, blocksOf({ stream: id, sessionId, subpath, source, version }, lines)),
    insert(rawStreams, [row]),
    update(rawStreams, { id }, fields),
  ];
}

/** Its lines, and the rows that were made of them unless another stream tells of the same session. */
function removalsOf({ head, removed }: Open, all: ReadonlyMap<string, Open>): Change[] {
  if (!removed) return [];
  const { id, sessionId } = head;
  const others = [...all.values()].some(
    (one) => one.head.sessionId === sessionId && one.head.id !== id && one.head.lines > 0,
  );
  if (others) return [remove(rawEvents, { sessionId, generation: 0, stream: id })];
  // Parts that came by no stream: their files were imported.
  const below = head.subpath === "" ? [{ startsWith: `${sessionId}/` }] : [];
  return [sessionId, ...below].flatMap((gone) => [
    remove(rawEvents, { sessionId: gone }),
    remove(messages, { sessionId: gone }),
    remove(toolExecutions, { sessionId: gone }),
    remove(modelCalls, { sessionId: gone }),
    remove(sessions, { id: gone }),
  ]);
}
