import { createWriteStream } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { makeFolder } from "../engine/folder.ts";
import type { Engine } from "../engine/engine.ts";
import { errorCode, LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { RowKind } from "../model/happening.ts";
import { checkpoints } from "../model/checkpoint.ts";
import { knowledge } from "../model/knowledge.ts";
import { agentMemory } from "../model/memory.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { importedFiles } from "../model/raw-event.ts";
import { rawStreams } from "../model/raw-stream.ts";
import { type Session, sessions } from "../model/session.ts";
import { toolExecutions } from "../model/tool-execution.ts";
import { lineSources } from "./sources/parsers.ts";
import { type KeptKind, keptCollections } from "./sources/kept.ts";
import { interchange } from "./sources/loci.ts";
import { transcriptBytes } from "./transcript.ts";

const page = 500;

/**
 * Every row as one line of the interchange format (docs/SPEC.md), without the line's end: a session, then its
 * messages, tool executions and model calls. Sessions come by their start. What is exported, imported into an empty
 * store and exported again is the same bytes.
 */
export async function* exportLines(engine: Engine, ids?: readonly string[]): AsyncGenerator<string> {
  if (ids !== undefined) {
    for (const id of ids) {
      const [session] = await engine.find(sessions, { where: { id }, limit: 1 });
      if (session === undefined) throw unknownSession(id, "");
      yield* sessionLines(engine, session);
      yield* keptLines(engine, { sessionId: id });
    }
    return;
  }
  let after: Session | undefined;
  do {
    const rows: Session[] = await engine.find(sessions, {
      orderBy: [["startedAt", "up"]],
      limit: page,
      ...(after === undefined ? {} : { after: { startedAt: after.startedAt, id: after.id } }),
    });
    for (const row of rows) yield* sessionLines(engine, row);
    after = rows.length < page ? undefined : rows.at(-1);
  } while (after !== undefined);
  yield* keptLines(engine, {});
}

/** What agents decided, found out and saved, of one session or of all and of none. */
async function* keptLines(engine: Engine, where: { readonly sessionId?: string }): AsyncGenerator<string> {
  const orderBy = [["createdAt", "up"]] as const;
  const decided = byMoment((after) => engine.find(agentMemory, { where, orderBy, limit: page, ...after }));
  for await (const row of decided) yield lineOf("memory", row);
  const known = byMoment((after) => engine.find(knowledge, { where, orderBy, limit: page, ...after }));
  for await (const row of known) yield lineOf("knowledge", row);
  // Each may be of megabytes.
  const saved = byMoment((after) => engine.find(checkpoints, { where, orderBy, limit: 20, ...after }), 20);
  for await (const row of saved) yield lineOf("checkpoint", row);
}

interface Made {
  readonly createdAt: number;
  readonly id: string;
}

async function* byMoment<Row extends Made>(
  find: (after: { readonly after?: Made }) => Promise<Row[]>,
  size: number = page,
): AsyncGenerator<Row> {
  let last: Row | undefined;
  do {
    const rows = await find(last === undefined ? {} : { after: { createdAt: last.createdAt, id: last.id } });
    yield* rows;
    last = rows.length < size ? undefined : rows.at(-1);
  } while (last !== undefined);
}

async function* sessionLines(engine: Engine, session: Session): AsyncGenerator<string> {
  yield lineOf("session", session);
  const where = { sessionId: session.id };
  let sequence: number | undefined;
  for (;;) {
    const rows = await engine.find(messages, {
      where: sequence === undefined ? where : { ...where, sequence: { above: sequence } },
      orderBy: [["sequence", "up"]],
      limit: page,
    });
    for (const row of rows) yield lineOf("message", row);
    sequence = rows.at(-1)?.sequence;
    if (rows.length < page) break;
  }
  const tools = byStart((after) =>
    engine.find(toolExecutions, { where, orderBy: [["startedAt", "up"]], limit: page, ...after }),
  );
  for await (const row of tools) yield lineOf("toolExecution", row);
  const calls = byStart((after) =>
    engine.find(modelCalls, { where, orderBy: [["startedAt", "up"]], limit: page, ...after }),
  );
  for await (const row of calls) yield lineOf("modelCall", row);
}

interface Started {
  readonly startedAt: number;
  readonly id: string;
}

async function* byStart<Row extends Started>(
  find: (after: { readonly after?: Started }) => Promise<Row[]>,
): AsyncGenerator<Row> {
  let last: Row | undefined;
  do {
    const rows = await find(last === undefined ? {} : { after: { startedAt: last.startedAt, id: last.id } });
    yield* rows;
    last = rows.length < page ? undefined : rows.at(-1);
  } while (last !== undefined);
}

/** All fields in the collection's order; a null is said, so that it is not taken for a default. */
function lineOf(kind: RowKind | KeptKind, row: object): string {
  const given = new Map<string, unknown>(Object.entries(row));
  const collection: AnyCollection = { ...interchange, ...keptCollections }[kind];
  const line: Record<string, unknown> = { kind };
  for (const [name, field] of Object.entries(collection.fields)) {
    const value = given.get(name);
    line[name] = field.kind === "time" && typeof value === "number" ? new Date(value).toISOString() : value;
  }
  return JSON.stringify(line);
}

/** The bytes of a session's transcript as they were read: those of the file's newest form, and what was recorded since. */
export async function* rawBytes(engine: Engine, id: string): AsyncGenerator<Buffer> {
  let any = false;
  for await (const bytes of transcriptBytes(engine, id)) {
    any = true;
    yield bytes;
  }
  if (any) return;
  const [file] = await engine.find(importedFiles, { where: { id }, fields: ["id"] });
  // An empty file is one, too.
  if (file === undefined) throw unknownSession(id, " No transcript is kept under this id.");
}

/**
 * Writes every transcript to a file of its own below `folder`, in the layout it had. Never over a file that is there:
 * the folder may be the one they came from. Answers the files' paths.
 */
export async function exportTranscripts(engine: Engine, folder: string): Promise<string[]> {
  const root = resolve(folder);
  const files = await engine.find(importedFiles, {
    where: { source: { anyOf: [...lineSources, "opencode"] } },
    fields: ["id", "path"],
  });
  const known = new Set(files.map(({ id }) => id));
  const streams = await engine.find(rawStreams, {
    where: { lines: { above: 0 } },
    fields: ["id", "sessionId", "source"],
  });
  const recorded = new Map(streams.map(({ sessionId, source }) => [sessionId, source]));
  const rows = [
    ...files,
    ...[...recorded]
      .filter(([id]) => !known.has(id))
      .map(([id, source]) => ({ id, path: `${source}/${id.replaceAll("/", "_")}.jsonl` })),
  ];
  const written: string[] = [];
  const taken = new Set<string>();
  for (const row of rows) {
    const path = freePath(join(root, ...placeOf(row.path)), taken);
    try {
      makeFolder(dirname(path));
      const file = createWriteStream(path, { flags: "wx", mode: 0o600 });
      await pipeline(Readable.from(rawBytes(engine, row.id)), file);
    } catch (error) {
      throw errorCode(error) === undefined ? unwritable(path, error) : error;
    }
    written.push(path);
  }
  return written;
}

function unwritable(path: string, cause: unknown): LociError {
  const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
  return isThere
    ? new LociError("invalid", "A file is there already, and is not written over.", {
        where: path,
        next: "loci export --raw -o FOLDER, with a new folder",
        cause,
      })
    : new LociError("permission", "The transcripts cannot be written here.", {
        where: path,
        next: "Name a folder that is yours, on a disk with room.",
        cause,
      });
}

/** `project/session.jsonl`, or `project/session/subagents/agent-x.jsonl`: names only, so that no path leads out. */
function placeOf(path: string): string[] {
  const parts = path.split(/[/\\]/);
  const depth = basename(dirname(path)).endsWith("subagents") ? 4 : 2;
  return parts.slice(-depth).map(safeName);
}

function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._@-]/g, "_").slice(-200);
  return /^\.*$/.test(safe) ? "_" : safe;
}

function freePath(path: string, taken: Set<string>): string {
  let free = path;
  for (let number = 2; taken.has(free); number++) {
    free = path.replace(/(\.jsonl)?$/, `.${number}$1`);
  }
  taken.add(free);
  return free;
}

function unknownSession(id: string, more: string): LociError {
  return new LociError("not-found", `No session has the id ${JSON.stringify(id)}.${more}`, {
    next: "loci ls",
  });
}
