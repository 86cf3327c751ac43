import { type Change, guard, insert, update } from "../../engine/engine.ts";
import { clockAt, millisOfClock, type RowVersion, syncVersions } from "../../model/sync.ts";
import { canonicalRow, canonicalValue } from "./canonical.ts";
import { type Clash, lives, merge, type Stamp, type Tie } from "./merge.ts";
import { type Fields, keyOf, type SyncTable, syncedFields } from "../tables.ts";

/** A row as another store has it. */
export interface Incoming {
  readonly table: SyncTable;
  readonly version: RowVersion;
  /** Its synced fields; null where it is dead. */
  readonly row: Fields | null;
}

/** A row as the store has it into which others are brought. */
export interface Standing {
  readonly version: RowVersion | undefined;
  /** All its fields. */
  readonly row: Fields | undefined;
}

/** What becomes of one row. Changed in place while places that two rows want are given out. */
export interface Planned {
  readonly table: SyncTable;
  readonly key: string;
  readonly id: string;
  readonly sessionId: string | null;
  readonly before: Standing;
  stamp: Stamp;
  row: Fields | null;
  via: string | null;
  /** Nothing is to be written. */
  isSame: boolean;
  readonly clashes: readonly Clash[];
}

export interface Planning {
  /** The store that is written to, and the one that the incoming states come from. */
  readonly store: string;
  readonly from: string;
  /** A row as other stores may see it: what a secret was replaced in is compared so. */
  readonly view: (table: SyncTable, row: Fields) => Fields;
  readonly tie?: Tie | undefined;
}

export function planRow(
  { table, version, row }: Incoming,
  before: Standing,
  { store, from, view, tie }: Planning,
): Planned {
  const { id, rowKey: key, sessionId } = version;
  const common = { table, key, id, sessionId, before };
  if (before.version === undefined && before.row === undefined) {
    return { ...common, stamp: stampOf(version), row, via: from, isSame: false, clashes: [] };
  }
  // A row that nobody noted was there before notes were taken.
  const zero = clockAt(0, store);
  const mine = before.version ?? { born: zero, clock: zero, clocks: null, removed: null };
  const own = before.row === undefined ? null : syncedFields(table, before.row);
  const pair = {
    mine: { version: stampOf(mine), row: own && lives(mine) ? view(table, own) : null },
    theirs: { version: stampOf(version), row },
  };
  const merged = merge(table, pair, tie);
  const living = merged.state.row;
  const taken = Object.fromEntries(merged.theirs.map((name) => [name, row?.[name] ?? null]));
  const isSame = merged.isMine && before.version !== undefined && (own !== null) === (living !== null);
  return {
    ...common,
    stamp: merged.state.version,
    row: living === null ? null : own === null ? living : { ...own, ...taken },
    via: merged.isTheirs ? from : null,
    isSame,
    clashes: merged.clashes,
  };
}

function stampOf({ born, clock, clocks, removed }: Stamp): Stamp {
  return { born, clock, clocks, removed };
}

/** A clock for a change of this row that is made now, in this store. */
export function nextClock({ clock }: Pick<Stamp, "clock">, store: string, now: number): string {
  return clockAt(Math.max(now, millisOfClock(clock) + 1), store);
}

/** This field of it was changed here, by the merging itself. */
export function change(
  planned: Planned,
  value: { readonly field: string; readonly value: unknown },
  clock: string,
): void {
  planned.row = { ...planned.row, [value.field]: value.value };
  planned.stamp = {
    ...planned.stamp,
    clock: clock > planned.stamp.clock ? clock : planned.stamp.clock,
    clocks: { ...planned.stamp.clocks, [value.field]: clock },
  };
  planned.via = null;
  planned.isSame = false;
}

