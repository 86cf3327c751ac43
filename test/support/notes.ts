import { expect } from "vitest";
import type { Engine } from "../../dist/engine/engine.js";
import type { SyncedTable } from "../../dist/model/sync.js";
import { things } from "../../dist/testing/index.js";

/** What is noted of the rows that changed: which live, and which of their fields changed after they were made. */
async function notesOf({ feed }: Engine, after: string | null): Promise<readonly unknown[]> {
  const page = await feed?.read({ after, limit: 1_000 });
  return (page?.versions ?? [])
    .map(({ id, sessionId, born, removed, clock, clocks, via }) => {
      const lives = removed === null || removed < born;
      const latest = [born, removed ?? "", ...Object.values(clocks ?? {})].sort().at(-1) === clock;
      return { id, sessionId, lives, latest, via, fields: lives ? Object.keys(clocks ?? {}).sort() : [] };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

const synced = ["shelf", "place", "name", "note", "weight", "done", "madeAt", "blob"];
const noted: readonly SyncedTable[] = [{ collection: things, fields: synced, session: "shelf" }];

/** Switches both on; answers where the engine's feed ends, as a cursor. */
export async function startNotes(reference: Engine, engine: Engine): Promise<string | null> {
  await reference.feed?.start(noted);
  await engine.feed?.start(noted);
  return (await engine.feed?.read({ after: null, limit: 1_000 }))?.cursor ?? null;
}

/** Answers how many versions were compared. */
export async function sameNotes(reference: Engine, engine: Engine, after: string | null): Promise<number> {
  if (engine.feed === undefined) return 0;
  const expected = await notesOf(reference, null);
  expect(await notesOf(engine, after)).toEqual(expected);
  return expected.length;
}
