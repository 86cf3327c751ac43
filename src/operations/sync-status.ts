import type { Millis } from "../model/collection.ts";
import type { SyncSpoke } from "../model/sync-state.ts";
import type { SyncSummary } from "../sync/history.ts";
import type { PeerStatus, SyncTrouble } from "../sync/status.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { syncOf } from "./sync.ts";

/** How this store stands with one hub. */
export interface HubItem {
  readonly hub: string;
  readonly mode: string;
  readonly state: string;
  /** Changes that are still to be sent; null where nothing ever is. */
  readonly pending: number | null;
  /** How long the oldest of them has waited, in ms; null where none waits. */
  readonly lag: Millis | null;
  readonly syncedAt: string | null;
  readonly verifiedAt: string | null;
  readonly failures: number;
  readonly quarantined: number;
  readonly rowsSent: number;
  readonly rowsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly error: SyncTrouble | null;
  /** Of the last 24 hours. */
  readonly recent: RecentSyncs | null;
}

export type RecentSyncs = Omit<SyncSummary, "since"> & { readonly since: string };

/** A store that syncs with this one, as it said when it was last here. */
export interface SpokeItem {
  readonly id: string;
  readonly name: string;
  readonly mode: string;
  readonly state: string;
  readonly pending: number;
  readonly firstAt: string;
  readonly seenAt: string;
  readonly rowsSent: number;
  readonly rowsReceived: number;
  readonly error: string | null;
}

/** What is wrong with sync, and the exact command that helps. */
export interface SyncProblem {
  /** The hub's place, or the spoke's name. */
  readonly who: string;
  readonly what: string;
  readonly fix: string;
}

export interface SyncStatusAnswer {
  /** This store's id; null while it never took part. */
  readonly store: string | null;
  readonly hubs: readonly HubItem[];
  readonly spokes: readonly SpokeItem[];
  readonly conflicts: number;
  readonly localSessions: number;
  readonly problems: readonly SyncProblem[];
}

export const syncStatus: Operation = operation({
  name: "sync status",
  summary: "how far this store and its hub, and the spokes of this store, are apart",
  access: "read",
  params: {
    check: { kind: "boolean", summary: "exit code 6 where something is wrong" },
    maxLag: { kind: "time", summary: "wrong is what waits for longer than this: 10m, 2h" },
  },
  async run(loci, { maxLag }, { now }): Promise<SyncStatusAnswer> {
    const sync = syncOf(loci);
    const [{ store, hubs, conflicts, localSessions }, spokes] = await Promise.all([
      sync.status(),
      sync.spokes(),
    ]);
    const at = now();
    const limit = maxLag === undefined ? undefined : at - maxLag;
    return {
      store,
      hubs: hubs.map((hub) => hubItem(hub, at)),
      spokes: spokes.map(spokeItem),
      conflicts,
      localSessions,
      problems: [
        ...hubs.flatMap((hub) => hubProblems(hub, at, limit)),
        ...spokes.flatMap((spoke) => spokeProblems(spoke, at, limit)),
      ],
    };
  },
});

function hubItem(peer: PeerStatus, now: Millis): HubItem {
  const { hub, mode, state, pending, pendingSince, okAt, verifiedAt, failures, error, ...rest } = peer;
  const { quarantined, rowsSent, rowsReceived, bytesSent, bytesReceived, recent } = rest;
  return {
    ...{ hub, mode, state, pending },
    lag: pendingSince === null ? null : Math.max(0, now - pendingSince),
    syncedAt: isoTime(okAt),
    verifiedAt: isoTime(verifiedAt),
    ...{ failures, quarantined, rowsSent, rowsReceived, bytesSent, bytesReceived, error },
    recent: recent === null ? null : { ...recent, since: isoTime(recent.since) },
  };
}

function spokeItem(spoke: SyncSpoke): SpokeItem {
  const { id, name, mode, state, pending, firstAt, seenAt, rowsSent, rowsReceived, errorMessage } = spoke;
  return {
    ...{ id, name, mode, state, pending, firstAt: isoTime(firstAt), seenAt: isoTime(seenAt) },
    ...{ rowsSent, rowsReceived, error: errorMessage },
  };
}

export function hubProblems(peer: PeerStatus, now: Millis, limit?: Millis): SyncProblem[] {
  const { hub: who, mode, state, error, pending, pendingSince, quarantined } = peer;
  const problems: SyncProblem[] = [];
  if (state === "failed") {
    const what = `the last sync failed${tries(peer.failures)}: ${error?.message ?? "nobody knows why"}`;
    problems.push({ who, what, fix: error?.next ?? `loci sync ${mode}` });
  }
  if (state === "mismatch") {
    problems.push({ who, what: "the two stores do not hold the same", fix: "loci sync repair" });
  }
  if (quarantined > 0) {
    problems.push({
      who,
      what: `${quarantined} ${quarantined === 1 ? "row" : "rows"} did not arrive`,
      fix: "loci sync quarantine, then loci sync repair",
    });
  }
  const lag = pendingSince === null ? 0 : now - pendingSince;
  if (limit !== undefined && (pending ?? 0) > 0 && lag > limit) {
    problems.push({
      who,
      what: `${changesWait(pending)}, the oldest for ${seconds(lag)}`,
      fix: `loci sync ${mode}`,
    });
  }
  return problems;
}

function spokeProblems(spoke: SyncSpoke, now: Millis, limit?: Millis): SyncProblem[] {
  const { id, name: who, mode, state, pending, seenAt, errorMessage } = spoke;
  const there = `loci sync ${mode === "push" || mode === "pull" ? mode : "full"} where ${who} runs`;
  const problems: SyncProblem[] = [];
  if (state === "failed" || state === "mismatch") {
    const fix = state === "failed" ? there : `loci sync repair where ${who} runs`;
    problems.push({ who, what: errorMessage ?? `its last sync ended as ${state}`, fix });
  }
  const silent = now - seenAt;
  if (limit !== undefined && pending > 0 && silent > limit) {
    const what = `${changesWait(pending)} there, and it was last seen ${seconds(silent)} ago`;
    problems.push({ who, what, fix: `${there}, or loci spoke forget ${id}` });
  }
  return problems;
}

function changesWait(count: number | null): string {
  return count === 1 ? "1 change waits" : `${count} changes wait`;
}

function tries(failures: number): string {
  return failures > 1 ? ` (${failures} times)` : "";
}

function seconds(ms: Millis): string {
  const s = Math.round(ms / 1000);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}

export const listSpokes: Operation = operation({
  name: "spoke ls",
  summary: "the stores that sync with this one, the one last seen first",
  access: "read",
  params: {},
  run: async (loci): Promise<{ readonly items: readonly SpokeItem[] }> => ({
    items: (await syncOf(loci).spokes()).map(spokeItem),
  }),
});

export interface ForgottenSpoke {
  readonly id: string;
  /** False: there was none with that id or name. */
  readonly forgotten: boolean;
}

export const forgetSpoke: Operation = operation({
  name: "spoke forget",
  summary: "take a spoke off the list; where it comes back, all goes over again",
  access: "write",
  params: { id: { kind: "string", positional: true, required: true, summary: "its id, or its name" } },
  async run(loci, { id: wanted }): Promise<ForgottenSpoke> {
    const sync = syncOf(loci);
    const named = (await sync.spokes()).filter(({ id, name }) => id === wanted || name === wanted);
    const [spoke] = named;
    const id = named.length === 1 && spoke !== undefined ? spoke.id : wanted;
    return { id, forgotten: await sync.forget(id) };
  },
});
