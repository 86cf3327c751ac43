import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { objectOf } from "../../record/sources/claude-code/line.ts";

/**
 * How far the durable events of each session were recorded. It may be behind (what is told twice stands once), never
 * ahead: it is moved after the spool has an event.
 */
export interface Cursor {
  /** Sessions that were at rest before this moment were never followed. */
  readonly since: number;
  seqOf(sessionId: string): number | undefined;
  note(sessionId: string, seq: number): void;
  sessions(): ReadonlyMap<string, number>;
  /** Writes it to the disk, where it changed. Never throws: without it more is asked for the next time. */
  save(): void;
}

/** Sessions beyond these are forgotten, the oldest first; they are asked for anew when they go on. */
const mostSessions = 5_000;

export function openCursor(path: string, now: number): Cursor {
  const known = read(path);
  const seqs = known?.seqs ?? new Map<string, number>();
  const since = known?.since ?? now;
  let changed = known === undefined;
  return {
    since,
    seqOf: (sessionId) => seqs.get(sessionId),
    note(sessionId, seq) {
      if ((seqs.get(sessionId) ?? -1) >= seq) return;
      seqs.delete(sessionId);
      seqs.set(sessionId, seq);
      changed = true;
    },
    sessions: () => seqs,
    save() {
      if (!changed) return;
      for (const id of seqs.keys()) {
        if (seqs.size <= mostSessions) break;
        seqs.delete(id);
      }
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        const beside = `${path}.${process.pid}`;
        writeFileSync(beside, JSON.stringify({ v: 1, since, sessions: Object.fromEntries(seqs) }), {
          mode: 0o600,
        });
        renameSync(beside, path);
        changed = false;
      } catch {
        // The disk is full, or the folder read-only: the next time is soon.
      }
    },
  };
}

/** The file of a cursor: one for each server's data and each choice of what is followed. */
export function cursorFile(folder: string, ...what: readonly string[]): string {
  const name = createHash("sha256").update(what.join("\u0000")).digest("hex").slice(0, 16);
  return join(folder, `opencode-${name}.cursor`);
}

function read(path: string): { readonly since: number; readonly seqs: Map<string, number> } | undefined {
  try {
    const file = objectOf(JSON.parse(readFileSync(path, "utf8")));
    const since = file?.["since"];
    const entries = Object.entries(objectOf(file?.["sessions"]) ?? {});
    if (typeof since !== "number") return undefined;
    return {
      since,
      seqs: new Map(entries.flatMap(([id, seq]) => (typeof seq === "number" ? [[id, seq]] : []))),
    };
  } catch {
    // Not there yet, or torn: it begins anew.
    return undefined;
  }
}
