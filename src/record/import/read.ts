import { closeSync, openSync } from "node:fs";
import type { Happening } from "../../model/happening.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import type { SourceParser } from "../sources/parser.ts";
import { type AnyState, createSourceParser } from "../sources/parsers.ts";
import { endsOf } from "./hashes.ts";
import type { Batch, ReadJob } from "./job.ts";
import { type Line, linesOf } from "./lines.ts";
import { createRawBlocks, type RawBlocks } from "./raw.ts";

/** How much of a file is written to the store in one step. */
const batchBytes = 2 * 1024 * 1024;

interface Reading {
  readonly parser: SourceParser<AnyState>;
  readonly blocks: RawBlocks;
  readonly redactor: Redactor;
  readonly seen: Set<string>;
  happenings: Happening[];
}

/** Reads a transcript to its end, a batch at a time. A batch without its end leaves the file resumable behind it. */
export function* readTranscript(job: ReadJob): Generator<Batch> {
  const fd = openSync(job.path, "r");
  try {
    yield* batchesOf(fd, job);
  } finally {
    closeSync(fd);
  }
}

function* batchesOf(fd: number, job: ReadJob): Generator<Batch> {
  const parser = createSourceParser(job.source, job.from);
  const { subpath } = parser.state;
  const blocks = createRawBlocks({
    sessionId: job.id,
    subpath,
    source: job.source,
    generation: job.generation,
  });
  const reading: Reading = {
    parser,
    blocks,
    redactor: createRedactor(job.redact),
    seen: new Set(),
    happenings: [],
  };
  let offset = job.offset;
  let since = 0;
  let tail: Line | undefined;
  for (const line of linesOf(fd, job.offset, job.limits)) {
    if (!line.ended && line.kind !== "piece") {
      tail = line;
      break;
    }
    take(reading, line);
    since += line.bytes.length;
    // Inside a line over the limit there is no place to go on from.
    if (line.kind === "piece") continue;
    offset = line.start + line.bytes.length;
    if (since < batchBytes) continue;
    yield finish(fd, job, { reading, offset, tail: undefined, end: false });
    since = 0;
  }
  yield finish(fd, job, { reading, offset, tail, end: true });
}

function finish(
  fd: number,
  job: ReadJob,
  { reading, offset, tail, end }: { reading: Reading; offset: number; tail: Line | undefined; end: boolean },
): Batch {
  const { parser, blocks, seen } = reading;
  const ended = tail !== undefined;
  parser.flush(reading.happenings);
  const mark = {
    offset,
    // The state before an unfinished line: the line is read again.
    state: structuredClone(parser.state),
    ...endsOf(fd, offset),
    end,
  };
  const raw = blocks.take(true);
  const unreadable = parser.state.unreadable;
  if (tail !== undefined) {
    take(reading, tail);
    parser.flush(reading.happenings);
    raw.push(...blocks.take(true));
  }
  const happenings = reading.happenings;
  reading.happenings = [];
  const again = happenings.some((happening) => updates(happening) && seen.has(happening.id ?? ""));
  for (const happening of happenings) if (updates(happening)) seen.add(happening.id ?? "");
  return {
    happenings,
    raw,
    mark: {
      ...mark,
      tail: { lines: ended ? 1 : 0, unreadable: parser.state.unreadable - unreadable },
    },
    fresh: job.fresh && !again,
  };
}

function updates(happening: Happening): boolean {
  return happening.kind === "toolExecution" || happening.kind === "modelCall";
}

function take({ parser, blocks, redactor, happenings }: Reading, line: Line): void {
  const { bytes, start } = line;
  const whole = line.kind === "line";
  const ends = line.kind !== "piece";
  const text = bytes.toString("utf8");
  const bare = line.ended ? text.slice(0, -1) : text;
  const safe = whole ? redactor.line(bare) : redactor.text(bare);
  if (whole) parser.read(safe, happenings);
  else if (ends) {
    // Over the limit: counted, kept raw, and not looked into.
    parser.state.lines++;
    parser.state.unreadable++;
  }
  const kept = safe === bare ? bytes : Buffer.from(line.ended ? `${safe}\n` : safe);
  const number = parser.state.lines + (ends ? 0 : 1);
  blocks.add({ start, length: bytes.length, kept, number, ends }, parser.state.version);
}
