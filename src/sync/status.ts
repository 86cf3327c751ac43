import type { Engine } from "../engine/engine.ts";
import type { Millis } from "../model/collection.ts";
import { millisOfClock, syncSelf } from "../model/sync.ts";
import {
  syncConflicts,
  syncLocal,
  type SyncMode,
  type SyncPeer,
  syncPeers,
  syncQuarantine,
  type SyncState,
} from "../model/sync-state.ts";
import { summaryOf, type SyncSummary } from "./history.ts";
import { peerId } from "./peer.ts";
import { syncNames } from "./tables.ts";

/** How this store stands with one hub. */
export interface PeerStatus {
  /** Without credentials. */
  readonly hub: string;
  /** The hub's store id; null while it was never reached. */
  readonly store: string | null;
  readonly mode: SyncMode;
  readonly state: SyncState;
  /** Changes that the hub does not have yet; counted up to 10,000. Null for a store that only pulls. */
  readonly pending: number | null;
  /** Since when the oldest of them waits. */
  readonly pendingSince: Millis | null;
  readonly triedAt: Millis | null;
  /** When the last sync that went well began. */
  readonly okAt: Millis | null;
  /** When both sides were last found to hold the same. */
  readonly verifiedAt: Millis | null;
  /** When the versions of both were last compared, all of them, and were the same. */
  readonly comparedAt: Millis | null;
  /** Tries in a row that failed, and why the last one did. */
  readonly failures: number;
  readonly error: SyncTrouble | null;
  readonly rowsSent: number;
  readonly rowsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Rows that did not arrive as they were sent, or were refused. */
  readonly quarantined: number;
  /** Of the last 24 hours; null for a hub that was never asked, and with Turso's own sync. */
  readonly recent: SyncSummary | null;
}

export interface SyncTrouble {
  readonly code: string;
  readonly message: string;
  /** The command, or the sentence, that helps. */
  readonly next: string | null;
}

export interface SyncStatus {
  /** This store's id; null while it never took part. */
  readonly store: string | null;
  readonly hubs: readonly PeerStatus[];
  /** Values that gave way to later ones. */
  readonly conflicts: number;
  /** Sessions that never leave. */
  readonly localSessions: number;
}

const recently: Millis = 24 * 3_600_000;

/** More changes that wait are not counted. */
const countedAtMost = 10_000;

/** How the store stands with each hub that it knows, and with the one that is meant, known or not. */
export async function statusOf(
  { own, now }: { readonly own: Engine; readonly now: Millis },
  meant: { readonly place: string; readonly mode: SyncMode } | undefined,
): Promise<SyncStatus> {
  const [[self], peers] = await Promise.all([own.find(syncSelf, { limit: 1 }), own.find(syncPeers)]);
  const meantId = meant === undefined ? undefined : peerId(meant.place);
  const known = await Promise.all(
    peers.map((peer) =>
      // The last one may have been asked for in another mode than is set.
      peerStatus(
        own,
        { ...peer, mode: peer.id === meantId ? (meant?.mode ?? peer.mode) : peer.mode },
        { isOn: self !== undefined, now },
      ),
    ),
  );
  const isKnown = meant === undefined || peers.some(({ id }) => id === meantId);
  return {
    store: self?.store ?? null,
    hubs: isKnown ? known : [...known, await unknownHub(own, meant, self !== undefined)],
    conflicts: await countOf(own, syncConflicts),
    localSessions: await countOf(own, syncLocal),
  };
}

async function peerStatus(
  own: Engine,
  peer: SyncPeer,
  { isOn, now }: { readonly isOn: boolean; readonly now: Millis },
): Promise<PeerStatus> {
  const { id, place: hub, errorCode: code, errorMessage: message, errorNext: next, ...rest } = peer;
  const mode = asMode(rest.mode);
  const { count, since } = mode === "pull" ? { count: null, since: null } : await pendingOf(own, peer, isOn);
  const [group] = await own.rollup(syncQuarantine, {
    by: [],
    where: { peer: id },
    measures: { count: "count" },
  });
  return {
    hub,
    store: rest.store,
    mode,
    state: asState(rest.state),
    pending: count,
    pendingSince: since,
    triedAt: rest.triedAt,
    okAt: rest.okAt,
    verifiedAt: rest.verifiedAt,
    comparedAt: rest.comparedAt,
    failures: rest.failures,
    error: message === null ? null : { code: code ?? "mismatch", message, next },
    rowsSent: rest.rowsSent,
    rowsReceived: rest.rowsReceived,
    bytesSent: rest.bytesSent,
    bytesReceived: rest.bytesReceived,
    quarantined: group?.count ?? 0,
    recent: await summaryOf(own, id, now - recently),
  };
}

async function unknownHub(
  own: Engine,
  { place: hub, mode }: { readonly place: string; readonly mode: SyncMode },
  isOn: boolean,
): Promise<PeerStatus> {
  const peer = { pushed: null, store: null, offerAll: false };
  const { count, since } = mode === "pull" ? { count: null, since: null } : await pendingOf(own, peer, isOn);
  return {
    ...{ hub, store: null, mode, state: "never", pending: count, pendingSince: since },
    ...{ triedAt: null, okAt: null, verifiedAt: null, comparedAt: null, failures: 0, error: null },
    ...{ rowsSent: 0, rowsReceived: 0, bytesSent: 0, bytesReceived: 0, quarantined: 0, recent: null },
  };
}

async function pendingOf(
  own: Engine,
  { pushed, store, offerAll }: Pick<SyncPeer, "pushed" | "store" | "offerAll">,
  isOn: boolean,
): Promise<{ count: number; since: Millis | null }> {
  const { feed } = own;
  // A store that never took part does not know what changed.
  if (feed === undefined || !isOn) return { count: 0, since: null };
  const leftOut = store === null || offerAll ? {} : { notVia: store };
  let count = 0;
  let since: Millis | null = null;
  for (let after = pushed; count < countedAtMost; ) {
    const page = await feed.read({ after, limit: 1_000, collections: syncNames, ...leftOut });
    for (const { clock } of page.versions) {
      const at = millisOfClock(clock);
      // What was there before sync has no time.
      if (at > 0) since = Math.min(since ?? at, at);
    }
    count += page.versions.length;
    after = page.cursor;
    if (page.versions.length < 1_000) break;
  }
  return { count, since };
}

async function countOf(own: Engine, of: typeof syncConflicts | typeof syncLocal): Promise<number> {
  const spec = { by: [], measures: { count: "count" } } as const;
  const [group] =
    of === syncConflicts ? await own.rollup(syncConflicts, spec) : await own.rollup(syncLocal, spec);
  return group?.count ?? 0;
}

function asMode(mode: string): SyncMode {
  return mode === "push" || mode === "pull" ? mode : "full";
}

function asState(state: string): SyncState {
  return state === "ok" || state === "failed" || state === "mismatch" ? state : "never";
}
