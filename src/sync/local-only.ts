import { type Engine, insert, remove } from "../engine/engine.ts";
import type { Millis } from "../model/collection.ts";
import { type Session, sessions } from "../model/session.ts";
import { syncLocal } from "../model/sync-state.ts";

type Asked = Pick<Session, "id" | "parentSessionId" | "metadata">;

/** Which sessions stay here. Asked once for each session of a sync. */
export interface LocalOnly {
  /** Of these, those that never leave. */
  among(sessionIds: ReadonlyArray<string | null>): Promise<ReadonlySet<string>>;
  /** All that are known to stay. */
  all(): Promise<string[]>;
}

/** A session stays where it was marked, where it says so itself, and where it is a sub-agent of one that stays. */
export function createLocalOnly(engine: Engine, now: () => Millis): LocalOnly {
  const known = new Map<string, boolean>();

  async function ask(ids: readonly string[]): Promise<void> {
    const open = ids.filter((id) => !known.has(id));
    if (open.length === 0) return;
    const anyOf = open;
    const [marked, rows] = await Promise.all([
      engine.find(syncLocal, { where: { sessionId: { anyOf } } }),
      engine.find(sessions, { where: { id: { anyOf } }, fields: ["id", "parentSessionId", "metadata"] }),
    ]);
    const stays = new Set(marked.map(({ sessionId }) => sessionId));
    // Before its parents are asked: two sessions may name each other.
    for (const id of open) known.set(id, stays.has(id));
    await ask([...new Set(rows.map((row) => row.parentSessionId))].filter((id) => id !== null));
    const found: Asked[] = [];
    // One of these may be the parent of another.
    for (let more = true; more; ) {
      const next = rows.filter(
        (row) => known.get(row.id) !== true && (saysSo(row) || known.get(row.parentSessionId ?? "") === true),
      );
      for (const { id } of next) known.set(id, true);
      found.push(...next);
      more = next.length > 0;
    }
    if (found.length > 0)
      await engine.write([
        insert(
          syncLocal,
          found.map(({ id }) => ({ sessionId: id, since: now() })),
        ),
      ]);
  }

  return {
    async among(sessionIds) {
      const ids = [...new Set(sessionIds)].filter((id) => id !== null);
      await ask(ids);
      return new Set(ids.filter((id) => known.get(id) === true));
    },
    all: async () =>
      (await engine.find(syncLocal, { fields: ["sessionId"] })).map(({ sessionId }) => sessionId),
  };
}

/** `{ "localOnly": true }` in a session's metadata: so it stays from its first happening on. */
function saysSo({ metadata }: Asked): boolean {
  return (
    typeof metadata === "object" &&
    metadata !== null &&
    "localOnly" in metadata &&
    metadata.localOnly === true
  );
}

export async function markLocal(engine: Engine, sessionId: string, since: Millis): Promise<void> {
  await engine.write([insert(syncLocal, [{ sessionId, since }])]);
}

export async function unmarkLocal(engine: Engine, sessionId: string): Promise<void> {
  await engine.write([remove(syncLocal, { sessionId })]);
}
