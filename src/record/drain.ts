import { closeSync, constants, fdatasync, fstatSync, openSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ErrorCode, errorCode } from "../errors.ts";
import {
  type Account,
  accountChanges,
  afterBatch,
  lostOf,
  newAccount,
  type Told,
  writtenOf,
} from "./account.ts";
import { createRecovery } from "./recovery.ts";
import type { Owner } from "./owner.ts";
import type { Shared } from "./shared.ts";
import { readLines, segmentFile } from "./spool.ts";
import { batchLimits, type DrainStore, writeLines } from "./write-lines.ts";

const sync = promisify(fdatasync);

/** What the drain says to its recorder. */
export type DrainMessage =
  | { readonly kind: "flushed"; readonly id: number }
  | { readonly kind: "problem"; readonly code: ErrorCode | "unknown"; readonly sentence: string }
  | { readonly kind: "well" }
  | { readonly kind: "aside"; readonly path: string }
  | { readonly kind: "lost"; readonly reasons: Account["lost"] };

export interface DrainParts {
  readonly folder: string;
  readonly recorder: string;
  readonly owner: Owner;
  readonly shared: Shared;
  readonly openStore: () => Promise<DrainStore>;
  readonly tell: (message: DrainMessage) => void;
  readonly now: () => number;
}

export interface Drain {
  readonly wake: (told: Told) => void;
  /** Answers `flushed` when all that was in the spool at this moment stands in the store. */
  readonly flush: (id: number, told: Told) => void;
  /** Ends it; what is not in the store by now stays in the spool. */
  readonly close: () => Promise<void>;
}

/** Lines of a burst are written together: how long after the first of them. */
const gather = 20;
/** How much the system may lose: the spool goes to the disk this often while it grows. */
const syncEvery = 200;
/** The totals of sessions are set from all their rows, so not after each batch. */
const settleEvery = 500;
/** How often it looks for what others left behind, and shows other machines that it lives. */
const lookAround = 30_000;

/** Brings one recorder's spool, and what processes that are no more left behind, into the store. */
export function createDrain(parts: DrainParts): Drain {
  const { shared, tell } = parts;
  const own = createOwnSpool(parts);
  const recovery = createRecovery(parts.folder, parts.owner);
  const flushes: number[] = [];
  let store: DrainStore | undefined;
  let closing = false;
  let failures = 0;
  let wakeUp: (() => void) | undefined;
  let woken = false;

  async function openStore(): Promise<DrainStore> {
    if (store !== undefined && !store.current()) {
      await store.close();
      store = undefined;
    }
    if (store === undefined) {
      store = await parts.openStore();
      if (store.aside !== undefined) tell({ kind: "aside", path: store.aside });
    }
    return store;
  }

  /** One round. Answers whether there is more to do at once. */
  async function round(): Promise<boolean> {
    const open = await openStore();
    // Flushes that came later wait for the next round: this one may have read past their lines.
    const asked = flushes.length;
    await own.drain(open, { stop: () => closing, settle: asked > 0 });
    for (const id of flushes.splice(0, asked)) tell({ kind: "flushed", id });
    return flushes.length > 0 || (await recovery.step(open, parts.now()));
  }

  async function run(): Promise<void> {
    const syncing = setInterval(() => own.sync(), syncEvery);
    const looking = setInterval(() => {
      own.touch();
      if (recovery.look(parts.now())) wake();
    }, lookAround);
    for (const timer of [syncing, looking]) timer.unref();
    recovery.look(parts.now());
    while (!closing) {
      const more = await attempt();
      if (closing || (more && failures === 0)) continue;
      if (failures > 0) await pause(backoff(store === undefined ? 1 : 0, failures));
      else await rest();
    }
    clearInterval(syncing);
    clearInterval(looking);
    recovery.close();
    if (failures === 0 && store !== undefined) await own.finish(store).catch(() => undefined);
    own.close();
    await store?.close().catch(() => undefined);
  }

  async function attempt(): Promise<boolean> {
    try {
      const more = await round();
      if (failures > 0) tell({ kind: "well" });
      failures = 0;
      return more;
    } catch (error) {
      failures++;
      const code = errorCode(error);
      tell({ kind: "problem", code: code ?? "unknown", sentence: sentenceOf(error) });
      // A store that is damaged, or whose connection broke, is opened anew.
      if (code !== "busy") {
        await store?.close().catch(() => undefined);
        store = undefined;
      }
      return false;
    }
  }

  /** Nothing to do: until somebody has something. */
  async function rest(): Promise<void> {
    shared.sleep();
    // A line that came in between saw nobody asleep.
    if (own.grown()) shared.awake();
    else await pause(own.unsettled() ? settleEvery : undefined);
    shared.awake();
    if (flushes.length === 0) await pause(gather);
  }

  function pause(ms: number | undefined): Promise<void> {
    if (woken || closing) {
      woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => wakeUp?.(), ms).unref();
      wakeUp = () => {
        clearTimeout(timer);
        wakeUp = undefined;
        woken = false;
        resolve();
      };
    });
  }

  function wake(): void {
    if (wakeUp === undefined) woken = true;
    else wakeUp();
  }

  const ended = run();
  return {
    wake(told) {
      own.told(told);
      // In trouble, only somebody who waits may hurry us.
      if (failures === 0) wake();
    },
    flush(id, told) {
      own.told(told);
      flushes.push(id);
      wake();
    },
    close() {
      closing = true;
      wake();
      return ended;
    },
  };
}

