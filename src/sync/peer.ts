import { createHash } from "node:crypto";
import { type Change, type Engine, insert, update } from "../engine/engine.ts";
import { syncPeers, type SyncPeer } from "../model/sync-state.ts";

type PeerPatch = Partial<Omit<SyncPeer, "id">>;

/** What this store knows of a hub, and writes down as it goes on. */
export interface Peer {
  readonly now: SyncPeer;
  /** Written with `beside`, and with what was only noted, in one step. */
  save(patch: PeerPatch, beside?: readonly Change[]): Promise<void>;
  /** Counts from now on, and is written with what is saved next: what may be lost with the process. */
  note(patch: PeerPatch): void;
}

export function peerId(place: string): string {
  return createHash("sha256").update(place).digest("hex").slice(0, 16);
}

export async function findPeer(engine: Engine, place: string): Promise<SyncPeer | undefined> {
  return (await engine.find(syncPeers, { where: { id: peerId(place) }, limit: 1 }))[0];
}

export async function loadPeer(
  engine: Engine,
  { place, mode, makeId }: { readonly place: string; readonly mode: string; readonly makeId: () => string },
): Promise<Peer> {
  const known = await findPeer(engine, place);
  let now = known ?? newPeer(place, mode, makeId);
  if (known === undefined) {
    await engine.write([insert(syncPeers, [now])]);
    now = (await findPeer(engine, place)) ?? now;
  }
  let noted: PeerPatch = {};
  return {
    get now() {
      return now;
    },
    async save(patch, beside = []) {
      const all = { ...noted, ...patch };
      const own = Object.keys(all).length === 0 ? [] : [update(syncPeers, { id: now.id }, all)];
      if (own.length + beside.length > 0) await engine.write([...own, ...beside]);
      noted = {};
      now = { ...now, ...patch };
    },
    note(patch) {
      noted = { ...noted, ...patch };
      now = { ...now, ...patch };
    },
  };
}

function newPeer(place: string, mode: string, makeId: () => string): SyncPeer {
  return {
    id: peerId(place),
    store: null,
    place,
    mode,
    pulled: null,
    pushed: null,
    offerAll: false,
    takeAll: false,
    token: makeId(),
    nextToken: makeId(),
    state: "never",
    errorCode: null,
    errorMessage: null,
    errorNext: null,
    failures: 0,
    triedAt: null,
    okAt: null,
    verifiedAt: null,
    comparedAt: null,
    comparedTo: null,
    runs: null,
    rowsSent: 0,
    rowsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
}
