import type { AnyCollection, Millis } from "../model/collection.ts";
import { clockAt, millisOfClock, type SyncedTable, syncVersions } from "../model/sync.ts";
import type { Setting } from "./change.ts";
import type { MemoryTable, Undo } from "./memory-table.ts";
import type { Stored, StoredRow } from "./stored.ts";

/** What triggers do elsewhere, in the plainest form. */
export interface MemoryNotes {
  begin(store: string, tables: readonly SyncedTable[]): void;
  /** The table, with its changes noted where sync is on. */
  watched(collection: AnyCollection, table: MemoryTable): MemoryTable;
  /** What is done in it is not noted. */
  quietly<Result>(work: () => Result): Result;
  /** The highest number of a version. */
  last(): number;
}

type Count = (undo: Undo, seq?: number) => number;

/** What a change makes of a row's version. */
type Make = (clock: string, clocks: object) => StoredRow;

export function createMemoryNotes({
  tableOf,
  now,
}: {
  /** The bare table. */
  readonly tableOf: (collection: AnyCollection) => MemoryTable;
  readonly now: () => Millis;
}): MemoryNotes {
  const noted = new Map<string, SyncedTable>();
  let store = "";
  let quiet = false;
  const { count, last } = createCounter();
  const versions = (): MemoryTable => numbered(tableOf(syncVersions), count);
  const note = (table: SyncedTable, row: StoredRow, { make, undo }: { make: Make; undo: Undo }): void => {
    const fresh = versionFor(table, row, clockAt(0, store));
    const known = versions().at(fresh["id"] ?? null);
    const after = known ? millisOfClock(String(known["clock"])) + 1 : 0;
    const clock = clockAt(Math.max(now(), after), store);
    const { sessionId = null } = fresh;
    const version = {
      ...fresh,
      ...known,
      ...make(clock, clocksOf(known)),
      sessionId,
      clock,
      seq: 0,
      via: null,
    };
    if (known) versions().change(known, settingsFor(version), undo);
    else versions().insert(version, undo);
  };

  return {
    begin(id, tables) {
      store = id;
      for (const table of tables) {
        noted.set(table.collection.name, table);
        for (const row of tableOf(table.collection).matching([]))
          versions().insert(versionFor(table, row, clockAt(0, store)), []);
      }
    },
    watched(collection, table) {
      if (collection.name === syncVersions.name) return numbered(table, count);
      const synced = noted.get(collection.name);
      return synced === undefined || quiet
        ? table
        : watchedBy(table, synced, (row, make, undo) => note(synced, row, { make, undo }));
    },
    quietly(work) {
      quiet = true;
      try {
        return work();
      } finally {
        quiet = false;
      }
    },
    last,
  };
}

/** Counts up, and back where a write is undone. */
function createCounter(): { readonly count: Count; readonly last: () => number } {
  let last = 0;
  return {
    count(undo, seq = last + 1) {
      const before = last;
      last = Math.max(last, seq);
      undo.push(() => (last = before));
      return last;
    },
    last: () => last,
  };
}

function watchedBy(
  table: MemoryTable,
  { fields }: SyncedTable,
  note: (row: StoredRow, make: Make, undo: Undo) => void,
): MemoryTable {
  return {
    ...table,
    insert(row, undo) {
      const done = table.insert(row, undo);
      if (done) note(row, (clock) => ({ born: clock, clocks: null }), undo);
      return done;
    },
    change(row, settings, undo) {
      table.change(row, settings, undo);
      const now = table.current(row);
      const changed = fields.filter((name) => !isSame(row[name] ?? null, now[name] ?? null));
      if (changed.length === 0) return;
      const at = (clock: string): object => Object.fromEntries(changed.map((name) => [name, clock]));
      note(now, (clock, clocks) => ({ clocks: JSON.stringify({ ...clocks, ...at(clock) }) }), undo);
    },
    remove(row, undo) {
      table.remove(row, undo);
      note(row, (clock) => ({ removed: clock }), undo);
    },
  };
}

/** A version that comes with 0 for its number gets the next. */
function numbered(table: MemoryTable, count: Count): MemoryTable {
  return {
    ...table,
    insert(row, undo) {
      if (table.at(row["id"] ?? null)) return false;
      const given = Number(row["seq"]);
      return table.insert({ ...row, seq: given === 0 ? count(undo) : given }, undo);
    },
    change(row, settings, undo) {
      table.change(row, settings, undo);
      const now = table.current(row);
      if (now["seq"] === 0) table.change(now, [{ name: "seq", value: count(undo) }], undo);
    },
  };
}

/** Of a row of which nothing is known but that it is there. */
function versionFor({ collection, session }: SyncedTable, row: StoredRow, born: string): StoredRow {
  const rowKey = row[collection.key] ?? null;
  return {
    id: `${collection.name}/${String(rowKey)}`,
    collection: collection.name,
    rowKey,
    sessionId: session === null ? null : (row[session] ?? null),
    seq: 0,
    born,
    clock: born,
    clocks: null,
    removed: null,
    via: null,
  };
}

function clocksOf(known: StoredRow | undefined): object {
  const clocks: unknown = JSON.parse(String(known?.["clocks"] ?? "{}"));
  return typeof clocks === "object" && clocks !== null ? clocks : {};
}

function settingsFor({ id: _, ...version }: StoredRow): Setting[] {
  return Object.entries(version).map(([name, value]) => ({ name, value }));
}

function isSame(a: Stored, b: Stored): boolean {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return a === b;
  return Buffer.compare(a, b) === 0;
}
