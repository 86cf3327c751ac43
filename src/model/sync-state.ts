import {
  boolean,
  type Collection,
  id,
  integer,
  type Millis,
  optional,
  payload,
  text,
  time,
} from "./collection.ts";

export type SyncMode = "push" | "pull" | "full";

/**
 * - `never`: not reached yet
 * - `ok`: all that was to go over has gone over, and was compared
 * - `failed`: the last try ended in an error; it goes on where it stopped
 * - `mismatch`: the two stores do not hold the same, and nothing is on its way
 */
export type SyncState = "never" | "ok" | "failed" | "mismatch";

/** A hub as this store sees it. */
export interface SyncPeer {
  /** Of its place. */
  readonly id: string;
  /** The hub's store id; null while it was never reached. */
  readonly store: string | null;
  /** Without credentials. */
  readonly place: string;
  readonly mode: string;
  /** How far its feed is taken in, and ours is handed over: cursors of the two feeds. */
  readonly pulled: string | null;
  readonly pushed: string | null;
  /** What came from the hub itself is offered, and what came from here is taken, too: one of the two lost something. */
  readonly offerAll: boolean;
  readonly takeAll: boolean;
  /** What stands in the hub's row of this store, and what will stand there after the next word. */
  readonly token: string;
  readonly nextToken: string;
  readonly state: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorNext: string | null;
  /** Tries in a row that failed. */
  readonly failures: number;
  readonly triedAt: Millis | null;
  /** When the last one that went well began. */
  readonly okAt: Millis | null;
  /** When the counts of both sides were last the same. */
  readonly verifiedAt: Millis | null;
  /** When the versions of both sides were last compared to the end. */
  readonly comparedAt: Millis | null;
  /** Where a comparison goes on that is not at its end: behind this version. */
  readonly comparedTo: string | null;
  /** How many syncs left a row in `sync_runs`; null for none. */
  readonly runs: number | null;
  readonly rowsSent: number;
  readonly rowsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export const syncPeers: Collection<SyncPeer> = {
  name: "sync_peers",
  key: "id",
  fields: {
    id,
    store: optional(id),
    place: text,
    mode: id,
    pulled: optional(text),
    pushed: optional(text),
    offerAll: boolean,
    takeAll: boolean,
    token: id,
    nextToken: id,
    state: id,
    errorCode: optional(id),
    errorMessage: optional(text),
    errorNext: optional(text),
    failures: integer,
    triedAt: optional(time),
    okAt: optional(time),
    verifiedAt: optional(time),
    comparedAt: optional(time),
    comparedTo: optional(text),
    runs: optional(integer),
    rowsSent: integer,
    rowsReceived: integer,
    bytesSent: integer,
    bytesReceived: integer,
  },
  unique: [],
  indexes: [],
};

/**
 * One sync that moved rows, compared both sides or failed: the history of syncs with a hub. One that found nothing to do
 * leaves none. The newest 10,000 of each hub are kept.
 */
export interface SyncRun {
  /** The peer, and a place in the ring of its latest runs. */
  readonly id: string;
  /** The hub's row in `sync_peers`. */
  readonly peer: string;
  readonly mode: string;
  readonly startedAt: Millis;
  readonly tookMs: number;
  /** `ok`, `failed` or `mismatch`. */
  readonly state: string;
  readonly errorCode: string | null;
  readonly rowsSent: number;
  readonly rowsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly conflicts: number;
  readonly quarantined: number;
}

export const syncRuns: Collection<SyncRun> = {
  name: "sync_runs",
  key: "id",
  fields: {
    id,
    peer: id,
    mode: id,
    startedAt: time,
    tookMs: integer,
    state: id,
    errorCode: optional(id),
    rowsSent: integer,
    rowsReceived: integer,
    bytesSent: integer,
    bytesReceived: integer,
    conflicts: integer,
    quarantined: integer,
  },
  unique: [],
  indexes: [["startedAt"]],
};

/** A store that syncs with this one, as it said of itself: what an operator sees at the hub. */
export interface SyncSpoke {
  /** Its store id. */
  readonly id: string;
  readonly name: string;
  readonly mode: string;
  /** Changes with each word from it: a hub that was taken back from a backup shows an older one. */
  readonly token: string;
  readonly state: string;
  /** Changes that were still to be sent when it last spoke. */
  readonly pending: number;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly firstAt: Millis;
  readonly seenAt: Millis;
  readonly rowsSent: number;
  readonly rowsReceived: number;
}

export const syncSpokes: Collection<SyncSpoke> = {
  name: "sync_spokes",
  key: "id",
  fields: {
    id,
    name: text,
    mode: id,
    token: id,
    state: id,
    pending: integer,
    errorCode: optional(id),
    errorMessage: optional(text),
    firstAt: time,
    seenAt: time,
    rowsSent: integer,
    rowsReceived: integer,
  },
  unique: [],
  indexes: [["seenAt"]],
};

/** A row that did not arrive as it was sent, or was refused. It stays here until it has arrived. */
export interface SyncQuarantined {
  /** The peer, the direction, the id of its version. */
  readonly id: string;
  readonly peer: string;
  /** `push` or `pull`. */
  readonly direction: string;
  readonly collection: string;
  readonly rowKey: string;
  readonly sessionId: string | null;
  readonly reason: string;
  /** Digests of what was sent and of what was read back. */
  readonly sent: string | null;
  readonly found: string | null;
  readonly tries: number;
  readonly at: Millis;
}

export const syncQuarantine: Collection<SyncQuarantined> = {
  name: "sync_quarantine",
  key: "id",
  fields: {
    id: text,
    peer: id,
    direction: id,
    collection: id,
    rowKey: id,
    sessionId: optional(id),
    reason: text,
    sent: optional(id),
    found: optional(id),
    tries: integer,
    at: time,
  },
  unique: [],
  indexes: [["at"]],
};

/** A field that two stores had changed, with the value that gave way: nothing is lost without a word. */
export interface SyncConflict {
  readonly id: string;
  readonly at: Millis;
  readonly collection: string;
  readonly rowKey: string;
  readonly field: string;
  /** Clock of the value that stands, and of the one that does not. */
  readonly kept: string;
  readonly lost: string;
  readonly lostValue: unknown;
}

export const syncConflicts: Collection<SyncConflict> = {
  name: "sync_conflicts",
  key: "id",
  fields: {
    id,
    at: time,
    collection: id,
    rowKey: id,
    field: id,
    kept: id,
    lost: id,
    lostValue: payload,
  },
  unique: [],
  indexes: [["at"]],
};

/** A session that never leaves this store; its sub-agents' do not either. */
export interface LocalSession {
  readonly sessionId: string;
  readonly since: Millis;
}

export const syncLocal: Collection<LocalSession> = {
  name: "sync_local",
  key: "sessionId",
  fields: { sessionId: id, since: time },
  unique: [],
  indexes: [],
};
