import { readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { importedFiles } from "../model/raw-event.ts";
import type { Loci } from "../open.ts";
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

const day: Millis = 86_400_000;

/** Sessions that Claude Code removes soon: the count people are surprised by. */
export interface Expiring {
  readonly sessions: number;
  /** Those of which the store has not everything. */
  readonly unread: readonly FoundFile[];
  /** When the first of them goes; of the unread ones, if there are any. */
  readonly first: Millis;
}

/** Transcripts that Claude Code removes within so many days, and which of them are not in the store yet. */
export async function expiring(
  { engine }: Pick<Loci, "engine">,
  { transcripts, keptDays: kept }: History,
  { now, within = 7 }: { readonly now: Millis; readonly within?: number },
): Promise<Expiring> {
  const before = now - (kept - within) * day;
  // A sub-agent's file goes with that of its session.
  const soon = transcripts.filter(
    ({ path, modifiedAt }) => modifiedAt < before && !dirname(path).endsWith("subagents"),
  );
  const rows =
    soon.length === 0
      ? []
      : await engine.find(importedFiles, { fields: ["id", "path", "size", "modifiedAt"] });
  const read = new Map(rows.map((row) => [row.path, row]));
  const unread = soon.filter(({ path, size, modifiedAt }) => {
    const row = read.get(path);
    return row === undefined || row.size !== size || row.modifiedAt !== modifiedAt;
  });
  const oldest = Math.min(...(unread.length > 0 ? unread : soon).map(({ modifiedAt }) => modifiedAt));
  return { sessions: soon.length, unread, first: oldest + kept * day };
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
