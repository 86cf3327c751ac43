import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LociError } from "../../errors.ts";
import { type JsonObject, objectOf, parseLine, textOf } from "../sources/claude-code/line.ts";
import type { Transcript } from "../sources/claude-code/state.ts";
import { isRolloutLine } from "../sources/codex/line.ts";
import { keptKinds } from "../sources/kept.ts";
import type { LineSource } from "../sources/parsers.ts";
import { type FoundFile, stemOf } from "./files.ts";

export interface Identity {
  readonly file: FoundFile;
  readonly source: LineSource | "loci";
  /** The session the file becomes; for an interchange file, made from its path. */
  readonly id: string;
  readonly transcript: Transcript;
  /** Not one line of it could be read: whose it is was told from its name. */
  readonly unsure?: boolean;
}

const firstLook = 64 * 1024;
const longestLook = 32 * 1024 * 1024;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const kinds: ReadonlySet<unknown> = new Set([
  "session",
  "message",
  "toolExecution",
  "modelCall",
  ...keptKinds,
]);

interface Sample {
  readonly lines: readonly JsonObject[];
  readonly source: LineSource | "loci";
}

/** Says which session a file holds, by its content; its name decides only where its lines disagree. */
export function identify(file: FoundFile, given?: LineSource | "loci"): Identity {
  const fd = openFile(file.path);
  try {
    const sample = sampleOf(fd, file.size);
    const source = given ?? sample.source;
    if (source === "loci") {
      const id = `file-${hash(file.path)}`;
      return { file, source, id, transcript: { sessionId: id } };
    }
    const unsure = sample.lines.length === 0;
    if (source === "codex") return { ...codexIdentity(file, sample.lines), unsure };
    if (source === "gemini") return { ...geminiIdentity(file, sample.lines), unsure };
    return { ...claudeIdentity(fd, file, sample.lines), unsure };
  } finally {
    closeSync(fd);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new LociError("permission", "A file of sessions was found here, and cannot be opened.", {
      where: path,
      next: `ls -l ${path}`,
      cause: error,
    });
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function claudeIdentity(fd: number, file: FoundFile, lines: readonly JsonObject[]): Identity {
  // Its list of prompts (history.jsonl) names sessions, too, and is none.
  const named = lines.flatMap((line) => (textOf(line["type"]) && textOf(line["sessionId"])) ?? []);
  const stem = stemOf(file.path);
  const sessionId = sessionOf(named, stem, () => endOf(fd, file.size)) ?? `file-${hash(file.path)}`;
  const side = lines.find((line) => line["isSidechain"] === true && textOf(line["agentId"]) !== undefined);
  const below = basename(dirname(file.path));
  const agentId =
    textOf(side?.["agentId"]) ??
    (stem.startsWith("agent-") && below.endsWith("subagents") ? stem.slice("agent-".length) : undefined);
  if (agentId === undefined || !(lines.length === 0 || side !== undefined || below.endsWith("subagents"))) {
    return {
      file,
      source: "claude-code",
      id: sessionId,
      transcript: { sessionId, at: file.modifiedAt },
    };
  }
  const meta = metaOf(file.path);
  const id = `${sessionId}/${agentId}`;
  return {
    file,
    source: "claude-code",
    id,
    transcript: {
      sessionId: id,
      parentSessionId: sessionId,
      agentId,
      subpath: `subagents/${basename(file.path)}`,
      agentType: textOf(meta?.["agentType"]) ?? (agentId.startsWith("acompact-") ? "compact" : null),
      meta: meta ?? null,
      at: file.modifiedAt,
    },
  };
}

/** The lines' session. Where they name several, the one the file is named after, if it is one of them. */
function sessionOf(
  named: readonly string[],
  stem: string,
  end: () => readonly JsonObject[],
): string | undefined {
  const first = named[0];
  if (!uuid.test(stem)) return first;
  if (first === undefined || first === stem || named.includes(stem)) return stem;
  return end().some((line) => line["sessionId"] === stem) ? stem : first;
}

function sampleOf(fd: number, size: number): Sample {
  for (let look = firstLook; ; look *= 8) {
    const length = Math.min(look, size);
    const lines = wholeLines(read(fd, 0, length), length === size);
    const source = sourceOf(lines);
    const enough = source !== "claude-code" || lines.some((line) => textOf(line["sessionId"]) !== undefined);
    if (enough || length === size || look > longestLook) return { lines, source };
  }
}

function sourceOf(lines: readonly JsonObject[]): Identity["source"] {
  if (lines.some((line) => kinds.has(line["kind"]))) return "loci";
  if (lines.some(isRolloutLine)) return "codex";
  const isChat = lines.some(
    ({ sessionId, projectHash }) => typeof sessionId === "string" && textOf(projectHash),
  );
  return isChat ? "gemini" : "claude-code";
}

/** The first head of a file is its own; those behind it are of sessions it was forked from. */
function codexIdentity(file: FoundFile, lines: readonly JsonObject[]): Identity {
  const head = lines.find((line) => line["type"] === "session_meta" || "instructions" in line);
  const payload = objectOf(head?.["payload"]) ?? head;
  const named = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(stemOf(file.path))?.[0];
  const sessionId = textOf(payload?.["id"]) ?? named ?? `file-${hash(file.path)}`;
  return { file, source: "codex", id: sessionId, transcript: { sessionId, at: file.modifiedAt } };
}

/** `tmp/PROJECT/chats/session-X.jsonl`; that of a sub-agent stands in a folder that has its parent's name. */
function geminiIdentity(file: FoundFile, lines: readonly JsonObject[]): Identity {
  const head = lines.find((line) => textOf(line["sessionId"]) !== undefined);
  const sessionId = textOf(head?.["sessionId"]) ?? `file-${hash(file.path)}`;
  const folder = dirname(file.path);
  const isAgent = head?.["kind"] === "subagent";
  const project = isAgent ? dirname(dirname(folder)) : dirname(folder);
  return {
    file,
    source: "gemini",
    id: sessionId,
    transcript: {
      sessionId,
      parentSessionId: isAgent && basename(folder) !== "chats" ? basename(folder) : null,
      projectPath: projectRoot(project),
      at: file.modifiedAt,
    },
  };
}

/** Gemini notes beside its chats which folder they are of. */
function projectRoot(folder: string): string | null {
  try {
    return readFileSync(join(folder, ".project_root"), "utf8").trim() || null;
  } catch {
    // Older versions name the folder after a hash of it, which nobody can read back.
    return null;
  }
}

function endOf(fd: number, size: number): readonly JsonObject[] {
  const start = Math.max(0, size - firstLook);
  return wholeLines(read(fd, start, size - start), true);
}

function read(fd: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let got = 0;
  for (let more = 1; got < length && more > 0; got += more) {
    more = readSync(fd, bytes, got, length - got, start + got);
  }
  return bytes.subarray(0, got);
}

function wholeLines(bytes: Buffer, toEnd: boolean): JsonObject[] {
  const rows = bytes.toString("utf8").split("\n");
  if (!toEnd) rows.pop();
  return rows.map((row) => objectOf(parseLine(row))).filter((line) => line !== undefined);
}

/** The side file of a sub-agent, which names its type. */
function metaOf(path: string): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(readFileSync(path.replace(/\.jsonl$/, ".meta.json"), "utf8")));
  } catch {
    // Older versions write none.
    return undefined;
  }
}
