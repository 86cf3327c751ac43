import { readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { type FoundFile, filesIn } from "../record/import/files.ts";
import { databaseFile, sourcePlaces, transcriptFolders } from "../record/import/places.ts";
import type { Millis } from "./operation.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What Claude Code, Codex, Gemini and OpenCode left on this machine. */
export interface History {
  /** Where we looked, also where nothing is. */
  readonly folders: readonly string[];
  /** Those of them with something in them. */
  readonly holding: readonly string[];
  readonly files: readonly FoundFile[];
  readonly bytes: number;
  /** Those of Claude Code, the only one that removes its own. */
  readonly transcripts: readonly FoundFile[];
  /** After how many days Claude Code removes a transcript (its `cleanupPeriodDays`; 30 unless set). */
  readonly keptDays: number;
}

export function findHistory(env: Environment): History {
  const places = sourcePlaces(env);
  const found = places.map((place) => ({
    ...place,
    files: place.paths.flatMap((path) =>
      place.source === "opencode" ? (databaseFile(path) ?? []) : filesIn(path),
    ),
  }));
  const files = found.flatMap((place) => place.files);
  return {
    folders: places.flatMap(({ where }) => where),
    holding: found.filter((place) => place.files.length > 0).flatMap(heldIn),
    files,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    transcripts: found.filter(({ source }) => source === "claude-code").flatMap((place) => place.files),
    keptDays: keptDays(join(dirname(transcriptFolders(env)[0] ?? "."), "settings.json")),
  };
}

function heldIn({
  where,
  files,
}: {
  where: readonly string[];
  files: readonly FoundFile[];
}): readonly string[] {
  const below = where.filter((folder) => files.some(({ path }) => path.startsWith(`${folder}${sep}`)));
  return below.length > 0 ? below : where;
}

/** Transcripts that Claude Code removes within so many days: the count people are surprised by. */
export function expiring({ transcripts, keptDays: kept }: History, now: Millis, within = 7): FoundFile[] {
  const before = now - (kept - within) * 86_400_000;
  return transcripts.filter(({ modifiedAt }) => modifiedAt < before);
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
