import { type Collection, id, integer, json, type Millis, text, time } from "./collection.ts";

/** The numbers of one recorder: `noted = written + spooled + dropped`, always. */
export interface LedgerEntry {
  /** The recorder's id, which is also the name of its spool. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: Millis;
  /** Happenings numbered so far. */
  readonly noted: number;
  /** Happenings that stand in the store. */
  readonly written: number;
  readonly dropped: number;
  /** How many were dropped for which reason, as an object. */
  readonly reasons: unknown;
  readonly updatedAt: Millis;
}

export const ledger: Collection<LedgerEntry> = {
  name: "ledger",
  key: "id",
  fields: {
    id,
    host: text,
    pid: integer,
    startedAt: time,
    noted: integer,
    written: integer,
    dropped: integer,
    reasons: json,
    updatedAt: time,
  },
  unique: [],
  indexes: [["updatedAt"]],
};
