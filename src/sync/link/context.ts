import type { Clash, Tie } from "./merge.ts";
import type { SyncEngine } from "./land.ts";
import type { LocalOnly } from "../local-only.ts";
import type { Peer } from "../peer.ts";
import type { Mismatch, Planned } from "./plan.ts";
import type { Fields, SyncTable } from "../tables.ts";
import type { Millis } from "../../model/collection.ts";
import type { SyncReport } from "../report.ts";
import type { SyncMode } from "../../model/sync-state.ts";

/** So much goes over at once: rows of a page, bytes of one write, versions that one sync compares. */
export interface SyncLimits {
  readonly rows: number;
  readonly bytes: number;
  readonly compared: number;
}

export type Direction = "push" | "pull";

/** What one sync is made of. */
export interface Context {
  readonly own: SyncEngine;
  readonly hub: SyncEngine;
  /** Our store's id. */
  readonly me: string;
  readonly name: string;
  readonly mode: SyncMode;
  readonly peer: Peer;
  readonly local: LocalOnly;
  readonly leaving: (table: SyncTable, row: Fields) => Fields;
  readonly limits: SyncLimits;
  readonly now: () => Millis;
  readonly makeId: () => string;
  /** Throws where the sync was cancelled, or was lost to another process. */
  readonly check: () => void;
  /** When this sync began. */
  readonly began: Millis;
  /** How long it took until now. */
  readonly took: () => Millis;
  readonly tally: Tally;
  /** Where rows that did not arrive may wait to be tried again, as far as this connection knows. */
  readonly debts: Set<Direction>;
  /** Words of ours that the hub does not take: with a token that may only read. */
  mute: boolean;
}

type Counted = "sent" | "received" | "merged" | "conflicts" | "quarantined" | "bytesSent" | "bytesReceived";

/** What this sync did until now. */
export type Tally = { -readonly [Name in Counted]: SyncReport[Name] };

export function newTally(): Tally {
  return { sent: 0, received: 0, merged: 0, conflicts: 0, quarantined: 0, bytesSent: 0, bytesReceived: 0 };
}

/** The hub does not know our last word, or we do not know its: one of the two stores is not what it was. */
export class Astray extends Error {
  constructor() {
    super("The hub's row of this store shows another token.");
    this.name = "Astray";
  }
}

export interface Refused {
  readonly collection: string;
  readonly rowKey: string;
  readonly sessionId: string | null;
  readonly id: string;
  readonly reason: string;
}

/** What became of some rows that were brought over, one by one where it had to be. */
export interface Brought {
  written: number;
  merged: number;
  readonly clashes: Array<Clash & { readonly planned: Planned }>;
  readonly mismatches: Mismatch[];
  readonly refused: Refused[];
}

export type { Tie };
