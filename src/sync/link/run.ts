import { createLocks, type LockLease } from "../../domains/locks.ts";
import type { Engine } from "../../engine/engine.ts";
import { errorCode, LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { SyncMode, SyncRun } from "../../model/sync-state.ts";
import type { Redactor } from "../../record/redact.ts";
import { sentenceOf } from "./bring.ts";
import { type Context, newTally, type SyncLimits } from "./context.ts";
import type { After, Compared, RunOptions, SyncReport, VerifyOptions } from "../report.ts";
import { withDeadline } from "./deadline.ts";
import { type Exchanged, exchange } from "./exchange.ts";
import { runNoted } from "../history.ts";
import type { SyncEngine } from "./land.ts";
import { createLeaving } from "./leaving.ts";
import { createLocalOnly } from "../local-only.ts";
import { loadPeer } from "../peer.ts";
import { interrupted } from "./pull.ts";
import { repairAll, verifyAll } from "./verify.ts";
import { syncTables } from "../tables.ts";

/** What a link between a store and its hub is made of. */
export interface LinkParts {
  readonly own: Engine;
  /** Called when the hub is needed, and again after it failed. */
  readonly openHub: () => Promise<Engine>;
  /** Of the hub, without credentials. */
  readonly place: string;
  /** What the hub is to call this store. */
  readonly name: string;
  readonly redactor: Redactor;
  readonly now: () => Millis;
  readonly elapsed: () => Millis;
  readonly after: After;
  readonly makeId: () => string;
  readonly limits?: Partial<SyncLimits> | undefined;
  /** How long one call of the hub may take. Default 30 s. */
  readonly patience?: Millis | undefined;
}

/** A store and its hub. One sync at a time, in all processes that have the store open. */
export interface Link {
  run(mode: SyncMode, options?: RunOptions): Promise<SyncReport>;
  verify(mode: SyncMode, options?: VerifyOptions & RunOptions): Promise<Compared>;
  repair(mode: SyncMode, options?: RunOptions): Promise<Compared>;
  close(): Promise<void>;
}

const defaults: SyncLimits = { rows: 1_000, bytes: 1024 * 1024, compared: 10_000 };
/** After a process that was killed, the next one waits no longer. Whoever was frozen for longer finds another token. */
const lease = 5_000;

interface Opened {
  readonly hub: SyncEngine;
  /** It was greeted. */
  isKnown: boolean;
  readonly debts: Context["debts"];
}

export function createLink(parts: LinkParts): Link {
  const { own, place, now, makeId } = parts;
  let opened: Opened | undefined;
  let me: string | undefined;

  /** The next sync begins with a new connection: what is on its way in this one has no meaning any more. */
  async function drop(): Promise<void> {
    const old = opened;
    opened = undefined;
    await old?.hub.close().catch(() => undefined);
  }

  async function work<Result>(
    mode: SyncMode,
    { signal }: RunOptions,
    task: (context: Context, opened: Opened) => Promise<Result>,
  ): Promise<Result> {
    const store = syncing(own);
    const check = (): void => {
      if (signal?.aborted === true) throw interrupted();
    };
    me ??= await store.feed.start(syncTables);
    const turn = await takeTurn(parts, me, check);
    try {
      const peer = await loadPeer(own, { place, mode, makeId });
      const [began, started, tally] = [now(), parts.elapsed(), newTally()];
      const took = (): Millis => Math.max(0, Math.round(parts.elapsed() - started));
      try {
        opened ??= { hub: await openedHub(parts), isKnown: false, debts: new Set(["push", "pull"]) };
        const { hub, debts } = opened;
        const stores = { own: store, hub, debts, me, mode, peer, began, took, tally };
        const both = (): void => {
          check();
          turn.check();
        };
        return await task(contextOf(parts, { ...stores, check: both }), opened);
      } catch (error) {
        await drop();
        await failed({ peer, mode, began, took, tally }, error);
        throw error;
      }
    } finally {
      await turn.release();
    }
  }

  return {
    run: (mode, options = {}) =>
      work(mode, options, async (context, link) => {
        const done = await exchange(context, link.isKnown);
        link.isKnown = true;
        await ended(context, done);
        return { mode, ...done, ...context.tally, took: context.took() };
      }),
    verify: (mode, options = {}) => work(mode, options, (context) => verifyAll(context, options)),
    repair: (mode, options = {}) => work(mode, options, (context) => repairAll(context)),
    close: drop,
  };
}

async function openedHub({ openHub, patience = 30_000, after }: LinkParts): Promise<SyncEngine> {
  return withDeadline(syncing(await openHub()), patience, after);
}

function contextOf(
  { own, name, redactor, now, makeId, limits }: LinkParts,
  stores: Pick<Context, "own" | "hub" | "debts" | "me" | "check" | keyof Running>,
): Context {
  return {
    ...stores,
    name,
    now,
    makeId,
    local: createLocalOnly(own, now),
    leaving: createLeaving(redactor),
    limits: { ...defaults, ...limits },
    mute: false,
  };
}

/** The engine, where it can take part. Errors: `unsupported`. */
export function syncing(engine: Engine): SyncEngine {
  const { feed } = engine;
  if (feed !== undefined) return { ...engine, feed };
  throw new LociError(
    "unsupported",
    `${engine.place} cannot take part in sync: ${engine.name} does not note what changes.`,
    {
      where: engine.place,
      next: "Sync with a file, a libSQL server or PostgreSQL",
    },
  );
}

/** A sync, as far as its end is concerned. */
type Running = Pick<Context, "peer" | "mode" | "began" | "took" | "tally">;

async function ended(running: Running, { state, counts, compared }: Exchanged): Promise<void> {
  const { peer, began, tally, mode } = running;
  const { rowsSent, rowsReceived, bytesSent, bytesReceived } = peer.now;
  const what = compared?.different ? `Rows that differ: ${compared.different}` : "Their counts differ";
  const message = `The two stores do not hold the same, and nothing is on its way. ${what}.`;
  const patch = {
    mode,
    state,
    errorCode: null,
    errorMessage: state === "ok" ? null : message,
    errorNext: state === "ok" ? null : "loci sync repair",
    failures: 0,
    triedAt: began,
    okAt: began,
    rowsSent: rowsSent + tally.sent,
    rowsReceived: rowsReceived + tally.received,
    bytesSent: bytesSent + tally.bytesSent,
    bytesReceived: bytesReceived + tally.bytesReceived,
  };
  const isIdle = counts === null && Object.values(tally).every((count) => count === 0);
  if (isIdle) return peer.save(patch);
  const { runs, changes } = runNoted(peer.now, runOf(running, { state, errorCode: null }));
  await peer.save({ ...patch, runs }, changes);
}

async function failed(running: Running, error: unknown): Promise<void> {
  // Whoever cancelled knows.
  if (errorCode(error) === "interrupted") return;
  const { peer, began } = running;
  const next = error instanceof LociError ? (error.next ?? null) : null;
  const how = { state: "failed", errorCode: errorCode(error) ?? "unknown" };
  const patch = { ...how, errorMessage: sentenceOf(error), errorNext: next };
  const { runs, changes } = runNoted(peer.now, runOf(running, how));
  await peer
    .save({ ...patch, failures: peer.now.failures + 1, triedAt: began, runs }, changes)
    .catch(() => undefined);
}

function runOf(
  { mode, began, took, tally }: Running,
  how: Pick<SyncRun, "state" | "errorCode">,
): Omit<SyncRun, "id" | "peer"> {
  const { sent, received, bytesSent, bytesReceived, conflicts, quarantined } = tally;
  return {
    ...{ mode, startedAt: began, tookMs: took(), ...how },
    ...{ rowsSent: sent, rowsReceived: received, bytesSent, bytesReceived, conflicts, quarantined },
  };
}

interface Turn {
  /** Throws where somebody else has it by now. */
  check(): void;
  release(): Promise<void>;
}

/** Waits until no other process syncs this store. */
async function takeTurn(
  { own, now, elapsed, after }: LinkParts,
  me: string,
  check: () => void,
): Promise<Turn> {
  const locks = createLocks(own, { now, elapsed });
  let lock: LockLease | null;
  while ((lock = await locks.acquire("sync", { owner: me, lease })) === null) {
    check();
    await new Promise<void>((resolve) => void after(50, resolve));
  }
  const held = lock;
  let lost: unknown;
  let cancel = (): void => undefined;
  const renew = (): void => {
    cancel = after(lease / 3, () => {
      locks.renew(held, { lease }).then(renew, (error: unknown) => (lost = error));
    });
  };
  renew();
  return {
    check() {
      if (lost !== undefined) throw lost instanceof Error ? lost : new Error(String(lost));
    },
    async release() {
      cancel();
      // Where the store is away, the lease ends by itself.
      await locks.release(held).catch(() => false);
    },
  };
}
