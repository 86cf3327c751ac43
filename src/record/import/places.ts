import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { LineSource } from "../sources/parsers.ts";
import type { FoundFile } from "./files.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type SourceName = LineSource | "opencode" | "loci" | "claude-flow";

/** Where a program keeps its sessions on this machine. */
export interface SourcePlace {
  readonly source: LineSource | "opencode";
  /** Where its files were looked for, also where nothing is. */
  readonly where: readonly string[];
  /** The folders and databases that are there to be read. */
  readonly paths: readonly string[];
}

/** The documented places of the programs whose sessions are read without being named. */
export function sourcePlaces(env: Environment = process.env): SourcePlace[] {
  return [
    simple("claude-code", transcriptFolders(env)),
    simple("codex", codexFolders(env)),
    gemini(env),
    openCode(env),
  ];
}

function simple(source: LineSource, where: readonly string[]): SourcePlace {
  return { source, where, paths: where };
}

function folderOf(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : resolve(value);
}

/** Where Claude Code keeps its sessions: below `CLAUDE_CONFIG_DIR`, or `~/.claude`. */
export function transcriptFolders(env: Environment = process.env): string[] {
  const folder = folderOf(env["CLAUDE_CONFIG_DIR"]) ?? join(homedir(), ".claude");
  return [join(folder, "projects")];
}

/** Codex: below `CODEX_HOME`, or `~/.codex`; what a person archived stands beside the others. */
function codexFolders(env: Environment): string[] {
  const folder = folderOf(env["CODEX_HOME"]) ?? join(homedir(), ".codex");
  return [join(folder, "sessions"), join(folder, "archived_sessions")];
}

/** Gemini CLI: one folder a project below `~/.gemini/tmp`; `GEMINI_CLI_HOME` stands for the home folder. */
function gemini(env: Environment): SourcePlace {
  const tmp = join(folderOf(env["GEMINI_CLI_HOME"]) ?? homedir(), ".gemini", "tmp");
  const paths = namesIn(tmp).map((name) => join(tmp, name, "chats"));
  return { source: "gemini", where: [tmp], paths };
}

/** OpenCode: `opencode.db` below `XDG_DATA_HOME`, one more for each channel of its releases, or `OPENCODE_DB`. */
function openCode(env: Environment): SourcePlace {
  const data = folderOf(env["XDG_DATA_HOME"]) ?? join(homedir(), ".local", "share");
  const folder = join(data, "opencode");
  const named = env["OPENCODE_DB"];
  if (named !== undefined && named !== "" && named !== ":memory:") {
    const path = resolve(folder, named);
    return { source: "opencode", where: [path], paths: [path] };
  }
  const files = namesIn(folder).filter((name) => isOpenCodeName(name));
  return {
    source: "opencode",
    where: [join(folder, "opencode.db")],
    paths: files.map((name) => join(folder, name)),
  };
}

export function isOpenCodeName(name: string): boolean {
  return /^opencode(-[\w.-]+)?\.db$/.test(name);
}

/** A database as a file: rows that are not in it yet stand in its log. */
export function databaseFile(path: string): FoundFile | undefined {
  const found = [path, `${path}-wal`].flatMap((name) => statSync(name, { throwIfNoEntry: false }) ?? []);
  if (found.length === 0 || !existsSync(path)) return undefined;
  return {
    path,
    size: found.reduce((sum, { size }) => sum + size, 0),
    modifiedAt: Math.max(...found.map(({ mtimeMs }) => Math.floor(mtimeMs))),
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // Not there, or not ours to read: there is nothing of it.
    return [];
  }
}
