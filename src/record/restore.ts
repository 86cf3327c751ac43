import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import { makeFolder } from "../engine/folder.ts";
import { LociError } from "../errors.ts";
import { importedFiles } from "../model/raw-event.ts";
import { rawStreams } from "../model/raw-stream.ts";
import { rawBytes } from "./export.ts";
import { fileState } from "./import/plan.ts";
import { type JsonObject, objectOf, parseLine } from "./sources/claude-code/line.ts";
import { sourceName } from "./sources/claude-code/session.ts";

/** A transcript that was put back. */
export interface RestoredFile {
  readonly path: string;
  /** `kept`: a file that says as much, or more, was there already. */
  readonly state: "written" | "completed" | "kept";
}

/**
 * Puts the transcript of a Claude Code session, and those of its sub-agents, back into a folder of a project, where
 * `claude --resume` finds them: as they were imported, and as a session store was given them. A file that is there is
 * only ever added to, and only where it says the same so far. Errors: `not-found` where no transcript is kept,
 * `invalid` where the session went on there in another way.
 */
export async function restoreTranscripts(
  engine: Engine,
  sessionId: string,
  folder: string,
): Promise<RestoredFile[]> {
  const parts = new Map([
    ...(await recordedParts(engine, sessionId)),
    ...(await fileParts(engine, sessionId)),
  ]);
  if (!parts.has(sessionId)) {
    throw new LociError("not-found", "No transcript of this session is kept, so it cannot be put back.", {
      where: engine.place,
      next: "loci import, where its transcript is",
    });
  }
  const files: RestoredFile[] = [];
  for (const [id, part] of [...parts].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const path = join(folder, part.below);
    const { stored, meta = part.meta } = await storedIn(engine, id);
    files.push(restore(path, stored));
    const beside = path.replace(/\.jsonl$/, ".meta.json");
    if (id !== sessionId && meta !== undefined && !existsSync(beside))
      replace(beside, Buffer.from(JSON.stringify(meta)));
  }
  return files;
}

/** A transcript of a session: its file, below the project's folder, and what a sub-agent is. */
interface Part {
  readonly below: string;
  readonly meta?: JsonObject | undefined;
}

/** What was imported, by session id. */
async function fileParts(engine: Engine, sessionId: string): Promise<Array<[string, Part]>> {
  const below = await engine.find(importedFiles, { where: { id: { startsWith: `${sessionId}/` } } });
  const main = await engine.find(importedFiles, { where: { id: sessionId }, fields: ["id"], limit: 1 });
  const parts = main.map(({ id }): [string, Part] => [id, { below: `${id}.jsonl` }]);
  for (const row of below.filter(({ id }) => !id.includes("@"))) {
    const name = basename(row.path.replaceAll("\\", "/"));
    if (!/^agent-[\w-]+\.jsonl$/.test(name)) continue;
    const state = fileState(row)?.parser;
    const meta = state !== undefined && "meta" in state ? objectOf(state.meta) : undefined;
    parts.push([row.id, { below: join(sessionId, "subagents", name), meta }]);
  }
  return parts;
}

/** What a session store was given, by session id. What `query()` yields is no transcript. */
async function recordedParts(engine: Engine, rootId: string): Promise<Array<[string, Part]>> {
  const streams = await engine.find(rawStreams, {
    where: { rootId, source: sourceName, lines: { above: 0 } },
    fields: ["id", "sessionId", "subpath"],
    orderBy: [["subpath", "up"]],
  });
  return streams
    .filter(({ subpath }) => subpath === "" || /^subagents\/(?:[\w-]+\/)*agent-[\w-]+$/.test(subpath))
    .map(({ sessionId, subpath }) => [
      sessionId,
      { below: `${subpath === "" ? rootId : join(rootId, subpath)}.jsonl` },
    ]);
}

/** The transcript's bytes. What a sub-agent is stands beside it on the disk, and is a line for a session store. */
async function storedIn(
  engine: Engine,
  id: string,
): Promise<{ readonly stored: Buffer; readonly meta?: JsonObject }> {
  const pieces: Buffer[] = [];
  let told: JsonObject | undefined;
  for await (const piece of rawBytes(engine, id)) {
    const line = piece.includes('"agent_metadata"') ? objectOf(parseLine(piece.toString("utf8"))) : undefined;
    if (line?.["type"] === "agent_metadata") told = line;
    else pieces.push(piece);
  }
  const stored = Buffer.concat(pieces);
  if (told === undefined) return { stored };
  const { type: _, ...meta } = told;
  return { stored, meta };
}

function restore(path: string, stored: Buffer): RestoredFile {
  if (!existsSync(path)) {
    replace(path, stored);
    return { path, state: "written" };
  }
  const there = readFileSync(path);
  if (there.length >= stored.length && there.subarray(0, stored.length).equals(stored))
    return { path, state: "kept" };
  if (stored.subarray(0, there.length).equals(there)) {
    replace(path, stored);
    return { path, state: "completed" };
  }
  // What is kept may have markers in the place of secrets; the file that is there is then the better one.
  if (linesOf(there) >= linesOf(stored)) return { path, state: "kept" };
  throw new LociError(
    "invalid",
    "The session is here already, and goes on in another way than what is kept. It was not touched.",
    { where: path, next: `claude --resume ${basename(path, ".jsonl")}, to go on with the one that is here` },
  );
}

/** All at once, so that no half of it is ever there. */
function replace(path: string, bytes: Buffer): void {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(path));
    writeFileSync(beside, bytes, { mode: 0o600, flag: "wx" });
    renameSync(beside, path);
  } catch (cause) {
    rmSync(beside, { force: true });
    throw new LociError("permission", "The transcript cannot be written here.", {
      where: path,
      next: `ls -ld ${dirname(path)}`,
      cause,
    });
  }
}

function linesOf(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}
