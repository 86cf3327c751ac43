import type { Finding } from "../../engine/feed.ts";
import { errorCode } from "../../errors.ts";
import { type RowVersion, syncVersions } from "../../model/sync.ts";
import { canonicalRow } from "./canonical.ts";
import type { SyncEngine } from "./land.ts";
import { lives } from "./merge.ts";
import { byVersion, type Incoming } from "./plan.ts";
import { type Fields, type SyncTable, syncedFields, syncTables, tableOf } from "../tables.ts";

/** Rows on their way, with how long they are. */
export interface Cargo {
  readonly incoming: Incoming;
  readonly bytes: number;
}

/** These versions with their rows, as of one moment; without those of rows that a store has lost under its version. */
export async function gather(engine: SyncEngine, versions: readonly RowVersion[]): Promise<Incoming[]> {
  if (versions.length === 0) return [];
  try {
    return await gatherAtOnce(engine, versions);
  } catch (error) {
    if (errorCode(error) !== "too-large" || versions.length === 1) throw error;
    const half = versions.length >> 1;
    return [
      ...(await gather(engine, versions.slice(0, half))),
      ...(await gather(engine, versions.slice(half))),
    ];
  }
}

async function gatherAtOnce(engine: SyncEngine, versions: readonly RowVersion[]): Promise<Incoming[]> {
  const names = new Set(versions.map(({ collection }) => collection));
  const tables = syncTables.filter(({ collection }) => names.has(collection.name));
  const finds = tables.map(
    ({ collection }): Finding => ({
      from: collection,
      keys: versions.filter((version) => version.collection === collection.name).map(({ rowKey }) => rowKey),
    }),
  );
  const keys = versions.map(({ id }) => id);
  const { found } = await engine.feed.apply([], [{ from: syncVersions, keys }, ...finds]);
  const [newest = [], ...rows] = found;
  const byId = new Map(tables.flatMap((table, place) => byVersion(table, rows[place] ?? [])));
  // The collection's own rows, erased by a finding of any.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return inOrder(newest as unknown as RowVersion[]).flatMap((version): Incoming[] => {
    const table = tableOf(version.collection);
    const row = byId.get(version.id);
    if (table === undefined) return [];
    if (!lives(version)) return [{ table, version, row: null }];
    return row === undefined ? [] : [{ table, version, row: syncedFields(table, row) }];
  });
}

/** Parents first: nobody reads a message of a session that is not there yet. */
function inOrder(versions: readonly RowVersion[]): RowVersion[] {
  const rank = new Map(syncTables.map(({ collection }, place) => [collection.name, place]));
  return [...versions].sort(
    (a, b) => (rank.get(a.collection) ?? 0) - (rank.get(b.collection) ?? 0) || a.seq - b.seq,
  );
}

export function weighed(incoming: readonly Incoming[]): Cargo[] {
  return incoming.map((one) => ({ incoming: one, bytes: bytesOf(one.table, one.row) }));
}

/** About as long as it is on its way. */
function bytesOf(table: SyncTable, row: Fields | null): number {
  return 100 + (row === null ? 0 : canonicalRow(table, row).length);
}

/** Pieces that are not longer than that, or a single row. */
export function loads(cargo: readonly Cargo[], bytes: number): Cargo[][] {
  const pieces: Cargo[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const one of cargo) {
    if (size + one.bytes > bytes) {
      pieces.push([]);
      size = 0;
    }
    pieces.at(-1)?.push(one);
    size += one.bytes;
  }
  return pieces;
}
