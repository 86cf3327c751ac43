import type { Engine } from "../engine/engine.ts";
import { errorCode, LociError } from "../errors.ts";
import type { AnyCollection, Millis } from "../model/collection.ts";
import { type Schema, storeSchema } from "../model/schema.ts";
import type { SyncMode, SyncState } from "../model/sync-state.ts";
import type { After, Compared, RunOptions, SyncReport } from "./report.ts";
import { createSchedule } from "./schedule.ts";
import type { SyncTrouble } from "./status.ts";
import type { OpenSync, Sync } from "./sync.ts";
import { syncTables } from "./tables.ts";

/** A sync that an engine brings along: it carries the whole file, and keeps its own books. */
export interface Transport {
  push(): Promise<void>;
  /** Answers whether anything came. */
  pull(): Promise<boolean>;
  checkpoint(): Promise<void>;
  stats(): Promise<{
    /** Changes that were not sent. */
    readonly cdcOperations: number;
    readonly networkSentBytes: number;
    readonly networkReceivedBytes: number;
  }>;
  /** The collections of which the two sides do not have the same rows, counted and digested. */
  verify(
    collections: readonly AnyCollection[],
    schema: Schema,
  ): Promise<
    ReadonlyArray<{
      readonly collection: string;
      readonly here: { readonly rows: number };
      readonly there: { readonly rows: number };
    }>
  >;
}

export interface TransportSyncParts {
  readonly own: Engine;
  readonly transport: Transport;
  /** Of the hub, without credentials. */
  readonly place: string;
  readonly mode: SyncMode;
  readonly every: Millis | undefined;
  readonly now: () => Millis;
  readonly after: After;
  readonly random: () => number;
}

/** Both sides are compared after the first full sync and then once in so long: it costs the whole database over the line. */
const compareEvery: Millis = 3_600_000;

const collections = syncTables.map(({ collection }) => collection);

/** What is known of the syncs of this process; the engine's books are read beside. */
interface Known {
  state: SyncState;
  triedAt: Millis | null;
  okAt: Millis | null;
  verifiedAt: Millis | null;
  failures: number;
  error: SyncTrouble | null;
}

/** The part in sync of a store whose engine carries its file to a server of its own kind. */
export function createTransportSync(parts: TransportSyncParts): OpenSync {
  const { own, transport, place, mode: meant, now, after, random } = parts;
  const known: Known = {
    ...{ state: "never", triedAt: null, okAt: null, verifiedAt: null, failures: 0, error: null },
  };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
  const run = (mode: SyncMode, { signal }: RunOptions = {}): Promise<SyncReport> =>
    inTurn(async () => {
      signal?.throwIfAborted();
      known.triedAt = now();
      try {
        const report = await goOver(parts, mode, known);
        Object.assign(known, { state: report.state, okAt: known.triedAt, failures: 0 });
        known.error = report.state === "ok" ? null : mismatch();
        return report;
      } catch (error) {
        Object.assign(known, { state: "failed", failures: known.failures + 1, error: troubleOf(error) });
        throw error;
      }
    });
  const schedule = createSchedule({ run: () => run(meant), every: parts.every, after, random });
  const sync: Sync = {
    hub: place,
    run: (options) => run(meant, options),
    push: (options) => run("push", options),
    pull: (options) => run("pull", options),
    full: (options) => run("full", options),
    status: () => statusOf(parts, known),
    verify: () =>
      inTurn(async () => compared(await countRows(own), await transport.verify(collections, storeSchema))),
    repair: async () =>
      Promise.reject(unsupported("cannot send single rows again", "loci sync full, then loci sync verify")),
    localOnly: async () =>
      Promise.reject(unsupported("carries the whole file", "Keep such sessions in a store without a hub")),
    spokes: async () => [],
    forget: async () => false,
    history: async () => [],
    conflicts: async () => [],
    quarantined: async () => [],
  };
  return {
    sync,
    schedule,
    async close() {
      schedule.stop();
      await last;
    },
  };
}

async function goOver(
  { own, transport, now }: TransportSyncParts,
  mode: SyncMode,
  known: Known,
): Promise<SyncReport> {
  const began = now();
  const [before, rows] = [await transport.stats(), await countRows(own)];
  // What came meanwhile is put below what was made here, so that less has to be put right at the server.
  const came = mode === "push" ? false : await transport.pull();
  if (mode !== "pull") await transport.push();
  if (mode === "full") await transport.pull();
  await transport.checkpoint();
  const stats = await transport.stats();
  const isDue = known.verifiedAt === null || now() - known.verifiedAt > compareEvery;
  const differing = mode === "full" && isDue ? await difference(transport) : undefined;
  if (differing?.length === 0) known.verifiedAt = now();
  const received = came ? Math.max(0, (await countRows(own)) - rows) : 0;
  return {
    mode,
    state: differing === undefined || differing.length === 0 ? "ok" : "mismatch",
    counts:
      differing?.map(({ collection, here, there }) => ({ collection, here: here.rows, there: there.rows })) ??
      null,
    ...{ compared: null, again: false, merged: 0, conflicts: 0, quarantined: 0, received },
    sent: mode === "pull" ? 0 : Math.max(0, before.cdcOperations - stats.cdcOperations),
    bytesSent: Math.max(0, stats.networkSentBytes - before.networkSentBytes),
    bytesReceived: Math.max(0, stats.networkReceivedBytes - before.networkReceivedBytes),
    took: Math.max(0, now() - began),
  };
}

/** Another client may have been faster than the first look. */
async function difference(transport: Transport): ReturnType<Transport["verify"]> {
  const first = await transport.verify(collections, storeSchema);
  if (first.length === 0) return first;
  await transport.pull();
  return transport.verify(collections, storeSchema);
}

async function countRows(own: Engine): Promise<number> {
  let rows = 0;
  for (const { collection } of syncTables) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: any collection's rows
    const [group] = await own.rollup(collection as never, { by: [], measures: { count: "count" } });
    rows += group?.count ?? 0;
  }
  return rows;
}

function compared(rows: number, differing: Awaited<ReturnType<Transport["verify"]>>): Compared {
  const differences = differing.map(({ collection }) => ({
    collection,
    rowKey: "*",
    what: "content" as const,
  }));
  return { rows: 2 * rows, different: differing.length, differences, repaired: 0 };
}

async function statusOf(
  { transport, place: hub, mode }: TransportSyncParts,
  known: Known,
): ReturnType<Sync["status"]> {
  const { cdcOperations, networkSentBytes, networkReceivedBytes } = await transport.stats();
  return {
    store: null,
    hubs: [
      {
        ...{ hub, store: null, mode, ...known },
        pending: mode === "pull" ? null : cdcOperations,
        pendingSince: null,
        ...{ rowsSent: 0, rowsReceived: 0, quarantined: 0, comparedAt: known.verifiedAt, recent: null },
        bytesSent: networkSentBytes,
        bytesReceived: networkReceivedBytes,
      },
    ],
    conflicts: 0,
    localSessions: 0,
  };
}

function mismatch(): SyncTrouble {
  const message = "The two sides do not hold the same rows.";
  return { code: "mismatch", message, next: "loci sync full, then loci sync verify" };
}

function troubleOf(error: unknown): SyncTrouble {
  const message = error instanceof Error ? error.message : String(error);
  const next = error instanceof LociError ? (error.next ?? null) : null;
  return { code: errorCode(error) ?? "unknown", message, next };
}

function unsupported(what: string, next: string): LociError {
  return new LociError("unsupported", `Turso's own sync ${what}.`, { next });
}
