import { closeSync, constants, fstatSync, openSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import {
  type Account,
  accountChanges,
  afterBatch,
  lostOf,
  newAccount,
  type Reasons,
  type Told,
  writtenOf,
} from "./account.ts";
import type { Owner } from "./owner.ts";
import type { Shared } from "./shared.ts";
import { readLines, segmentFile } from "./spool.ts";
import { SpoolSync } from "./spool-sync.ts";
import { batchLimits, type DrainStore, writeLines } from "./write-lines.ts";

/** The totals of sessions are set from all their rows: not after each batch, and no more than a twentieth of the time. */
export const settleEvery = 500;
const settleShare = 20;

export interface OwnSpoolParts {
  readonly folder: string;
  readonly recorder: string;
  readonly owner: Owner;
  readonly shared: Shared;
  readonly now: () => number;
  readonly lost: (reasons: Reasons) => void;
}

/** The spool of the recorder that a drain belongs to, from the reading side: it grows while it is read. */
export class OwnSpool {
  readonly #parts: OwnSpoolParts;
  readonly #touched = new Set<string>();
  #account: Account;
  #fd = -1;
  #segment: number;
  #offset = 0;
  readonly #sync: SpoolSync;
  #untold = false;
  #settleAgain = 0;

  constructor(parts: OwnSpoolParts) {
    const { recorder, owner, shared } = parts;
    this.#parts = parts;
    // A thread before this one may have broken in the middle.
    const known = shared.written() + shared.lost();
    this.#account = { ...newAccount(recorder, owner), known, rank: known > 0 ? null : 0 };
    this.#segment = Math.max(1, shared.finished());
    this.#sync = new SpoolSync(
      (segment) => this.#pathOf(segment),
      () => shared.segment(),
    );
  }

  /** Brings all that is there now into the store, or stops when told. */
  async drain(
    store: DrainStore,
    how: { readonly stop: () => boolean; readonly settle: boolean },
  ): Promise<void> {
    const { shared } = this.#parts;
    while (!how.stop()) {
      const newest = shared.segment();
      if (newest < this.#segment) break;
      if (this.#fd === -1) this.#fd = openSync(this.#path(), constants.O_RDONLY);
      if (await this.#drainBatch(store)) continue;
      if (newest === this.#segment) break;
      await this.#finishSegment(store);
    }
    if (how.settle || performance.now() >= this.#settleAgain) await this.#settle(store);
  }

  async #drainBatch(store: DrainStore): Promise<boolean> {
    const { now, shared, lost } = this.#parts;
    const batch = readLines(this.#fd, this.#offset, batchLimits);
    if (batch.lines.length === 0 && batch.damaged === 0) return false;
    const before = lostOf(this.#account);
    const account = afterBatch(this.#account, batch);
    const { lines } = batch;
    const next = await writeLines(store, { account, lines, touched: this.#touched, now, late: false });
    const { told } = this.#account;
    this.#account = next;
    // A word may have come meanwhile.
    this.told(told);
    this.#offset = batch.end;
    shared.count(writtenOf(next), lostOf(next));
    if (lostOf(next) > before) lost(next.lost);
    return true;
  }

  /** Something in it is not in the store, as far as one can see from here. */
  grown(): boolean {
    const newest = this.#parts.shared.segment();
    if (newest !== this.#segment) return newest > this.#segment;
    return this.#fd === -1 || fstatSync(this.#fd).size > this.#offset;
  }

  unsettled(): boolean {
    return this.#touched.size > 0 || this.#untold;
  }

  /** What the recorder says of itself; in the store with the next batch, or when the sessions are settled. */
  told(told: Told): void {
    const { noted, dropped } = this.#account.told;
    this.#untold ||= told.noted > noted || told.dropped > dropped;
    const reasons = told.dropped < dropped ? this.#account.told.reasons : told.reasons;
    // Words and lines come on different ways, and may overtake each other.
    const newest = { noted: Math.max(noted, told.noted), dropped: Math.max(dropped, told.dropped), reasons };
    this.#account = { ...this.#account, told: newest };
  }

  async #settle(store: DrainStore): Promise<void> {
    const started = performance.now();
    const ids = [...this.#touched];
    if (ids.length > 0) await store.ingest.settle(ids);
    for (const id of ids) this.#touched.delete(id);
    if (this.#untold) {
      this.#untold = false;
      await store.engine.write(accountChanges(this.#account, this.#parts.now()));
    }
    const ended = performance.now();
    this.#settleAgain = ended + Math.max(settleEvery, settleShare * (ended - started));
  }

  /** The recorder went on to the next file: this one is done once its rows are on the disk. */
  async #finishSegment(store: DrainStore): Promise<void> {
    await this.#settle(store);
    await store.durable();
    closeSync(this.#fd);
    this.#fd = -1;
    rmSync(this.#path(), { force: true });
    this.#segment++;
    this.#offset = 0;
    this.#parts.shared.finish(this.#segment);
  }

  /** To the disk, against a loss of power: also while the store cannot be had. */
  sync(): void {
    this.#sync.run();
  }

  /** Shows other machines that this recorder lives. */
  touch(): void {
    const seconds = this.#parts.now() / 1000;
    for (let segment = this.#segment; segment <= this.#parts.shared.segment(); segment++) {
      try {
        utimesSync(this.#pathOf(segment), seconds, seconds);
      } catch {
        // Somebody removed it; the numbers will say so.
      }
    }
  }

  /** Ends it, and removes the file when nothing in it is needed any more. */
  async close(store: DrainStore | undefined): Promise<void> {
    await this.#sync.close();
    try {
      if (store !== undefined && this.#fd !== -1 && !this.grown()) await this.#finishSegment(store);
    } catch {
      // The file stays, and the next process finds that all of it is in the store.
    }
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }

  #path(): string {
    return this.#pathOf(this.#segment);
  }

  #pathOf(segment: number): string {
    const { folder, recorder, owner } = this.#parts;
    return join(folder, segmentFile({ recorder, segment, owner }));
  }
}
