import { type Engine, remove, update } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { syncSchema } from "../model/schema.ts";
import {
  type SyncConflict,
  syncConflicts,
  type SyncMode,
  syncPeers,
  syncQuarantine,
  type SyncQuarantined,
  type SyncRun,
  type SyncSpoke,
  syncSpokes,
} from "../model/sync-state.ts";
import type { After, Compared, RunOptions, SyncReport, VerifyOptions } from "./report.ts";
import { historyOf, type HistoryOptions } from "./history.ts";
import { markLocal, unmarkLocal } from "./local-only.ts";
import { createSchedule, type Schedule, within } from "./schedule.ts";
import type { SyncStatus } from "./status.ts";

/** A store's part in sync: docs/sync.md. */
export interface Sync {
  /** The hub, without credentials; null where none is named. */
  readonly hub: string | null;
  /** One sync in the mode that was set. Errors: `config` where no hub is named, and what the hub answers. */
  run(options?: RunOptions): Promise<SyncReport>;
  /** Sends what changed here. */
  push(options?: RunOptions): Promise<SyncReport>;
  /** Takes what changed there; what is written here stays here. */
  pull(options?: RunOptions): Promise<SyncReport>;
  /** Both. */
  full(options?: RunOptions): Promise<SyncReport>;
  status(): Promise<SyncStatus>;
  /** The syncs that moved rows, compared both sides or failed, newest first. */
  history(options?: HistoryOptions): Promise<SyncRun[]>;
  /** Compares both stores row by row. Changes nothing. */
  verify(options?: VerifyOptions & RunOptions): Promise<Compared>;
  /** Makes the same whatever is not. */
  repair(options?: RunOptions): Promise<Compared>;
  /** The stores that sync with this one, the one last seen first. */
  spokes(): Promise<SyncSpoke[]>;
  /** Takes a spoke off that list; where it comes back, all goes over again. False: it was not on it. */
  forget(spoke: string): Promise<boolean>;
  /** From now on nothing of this session, and of its sub-agents', leaves this store or comes into it; `false` ends that. */
  localOnly(sessionId: string, on?: boolean): Promise<void>;
  /** Values that gave way, newest first. */
  conflicts(options?: { readonly limit?: number }): Promise<SyncConflict[]>;
  /** Rows that did not arrive, newest first. */
  quarantined(options?: { readonly limit?: number }): Promise<SyncQuarantined[]>;
}

/** What does the work: a thread, or this one. */
export interface SyncRunner {
  run(mode: SyncMode, options?: RunOptions): Promise<SyncReport>;
  verify(mode: SyncMode, options?: VerifyOptions & RunOptions): Promise<Compared>;
  repair(mode: SyncMode, options?: RunOptions): Promise<Compared>;
  close(): Promise<void>;
}

export interface SyncParts {
  readonly own: Engine;
  /** Absent where no hub is named. */
  readonly hub?: { readonly place: string; readonly mode: SyncMode; readonly runner: SyncRunner } | undefined;
  /** A sync each so many ms. */
  readonly every?: Millis | undefined;
  readonly now: () => Millis;
  readonly after: After;
  readonly random: () => number;
}

export interface OpenSync {
  readonly sync: Sync;
  readonly schedule: Schedule;
  /** Ends it; a sync that is under way has so many ms. */
  close(wait: Millis): Promise<void>;
}

export function createSync({ own, hub, every, now, after, random }: SyncParts): OpenSync {
  const stopping = new AbortController();
  const ready = once(() => own.prepare(syncSchema));
  const needed = (): NonNullable<SyncParts["hub"]> => {
    if (hub !== undefined) return hub;
    throw new LociError("config", `${own.place} has no hub to sync with.`, {
      where: own.place,
      next: "open(url, { sync: { url: … } }), or LOCI_SYNC_URL",
    });
  };
  const run = async (mode: SyncMode | undefined, { signal }: RunOptions = {}): Promise<SyncReport> => {
    const named = needed();
    const either = signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]);
    return named.runner.run(mode ?? named.mode, { signal: either });
  };
  const schedule = createSchedule({ run: () => run(undefined), every: hub && every, after, random });
  const sync: Sync = {
    hub: hub?.place ?? null,
    run: (options) => run(undefined, options),
    push: (options) => run("push", options),
    pull: (options) => run("pull", options),
    full: (options) => run("full", options),
    verify: async (options) => needed().runner.verify(needed().mode, options),
    repair: async (options) => needed().runner.repair(needed().mode, options),
    async status() {
      await ready();
      const { statusOf } = await import("./status.ts");
      return statusOf({ own, now: now() }, hub);
    },
    ...keptIn(own, { ready, now }),
  };
  return {
    sync,
    schedule,
    async close(wait) {
      schedule.stop();
      await within(schedule.settled(), wait, after);
      stopping.abort();
      await hub?.runner.close();
    },
  };
}

/** What stands in the store itself, without a hub. */
function keptIn(
  own: Engine,
  { ready, now }: { readonly ready: () => Promise<void>; readonly now: () => Millis },
): Pick<Sync, "history" | "spokes" | "forget" | "localOnly" | "conflicts" | "quarantined"> {
  const newest = async <Row>(read: () => Promise<Row[]>): Promise<Row[]> => {
    await ready();
    return read();
  };
  return {
    history: (options) => newest(() => historyOf(own, options)),
    spokes: () => newest(() => own.find(syncSpokes, { orderBy: [["seenAt", "down"]] })),
    async forget(id) {
      await ready();
      const [touched] = await own.write([remove(syncSpokes, { id })]);
      return touched === 1;
    },
    async localOnly(sessionId, on = true) {
      await ready();
      if (on) return markLocal(own, sessionId, now());
      await unmarkLocal(own, sessionId);
      // What was passed over until now is behind the cursors.
      await own.write([update(syncPeers, {}, { pushed: null, pulled: null })]);
    },
    conflicts: ({ limit = 100 } = {}) =>
      newest(() => own.find(syncConflicts, { orderBy: [["at", "down"]], limit })),
    quarantined: ({ limit = 100 } = {}) =>
      newest(() => own.find(syncQuarantine, { orderBy: [["at", "down"]], limit })),
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
