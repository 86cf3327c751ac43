import { createHash } from "node:crypto";
import { linesIn, type StreamLine, unpack } from "../domains/raw-block.ts";
import type { Engine } from "../engine/engine.ts";
import { importedFiles, rawEvents } from "../model/raw-event.ts";
import { rawStreams, type RawStream } from "../model/raw-stream.ts";
import { coverOf } from "./import/raw.ts";
import { objectOf, parseLine, textOf } from "./sources/claude-code/line.ts";

/** How many blocks are read at once: 16 MB of lines. */
const blocksAtOnce = 16;

/**
 * A session as its program wrote it, in bytes: the newest form of its file, and behind it what was recorded and is not
 * in that file. Nothing where neither is kept.
 */
export async function* transcriptBytes(engine: Engine, id: string): AsyncGenerator<Buffer> {
  const streams = await streamsOf(engine, id);
  const seen = streams.length === 0 ? undefined : new Set<string>();
  let ended = true;
  for await (const bytes of fileBytes(engine, id)) {
    if (seen !== undefined) for (const line of bytes.toString("utf8").split("\n")) seen.add(nameOfLine(line));
    ended = bytes.at(-1) === 10;
    yield bytes;
  }
  if (!ended && streams.length > 0) yield Buffer.from("\n");
  for (const stream of streams) {
    for await (const { text } of streamLines(engine, stream)) {
      const name = nameOfLine(text);
      // Without an id of its own, a line may well stand there twice; but not one that the file has.
      if (seen?.has(name) === true) continue;
      if (name.startsWith("uuid ")) seen?.add(name);
      yield Buffer.from(`${text}\n`);
    }
  }
}

/** The lines of the newest form of a file. */
export async function* fileLines(engine: Engine, id: string): AsyncGenerator<string> {
  let open: Buffer = Buffer.alloc(0);
  for await (const bytes of fileBytes(engine, id)) {
    const all = open.length === 0 ? bytes : Buffer.concat([open, bytes]);
    const end = all.lastIndexOf(10);
    open = all.subarray(end + 1);
    if (end >= 0) yield* all.subarray(0, end).toString("utf8").split("\n");
  }
  if (open.length > 0) yield open.toString("utf8");
}

/** A session's own streams; where it has none, those of its parts. */
async function streamsOf(engine: Engine, sessionId: string): Promise<StreamHead[]> {
  const rows = await engine.find(rawStreams, {
    where: { sessionId, lines: { above: 0 } },
    fields: ["id", "sessionId", "rootId", "subpath", "createdAt"],
  });
  rows.sort((one, other) => one.createdAt - other.createdAt);
  const own = rows.filter(({ rootId, subpath }) => subpath === "" || rootId !== sessionId);
  return own.length > 0 ? own : rows;
}

type StreamHead = Pick<RawStream, "id" | "sessionId">;

/** The lines of a stream in the order in which they were noted, each once. */
export async function* streamLines(
  engine: Engine,
  { id, sessionId }: Pick<RawStream, "id" | "sessionId">,
): AsyncGenerator<StreamLine> {
  const seen = new Set<string>();
  const where = { sessionId, generation: 0, stream: id };
  const blocks = await engine.find(rawEvents, { where, fields: ["id"] });
  for (let start = 0; start < blocks.length; start += blocksAtOnce) {
    const anyOf = blocks.slice(start, start + blocksAtOnce).map((block) => block.id);
    const rows = await engine.find(rawEvents, {
      where: { id: { anyOf } },
      fields: ["id", "keys", "payload"],
    });
    for (const line of rows.flatMap(linesIn)) {
      // Two writers that did not know of each other may both have kept it.
      if (seen.has(line.key)) continue;
      seen.add(line.key);
      yield line;
    }
  }
}

async function* fileBytes(engine: Engine, id: string): AsyncGenerator<Buffer> {
  const [file] = await engine.find(importedFiles, { where: { id }, fields: ["id", "generation"] });
  if (file === undefined) return;
  const spans = await engine.find(rawEvents, {
    where: { sessionId: id, generation: file.generation },
    fields: ["id", "offset", "bytes", "position", "lines"],
  });
  for (const { span, skip } of coverOf(spans)) {
    const [row] = await engine.find(rawEvents, { where: { id: span.id }, fields: ["id", "payload"] });
    if (row !== undefined) yield unpack(row.payload, skip);
  }
}

/** What a line is known by in its file and in its stream: its own id, else all of it. */
export function nameOfLine(line: string): string {
  const uuid = line.includes('"uuid"') ? textOf(objectOf(parseLine(line))?.["uuid"]) : undefined;
  return uuid === undefined ? createHash("sha256").update(line).digest("base64") : `uuid ${uuid}`;
}
