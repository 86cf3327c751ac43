import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqlDoor } from "../../engine/engine.ts";
import { createLibsqlSqlDoor, type LibsqlSqlDoor } from "../libsql/sql-door.ts";

export interface TursoSqlDoor extends SqlDoor {
  close(): Promise<void>;
}

interface Snapshot {
  readonly folder: string;
  readonly moment: string;
  readonly door: LibsqlSqlDoor;
}

/**
 * SQL that somebody else wrote runs in a process that can be killed, and no second process gets into a Turso file. So it
 * is answered from a copy of the moment, by libSQL, behind the same three walls as on a file of libSQL's own: what
 * recursive questions and window functions it has is there, too. The copy is made with the first question, and again when
 * something was written since the last one.
 */
export function createTursoSqlDoor(path: string, backup: (path: string) => Promise<void>): TursoSqlDoor {
  let known: Promise<Snapshot> | undefined;
  /** Of the log and the file; only looked at, never opened. */
  const momentOf = (): string =>
    [path, `${path}-wal`]
      .map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
      .map((stat) => `${stat?.size} ${stat?.mtimeNs}`)
      .join(" ");
  const make = async (): Promise<Snapshot> => {
    const folder = mkdtempSync(join(tmpdir(), "loci-sql-"));
    try {
      const moment = momentOf();
      const copy = join(folder, "copy.db");
      await backup(copy);
      return { folder, moment, door: createLibsqlSqlDoor(copy) };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  };
  const end = async ({ door, folder }: Snapshot): Promise<void> => {
    await door.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const using = new Map<Snapshot, number>();
  const leave = async (snapshot: Snapshot): Promise<void> => {
    const left = (using.get(snapshot) ?? 1) - 1;
    using.set(snapshot, left);
    if (left > 0 || (await known) === snapshot) return;
    using.delete(snapshot);
    await end(snapshot);
  };
  const current = async (): Promise<Snapshot> => {
    const asked = known;
    const snapshot = await asked?.catch(() => undefined);
    if (snapshot !== undefined && snapshot.moment === momentOf()) return snapshot;
    if (known === asked) {
      known = make();
      if (snapshot !== undefined && !using.get(snapshot)) await end(snapshot);
    }
    return known ?? make();
  };
  const ask = async <Result>(question: (door: LibsqlSqlDoor) => Promise<Result>): Promise<Result> => {
    const snapshot = await current();
    using.set(snapshot, (using.get(snapshot) ?? 0) + 1);
    try {
      return await question(snapshot.door);
    } finally {
      await leave(snapshot);
    }
  };
  return {
    query: (sql, options) => ask((door) => door.query(sql, options)),
    async close() {
      const snapshot = await known?.catch(() => undefined);
      known = undefined;
      if (snapshot !== undefined) await end(snapshot);
    },
  };
}
