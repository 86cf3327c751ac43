import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FoundFile, findFiles, transcriptFolders } from "../record/import/files.ts";
import type { Millis } from "./operation.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What Claude Code left on this machine. */
export interface History {
  /** Where we looked, also where nothing is. */
  readonly folders: readonly string[];
  readonly files: readonly FoundFile[];
  readonly bytes: number;
  /** After how many days Claude Code removes a transcript (its `cleanupPeriodDays`; 30 unless set). */
  readonly keptDays: number;
}

export function findHistory(env: Environment): History {
  const folders = transcriptFolders(env);
  const files = folders.flatMap((folder) => {
    try {
      return findFiles([folder]);
    } catch {
      // Not there, or not ours to read: there is no history in it.
      return [];
    }
  });
  return {
    folders,
    files,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    keptDays: keptDays(join(dirname(folders[0] ?? "."), "settings.json")),
  };
}

/** Transcripts that Claude Code removes within so many days: the count people are surprised by. */
export function expiring({ files, keptDays: kept }: History, now: Millis, within = 7): FoundFile[] {
  const before = now - (kept - within) * 86_400_000;
  return files.filter(({ modifiedAt }) => modifiedAt < before);
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
