import { randomBytes } from "node:crypto";
import {
  type AnyCollection,
  type Collection,
  id,
  integer,
  json,
  type Millis,
  optional,
  payload,
  text,
} from "./collection.ts";

/** A collection whose rows are synced: which fields are, since what is derived (totals, counters) is not. */
export interface SyncedTable {
  readonly collection: AnyCollection;
  /** Never the key, which is the row's name. */
  readonly fields: readonly string[];
  /** The field that names the row's session; null where rows belong to none. */
  readonly session: string | null;
}

/**
 * What the store knows of the changes of one row since sync was switched on. The row lives where it was born after it was
 * removed, or was never removed. A clock is text that sorts: milliseconds (15 digits), `-`, the id of the store where the
 * change was made; a row that was there before sync has 0 for its milliseconds, so that any change is later.
 */
export interface RowVersion {
  /** The collection, a slash, the row's key. */
  readonly id: string;
  readonly collection: string;
  readonly rowKey: string;
  /** The session that it belongs to, and its own id where it is one. */
  readonly sessionId: string | null;
  /** Of its latest change in this store, the highest of all so far; written as 0, the store gives the number. */
  readonly seq: number;
  /** Clock of the insert: of the latest one, where the row was removed and made again. */
  readonly born: string;
  /** The latest of all its clocks. */
  readonly clock: string;
  /** Clocks by field, of those that were changed after the insert; all others are as old as the row. */
  readonly clocks: Readonly<Record<string, string>> | null;
  /** Clock of the latest removal. */
  readonly removed: string | null;
  /** The store that this state was taken over from; null where the row was changed here. */
  readonly via: string | null;
}

export const syncVersions: Collection<RowVersion> = {
  name: "sync_versions",
  key: "id",
  fields: {
    // Longer than an id may be, where the row's key is as long as it may be.
    id: text,
    collection: id,
    rowKey: id,
    sessionId: optional(id),
    seq: integer,
    born: id,
    clock: id,
    clocks: json,
    removed: optional(id),
    via: optional(id),
  },
  unique: [],
  indexes: [["seq"]],
};

/** The one row of a store that takes part in sync. */
export interface SyncSelf {
  /** `self`. */
  readonly id: string;
  /** The store's own id; another one where the store was taken back from a backup: what it gave out is no more. */
  readonly store: string;
  /** Which fields of which collections are noted; null until the rows are that were there before. */
  readonly noted: unknown;
}

export const syncSelf: Collection<SyncSelf> = {
  name: "sync_self",
  key: "id",
  fields: { id, store: id, noted: payload },
  unique: [],
  indexes: [],
};

export function newStoreId(): string {
  return randomBytes(6).toString("hex");
}

export function clockAt(ms: Millis, store: string): string {
  return `${String(ms).padStart(15, "0")}-${store}`;
}

/** When a change was made, by the clock of the store that made it. */
export function millisOfClock(clock: string): Millis {
  return Number(clock.slice(0, 15));
}