/** The rows of a plan as changes, each bound to what was read: where a row was changed since, nothing is done. */
export function changesOf(planned: readonly Planned[]): Change[] {
  const open = planned.filter((one) => !one.isSame);
  const fresh = open.filter(({ before }) => before.version === undefined);
  const known = open.filter(({ before }) => before.version !== undefined);
  const patches = open
    .map(({ table, key, ...one }) => ({ table, key, patch: patchOf({ table, ...one }) }))
    .filter(({ patch }) => Object.keys(patch).length > 0);
  return [
    ...(fresh.length === 0
      ? []
      : [
          guard(
            insert(
              syncVersions,
              fresh.map((one) => versionOf(one)),
            ),
          ),
        ]),
    ...known.map((one) => {
      const { id, seq = 0 } = one.before.version ?? {};
      const { id: _, ...patch } = versionOf(one);
      return guard(update(syncVersions, { id: id ?? one.id, seq }, patch));
    }),
    ...byTable(open, (one) => one.row === null && one.before.row !== undefined, removal),
    ...patches.flatMap(vacated),
    ...patches.flatMap(patched),
    ...byTable(open, (one) => one.row !== null && one.before.row === undefined, insertion),
  ];
}

function versionOf({ table, id, key, sessionId, stamp, via }: Planned): RowVersion {
  return { id, collection: table.collection.name, rowKey: key, sessionId, seq: 0, ...stamp, via };
}

function byTable(
  planned: readonly Planned[],
  which: (one: Planned) => boolean,
  make: (table: SyncTable, some: readonly Planned[]) => Change,
): Change[] {
  const some = planned.filter(which);
  const tables = new Set(some.map(({ table }) => table));
  return [...tables].map((table) =>
    make(
      table,
      some.filter((one) => one.table === table),
    ),
  );
}

function removal({ collection }: SyncTable, some: readonly Planned[]): Change {
  return {
    kind: "remove",
    from: collection,
    where: { [collection.key]: { anyOf: some.map(({ key }) => key) } },
  };
}

function insertion({ collection, blank }: SyncTable, some: readonly Planned[]): Change {
  const rows = some.map(({ key, row }) => ({ ...blank(row ?? {}), ...row, [collection.key]: key }));
  return { kind: "insert", into: collection, rows, guard: true };
}

/** The fields of a row that change. */
export function patchOf({ table, row, before }: Pick<Planned, "table" | "row" | "before">): Fields {
  if (row === null || before.row === undefined) return {};
  const { collection, fields } = table;
  return Object.fromEntries(
    fields.flatMap((name) => {
      const { kind } = collection.fields[name] ?? {};
      const same = canonicalValue(kind, row[name]) === canonicalValue(kind, before.row?.[name]);
      return same ? [] : [[name, row[name] ?? null]];
    }),
  );
}

interface Patched extends Pick<Planned, "table" | "key"> {
  readonly patch: Fields;
}

/**
 * Two rows may exchange what no two may have at once: each first lets go of its own. No message has a negative number.
 */
function vacated({ table, key, patch }: Patched, place: number): Change[] {
  const held = table.collection.unique.flat().filter((name) => name in patch);
  if (held.length === 0) return [];
  const free = Object.fromEntries(held.map((name) => [name, name === "sequence" ? -1 - place : null]));
  return [updateOf(table, key, free)];
}

function patched({ table, key, patch }: Patched): Change[] {
  return [{ ...updateOf(table, key, patch), guard: true }];
}

function updateOf(
  { collection }: SyncTable,
  key: string,
  patch: Fields,
): Extract<Change, { kind: "update" }> {
  return { kind: "update", rows: collection, where: { [collection.key]: key }, patch };
}

/** A row that does not stand as it was sent. */
export interface Mismatch {
  readonly planned: Planned;
  readonly found: Fields | undefined;
}

/** Compares what was read back with what was to be there. */
export function compare(planned: readonly Planned[], found: ReadonlyMap<string, Fields>): Mismatch[] {
  return planned.flatMap((one) => {
    const row = found.get(one.id);
    const wanted = one.row;
    const same =
      wanted === null || row === undefined
        ? wanted === null && row === undefined
        : canonicalRow(one.table, wanted) === canonicalRow(one.table, row);
    return same ? [] : [{ planned: one, found: row }];
  });
}

/** Rows by the ids of their versions. */
export function byVersion(table: SyncTable, rows: readonly Fields[]): Array<readonly [string, Fields]> {
  const { collection } = table;
  return rows.map((row) => [`${collection.name}/${keyOf(collection, row)}`, row] as const);
}
