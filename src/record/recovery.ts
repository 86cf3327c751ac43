import { closeSync, constants, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Account, accountChanges, afterBatch, foundAccount, lostOf, writtenOf } from "./account.ts";
import { claimLeftovers, isLeftover, listSpool, type SpoolFile } from "./leftovers.ts";
import { type Owner, thisProcess } from "./owner.ts";
import { readLines, segmentFile, type SpoolLine } from "./spool.ts";
import { batchLimits, type DrainStore, writeLines } from "./write-lines.ts";

/** What was found in the spool of processes that are no more. */
export interface Recovered {
  readonly recorders: number;
  readonly files: number;
  /** Happenings that stand in the store now. */
  readonly written: number;
  /** Happenings that were noted and cannot be read any more, or were refused. */
  readonly lost: number;
  /** Lines that a process was writing when it ended: nobody was told that they were noted. */
  readonly torn: number;
}

interface Reading {
  readonly account: Account;
  /** -1 before the file is opened. */
  readonly fd: number;
  readonly offset: number;
  readonly torn: boolean;
}

export const nothingLeft: Recovered = { recorders: 0, files: 0, written: 0, lost: 0, torn: 0 };

/** Takes over what dead processes left in a spool folder, and brings it into the store batch by batch. */
export class Recovery {
  readonly #folder: string;
  readonly #here: Owner;
  readonly #touched = new Set<string>();
  readonly #done: SpoolFile[] = [];
  #files: SpoolFile[] = [];
  #reading: Reading | undefined;
  #found: Recovered = nothingLeft;

  constructor(folder: string, here: Owner) {
    this.#folder = folder;
    this.#here = here;
  }

  get found(): Recovered {
    return this.#found;
  }

  /** Takes over what is there now. Answers whether there is anything to do. */
  look(now: number): boolean {
    this.#files.push(...claimLeftovers(this.#folder, this.#here, now));
    return this.#files.length > 0;
  }

  /** Brings one batch into the store. Answers whether there is more. */
  async step(store: DrainStore, now: number): Promise<boolean> {
    const [file] = this.#files;
    if (file === undefined) return false;
    const reading = await this.#open(store, file);
    const batch = readLines(reading.fd, reading.offset, batchLimits);
    if (batch.lines.length === 0 && batch.damaged === 0) {
      await this.#finish(store, { file, reading: { ...reading, torn: batch.rest > 0 }, now });
      return this.#files.length > 0;
    }
    const { known } = reading.account;
    const isKnown = ({ number, dropped }: SpoolLine): boolean => number - dropped <= known;
    // These are in the store already; the totals of their sessions may not be.
    for (const { happening } of batch.lines.filter(isKnown)) {
      this.#touched.add(happening.kind === "session" ? happening.id : happening.sessionId);
    }
    const account = await writeLines(store, {
      account: afterBatch(reading.account, batch),
      lines: batch.lines.filter((line) => !isKnown(line)),
      touched: this.#touched,
      now: () => now,
      late: true,
    });
    this.#reading = { ...reading, account, offset: batch.end };
    return true;
  }

  async #open(store: DrainStore, file: SpoolFile): Promise<Reading> {
    const reading = this.#reading;
    if (reading !== undefined && reading.fd !== -1) return reading;
    const account = reading?.account ?? (await foundAccount(store.engine, file.recorder, file.owner));
    this.#reading = { account, fd: openSync(file.path, constants.O_RDONLY), offset: 0, torn: false };
    return this.#reading;
  }

  async #finish(
    store: DrainStore,
    { file, reading, now }: { readonly file: SpoolFile; readonly reading: Reading; readonly now: number },
  ): Promise<void> {
    const { account, fd, torn } = reading;
    const more = this.#files[1]?.recorder === file.recorder;
    if (!more) {
      // Once, at the recorder's end: totals are made from all rows of a session.
      await store.ingest.settle([...this.#touched]);
      await store.engine.write(accountChanges(account, now, true));
      await store.durable();
    }
    closeSync(fd);
    this.#files.shift();
    this.#done.push(file);
    if (!more) {
      this.#touched.clear();
      for (const { path } of this.#done.splice(0)) rmSync(path, { force: true });
    }
    this.#reading = more ? { account, fd: -1, offset: 0, torn: false } : undefined;
    this.#found = {
      recorders: this.#found.recorders + (more ? 0 : 1),
      files: this.#found.files + 1,
      written: this.#found.written + (more ? 0 : writtenOf(account)),
      lost: this.#found.lost + (more ? 0 : lostOf(account)),
      torn: this.#found.torn + (torn ? 1 : 0),
    };
  }

  /** Leaves what is not done to the next. */
  close(): void {
    if (this.#reading !== undefined && this.#reading.fd !== -1) closeSync(this.#reading.fd);
    this.#reading = undefined;
    for (const file of [...this.#done.splice(0), ...this.#files.splice(0)]) release(file);
  }
}

/** Says that nobody owns this file now. */
export function release(file: Pick<SpoolFile, "path" | "recorder" | "segment" | "owner">): void {
  const owner = { ...file.owner, pid: 0, start: 0 };
  try {
    renameSync(file.path, join(dirname(file.path), segmentFile({ ...file, owner })));
  } catch {
    // It is gone, or the folder is closed to us: when this process ends it is a leftover all the same.
  }
}

/** Brings what processes that are no more left in a spool folder into the store, all of it. */
export async function recoverLeftovers(
  store: DrainStore,
  { spool, now = Date.now }: { readonly spool: string; readonly now?: () => number },
): Promise<Recovered> {
  const recovery = new Recovery(spool, thisProcess());
  try {
    recovery.look(now());
    while (await recovery.step(store, now()));
    return recovery.found;
  } finally {
    recovery.close();
  }
}

/** Whether a spool folder holds anything that nobody is bringing into the store. */
export function hasLeftovers(spool: string, now: number = Date.now()): boolean {
  const here = thisProcess();
  return listSpool(spool).some((file) => isLeftover(file, here, now));
}
