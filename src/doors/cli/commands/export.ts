import { createWriteStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { LociError } from "../../../errors.ts";
import type { Loci } from "../../../open.ts";
import { linesOf, transcriptOf, transcriptsTo } from "../../../operations/export.ts";
import { type Call, flagInput, textInput } from "../command.ts";
import { harmlessJson, view } from "../output.ts";
import { counted } from "../people.ts";

interface ExportAnswer {
  readonly files: readonly string[];
  readonly lines: number | null;
}

const exportView = view<ExportAnswer, string>({
  rows: (answer) => answer.files,
  columns: () => [],
  fields: () => [{ name: "file", value: (file) => file }],
  draw: ({ files, lines }) => [
    lines === null
      ? `${counted(files.length, "transcript")} written`
      : `${counted(lines, "line")} written to ${files[0]}`,
  ],
  record: (file) => ({ file }),
});

/** `loci export [ID] [--raw] [-o PATH]`. */
export async function exportSessions(call: Call): Promise<undefined> {
  const { input, out, folder } = call;
  const id = textInput(input, "id");
  const output = textInput(input, "output");
  const raw = flagInput(input, "raw");
  if (raw && output === undefined && (id === undefined || out.isTerminal)) {
    throw new LociError(
      "invalid",
      id === undefined
        ? "All transcripts at once need a folder to be written to."
        : "A transcript may hold anything, and is not written to a terminal.",
      {
        next: id === undefined ? "loci export --raw -o FOLDER" : `loci export ${id} --raw -o PATH, or | less`,
      },
    );
  }
  const loci = await call.open();
  if (output === undefined) {
    await (raw && id !== undefined
      ? pour(call, transcriptOf(loci, id))
      : pour(call, textOf(call, linesOf(loci, id))));
    return undefined;
  }
  const path = resolve(folder, output);
  if (raw && id === undefined) {
    await out.answer({ files: await transcriptsTo(loci, path), lines: null }, exportView);
    return undefined;
  }
  await out.answer(await toFile(loci, path, { id, raw }), exportView);
  return undefined;
}

async function pour({ out, signal }: Call, data: AsyncIterable<string | Uint8Array>): Promise<void> {
  for await (const piece of data) {
    if (signal.aborted) return;
    await out.write(piece);
  }
}

async function* textOf({ out }: Call, lines: AsyncIterable<string>): AsyncGenerator<string> {
  if (out.format === "json") {
    let before = '{"v":1,"items":[';
    for await (const line of lines) {
      yield before + harmlessJson(line);
      before = ",\n";
    }
    yield before === ",\n" ? "]}\n" : `${before}]}\n`;
    return;
  }
  // In a file or a pipe the lines are exactly what a round trip needs.
  for await (const line of lines) yield `${out.isTerminal ? harmlessJson(line) : line}\n`;
}

interface What {
  readonly id: string | undefined;
  readonly raw: boolean;
}

/** Never over a file that is there. One that could not be written whole is told of, and left to look at. */
async function toFile(loci: Loci, path: string, { id, raw }: What): Promise<ExportAnswer> {
  if (existsSync(path)) {
    throw new LociError("invalid", `${path} is there already, and is not written over.`, {
      where: path,
      next: "Give another name, or remove it.",
    });
  }
  let lines = 0;
  async function* counting(): AsyncGenerator<string> {
    for await (const line of linesOf(loci, id)) {
      lines++;
      yield `${line}\n`;
    }
  }
  const data = raw && id !== undefined ? transcriptOf(loci, id) : counting();
  try {
    await pipeline(Readable.from(data), createWriteStream(path, { flags: "wx", mode: 0o600 }));
  } catch (cause) {
    if (cause instanceof LociError) throw cause;
    throw new LociError("permission", `${path} cannot be written.`, {
      where: path,
      next: "Name a file in a folder that is there and is yours.",
      cause,
    });
  }
  return { files: [path], lines: raw ? null : lines };
}
