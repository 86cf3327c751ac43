import { basename, dirname } from "node:path";
import type { Engine } from "../../engine/engine.ts";
import { type ImportedFile, importedFiles } from "../../model/raw-event.ts";
import { rawStreams } from "../../model/raw-stream.ts";
import { keyOfName, streamId } from "../../domains/raw-block.ts";
import { fileLines, nameOfLine, streamLines } from "../../record/transcript.ts";
import { objectOf } from "../../record/sources/claude-code/line.ts";
import { claudeCodeLive } from "../../record/sources/claude-code/live.ts";
import { sourceName as source } from "../../record/sources/claude-code/session.ts";
import type { SessionKey } from "./types.ts";

/** A line as the store has it; those of a file that was imported have no id. */
export interface StoredLine {
  readonly id: string;
  readonly key: string;
  readonly text: string;
}

/** A transcript that is in the store. */
export interface StoredSession {
  readonly sessionId: string;
  readonly mtime: number;
  readonly summary: Record<string, unknown> | undefined;
}

/** The lines of a key: those of the file, where it was imported, and behind them those that were appended. */
export async function storedLines(engine: Engine, key: SessionKey): Promise<StoredLine[]> {
  const { projectKey: scope, sessionId: rootId, subpath = "" } = key;
  const sessionId = claudeCodeLive.sessionOf(rootId, subpath);
  const id = streamId({ scope, sessionId: rootId, subpath });
  const [stream] = await engine.find(rawStreams, { where: { id }, fields: ["id", "removedUpTo"] });
  const lines: StoredLine[] = [];
  const seen = new Set<string>();
  const file = await importedFile(engine, sessionId);
  if (file !== undefined && placeOf(file)?.projectKey === scope) {
    const meta = objectOf(objectOf(objectOf(file.state)?.["parser"])?.["meta"]);
    for await (const text of fileLines(engine, sessionId)) {
      const name = nameOfLine(text);
      seen.add(name);
      // The SDK is never given these: what was asked, not what was said.
      if (!text.includes('"type":"api-request')) lines.push({ id: "", key: keyOfName(name), text });
    }
    // What stands in a file of its own on the disk is a line for a SessionStore.
    if (lines.length > 0 && meta !== undefined) {
      lines.push({ id: "", key: "", text: JSON.stringify({ type: "agent_metadata", ...meta }) });
    }
  }
  for await (const line of streamLines(engine, { id, sessionId })) {
    if (seen.size === 0 || !seen.has(nameOfLine(line.text))) lines.push(line);
  }
  return stream === undefined && lines.length === 0 ? [] : lines;
}

export async function storedSessions(engine: Engine, scope: string): Promise<StoredSession[]> {
  const streams = await engine.find(rawStreams, {
    where: { scope, subpath: "", source },
    fields: ["id", "rootId", "lines", "updatedAt", "summary"],
  });
  const known = new Set(streams.map(({ rootId }) => rootId));
  const files = await engine.find(importedFiles, {
    where: { source },
    fields: ["id", "path", "modifiedAt"],
  });
  return [
    ...streams
      .filter(({ lines }) => lines > 0)
      .map(({ rootId, updatedAt, summary }) => ({
        sessionId: rootId,
        mtime: updatedAt,
        summary: { ...objectOf(summary) },
      })),
    ...files
      .filter(
        (file) => placeOf(file)?.projectKey === scope && placeOf(file)?.subpath === "" && !known.has(file.id),
      )
      .map(({ id, modifiedAt }) => ({ sessionId: id, mtime: Math.floor(modifiedAt), summary: undefined })),
  ];
}

export async function storedSubkeys(engine: Engine, key: SessionKey): Promise<string[]> {
  const { projectKey: scope, sessionId: rootId } = key;
  const streams = await engine.find(rawStreams, {
    where: { rootId, scope, source },
    fields: ["id", "subpath", "lines"],
  });
  const files = await engine.find(importedFiles, {
    where: { id: { startsWith: `${rootId}/` }, source },
    fields: ["id", "path"],
  });
  const known = new Set(streams.map(({ subpath }) => subpath));
  const places = files.flatMap((file) => placeOf(file) ?? []);
  const imported = places.filter(({ projectKey, subpath }) => projectKey === scope && !known.has(subpath));
  const recorded = streams.filter(({ lines, subpath }) => lines > 0 && subpath !== "");
  return [...recorded, ...imported].map(({ subpath }) => subpath);
}

async function importedFile(
  engine: Engine,
  id: string,
): Promise<Pick<ImportedFile, "id" | "path" | "state"> | undefined> {
  const where = { id, source };
  const [file] = await engine.find(importedFiles, { where, fields: ["id", "path", "state"] });
  return file;
}

/** `projects/KEY/SESSION.jsonl`, or `projects/KEY/SESSION/subagents/agent-X.jsonl`. */
function placeOf({
  id,
  path,
}: Pick<ImportedFile, "id" | "path">): { projectKey: string; subpath: string } | undefined {
  if (id.includes("@")) return undefined;
  const [rootId = "", agent] = id.split("/");
  if (agent === undefined) return { projectKey: basename(dirname(path)), subpath: "" };
  const parts = path.replace(/\.jsonl$/, "").split(/[/\\]/);
  const at = parts.lastIndexOf(rootId);
  return at < 1 ? undefined : { projectKey: parts[at - 1] ?? "", subpath: parts.slice(at + 1).join("/") };
}