/** 50 ms, doubled each time, up to 2 s; from 1 s to 5 s where the store could not be opened. With jitter. */
function backoff(unopened: number, failures: number): number {
  const longest = unopened === 1 ? 5_000 : 2_000;
  const first = unopened === 1 ? 500 : 50;
  return Math.min(longest, first * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface OwnSpool {
  /** Until nothing is left, or somebody wants to stop. */
  readonly drain: (
    store: DrainStore,
    how: { readonly stop: () => boolean; readonly settle: boolean },
  ) => Promise<void>;
  readonly unsettled: () => boolean;
  readonly told: (told: Told) => void;
  readonly grown: () => boolean;
  readonly sync: () => void;
  readonly touch: () => void;
  /** Removes the file when nothing in it is needed any more. */
  readonly finish: (store: DrainStore) => Promise<void>;
  readonly close: () => void;
}

/** The spool of the recorder that this drain belongs to: it grows while it is read. */
function createOwnSpool({ folder, recorder, owner, shared, now, tell }: DrainParts): OwnSpool {
  // A thread before this one may have broken in the middle.
  const known = shared.written() + shared.lost();
  let account: Account = { ...newAccount(recorder, owner), known, rank: known > 0 ? null : 0 };
  let lostBefore = 0;
  let fd = -1;
  let segment = Math.max(1, shared.finished());
  let offset = 0;
  let synced = 0;
  let syncing = false;
  let unsaid = false;
  let settledAt = Number.NEGATIVE_INFINITY;
  const touched = new Set<string>();
  const path = (): string => join(folder, segmentFile({ recorder, segment, owner }));

  function settleNumbers(next: Account): void {
    account = next;
    shared.count(writtenOf(account), lostOf(account));
    if (lostOf(account) > lostBefore) tell({ kind: "lost", reasons: account.lost });
    lostBefore = lostOf(account);
  }

  async function settle(store: DrainStore): Promise<void> {
    settledAt = performance.now();
    if (touched.size > 0) {
      const ids = [...touched];
      await store.ingest.settle(ids);
      for (const id of ids) touched.delete(id);
    }
    if (!unsaid) return;
    await store.engine.write(accountChanges(account, now()));
    unsaid = false;
  }

  function grown(): boolean {
    if (shared.segment() !== segment) return shared.segment() > segment;
    return fd === -1 || fstatSync(fd).size > offset;
  }

  /** The recorder went on to the next file: this one is done once its rows are on the disk. */
  async function finishSegment(store: DrainStore): Promise<void> {
    await settle(store);
    await store.durable();
    closeSync(fd);
    fd = -1;
    rmSync(path(), { force: true });
    segment++;
    offset = 0;
    synced = 0;
    shared.finish(segment);
  }

  return {
    async drain(store, how) {
      while (!how.stop()) {
        const newest = shared.segment();
        if (newest < segment) break;
        if (fd === -1) fd = openSync(path(), constants.O_RDONLY);
        const batch = readLines(fd, offset, batchLimits);
        if (batch.lines.length > 0 || batch.damaged > 0) {
          settleNumbers(
            await writeLines(store, {
              account: afterBatch(account, batch),
              lines: batch.lines,
              touched,
              now,
            }),
          );
          unsaid = false;
          offset = batch.end;
        } else if (newest > segment) await finishSegment(store);
        else break;
      }
      if (how.settle || performance.now() - settledAt >= settleEvery) await settle(store);
    },
    unsettled: () => touched.size > 0 || unsaid,
    told(told) {
      unsaid ||= told.noted !== account.told.noted || told.dropped !== account.told.dropped;
      account = { ...account, told };
    },
    grown: () =>
      shared.segment() > segment || (fd === -1 ? shared.segment() === segment : fstatSync(fd).size > offset),
    sync() {
      if (syncing || fd === -1) return;
      const size = fstatSync(fd).size;
      if (size <= synced) return;
      syncing = true;
      sync(fd)
        .then(() => {
          synced = size;
        })
        // The disk says no: the next line will hear it too, and count it.
        .catch(() => undefined)
        .finally(() => {
          syncing = false;
        });
    },
    touch() {
      if (fd === -1) return;
      try {
        utimesSync(path(), now() / 1000, now() / 1000);
      } catch {
        // Somebody removed it; the numbers will say so.
      }
    },
    async finish(store) {
      if (fd !== -1 && !grown()) await finishSegment(store);
    },
    close() {
      if (fd !== -1) closeSync(fd);
      fd = -1;
    },
  };
}
