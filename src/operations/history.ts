import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Millis } from "../model/collection.ts";

/** What Claude Code left on this machine. */
export interface History {
  /** Where we looked, also where nothing is. */
  readonly folder: string;
  readonly files: readonly HistoryFile[];
  readonly bytes: number;
  /** After how many days Claude Code removes a transcript (its `cleanupPeriodDays`; 30 unless set). */
  readonly keptDays: number;
}

export interface HistoryFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: Millis;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `~/.claude/projects`, or where `CLAUDE_CONFIG_DIR` has it. */
export function claudeFolder(env: Environment): string {
  const own = env["CLAUDE_CONFIG_DIR"];
  return join(own || join(env["HOME"] || homedir(), ".claude"), "projects");
}

export function findHistory(env: Environment): History {
  const folder = claudeFolder(env);
  const files: HistoryFile[] = [];
  collect(folder, files);
  return {
    folder,
    files,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    keptDays: keptDays(join(folder, "..", "settings.json")),
  };
}

/** Transcripts that Claude Code removes within so many days: the count people are surprised by. */
export function expiring({ files, keptDays: kept }: History, now: Millis, within = 7): HistoryFile[] {
  const before = now - (kept - within) * 86_400_000;
  return files.filter(({ modifiedAt }) => modifiedAt < before);
}

function collect(folder: string, into: HistoryFile[]): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    // Not there, or not ours to read: there is no history in it.
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) collect(path, into);
    if (!entry.isFile() || !entry.name.endsWith(".jsonl")) continue;
    // A file that goes away between the two calls is not there any more.
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat) into.push({ path, bytes: stat.size, modifiedAt: stat.mtimeMs });
  }
}

function keptDays(settings: string): number {
  try {
    const parsed: unknown = JSON.parse(readFileSync(settings, "utf8"));
    if (typeof parsed === "object" && parsed !== null && "cleanupPeriodDays" in parsed) {
      const days = parsed.cleanupPeriodDays;
      if (typeof days === "number" && days >= 0) return days;
    }
  } catch {
    // No settings, or none we can read: its own default holds.
  }
  return 30;
}
