import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Engine } from "../engine/engine.ts";
import { makeFolder } from "../engine/folder.ts";
import { LociError } from "../errors.ts";
import { importedFiles } from "../model/raw-event.ts";
import { rawBytes } from "./export.ts";
import { fileState } from "./import/plan.ts";

/** A transcript that was put back. */
export interface RestoredFile {
  readonly path: string;
  /** `kept`: a file that says as much, or more, was there already. */
  readonly state: "written" | "completed" | "kept";
}

/**
 * Puts the transcript of a Claude Code session, and those of its sub-agents, back into a folder of a project, where
 * `claude --resume` finds them. A file that is there is only ever added to, and only where it says the same so far.
 * Errors: `not-found` where no transcript is kept, `invalid` where the session went on there in another way.
 */
export async function restoreTranscripts(
  engine: Engine,
  sessionId: string,
  folder: string,
): Promise<RestoredFile[]> {
  const below = await engine.find(importedFiles, { where: { id: { startsWith: `${sessionId}/` } } });
  const [main] = await engine.find(importedFiles, { where: { id: sessionId }, limit: 1 });
  if (main === undefined) {
    throw new LociError("not-found", "No transcript of this session is kept, so it cannot be put back.", {
      where: engine.place,
      next: "loci import, where its transcript is",
    });
  }
  const files = [await restore(engine, sessionId, join(folder, `${sessionId}.jsonl`))];
  for (const row of below.filter(({ id }) => !id.includes("@"))) {
    const name = basename(row.path.replaceAll("\\", "/"));
    if (!/^agent-[\w-]+\.jsonl$/.test(name)) continue;
    const path = join(folder, sessionId, "subagents", name);
    files.push(await restore(engine, row.id, path));
    const state = fileState(row)?.parser;
    const meta = state !== undefined && "meta" in state ? state.meta : undefined;
    const beside = path.replace(/\.jsonl$/, ".meta.json");
    if (typeof meta === "object" && meta !== null && !existsSync(beside))
      replace(beside, Buffer.from(JSON.stringify(meta)));
  }
  return files;
}

async function restore(engine: Engine, id: string, path: string): Promise<RestoredFile> {
  const pieces: Buffer[] = [];
  for await (const piece of rawBytes(engine, id)) pieces.push(piece);
  const stored = Buffer.concat(pieces);
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
