import { closeSync, constants, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Account, accountChanges, afterBatch, foundAccount, lostOf, writtenOf } from "./account.ts";
import { claimLeftovers, listSpool, isLeftover, type SpoolFile } from "./leftovers.ts";
import { type Owner, thisProcess } from "./owner.ts";
import { readLines, segmentFile } from "./spool.ts";
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

export interface Recovery {
  /** Takes over what is there now. Answers whether there is anything to do. */
  readonly look: (now: number) => boolean;
  /** Brings one batch into the store. Answers whether there is more. */
  readonly step: (store: DrainStore, now: number) => Promise<boolean>;
  readonly found: () => Recovered;
  /** Leaves what is not done to the next. */
  readonly close: () => void;
}

interface Reading {
  readonly account: Account;
  readonly fd: number;
  readonly offset: number;
  readonly torn: boolean;
}

export function createRecovery(folder: string, here: Owner): Recovery {
  let files: SpoolFile[] = [];
  let reading: Reading | undefined;
  let found: Recovered = { recorders: 0, files: 0, written: 0, lost: 0, torn: 0 };
  const touched = new Set<string>();

  async function begin(store: DrainStore, file: SpoolFile): Promise<Reading> {
    const account = reading?.account ?? (await foundAccount(store.engine, file.recorder, file.owner));
    return { account, fd: openSync(file.path, constants.O_RDONLY), offset: 0, torn: false };
  }

  async function finish(store: DrainStore, file: SpoolFile, now: number): Promise<void> {
    if (reading === undefined) return;
    const { account, fd, torn } = reading;
    const more = files[1]?.recorder === file.recorder;
    await store.ingest.settle([...touched]);
    if (!more) await store.engine.write(accountChanges(account, now, true));
    await store.durable();
    touched.clear();
    closeSync(fd);
    rmSync(file.path, { force: true });
    files.shift();
    found = {
      recorders: found.recorders + (more ? 0 : 1),
      files: found.files + 1,
      written: found.written + (more ? 0 : writtenOf(account)),
      lost: found.lost + (more ? 0 : lostOf(account)),
      torn: found.torn + (torn ? 1 : 0),
    };
    reading = more ? { account, fd: -1, offset: 0, torn: false } : undefined;
  }

  return {
    look(now) {
      files.push(...claimLeftovers(folder, here, now));
      return files.length > 0;
    },
    async step(store, now) {
      const [file] = files;
      if (file === undefined) return false;
      if (reading === undefined || reading.fd === -1) reading = await begin(store, file);
      const batch = readLines(reading.fd, reading.offset, batchLimits);
      if (batch.lines.length === 0 && batch.damaged === 0) {
        reading = { ...reading, torn: batch.rest > 0 };
        await finish(store, file, now);
        return files.length > 0;
      }
      const { known } = reading.account;
      const lines = batch.lines.filter((line) => line.number - line.dropped > known);
      // In the store already; their sessions' totals may not be.
      for (const { number, dropped, happening } of batch.lines) {
        if (number - dropped <= known)
          touched.add("sessionId" in happening ? happening.sessionId : happening.id);
      }
      const account = await writeLines(store, {
        account: afterBatch(reading.account, batch),
        lines,
        touched,
        now: () => now,
      });
      reading = { ...reading, account, offset: batch.end };
      return true;
    },
    found: () => found,
    close() {
      if (reading !== undefined && reading.fd !== -1) closeSync(reading.fd);
      for (const file of files) release(file);
      files = [];
    },
  };
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
  const recovery = createRecovery(spool, thisProcess());
  try {
    recovery.look(now());
    while (await recovery.step(store, now()));
    return recovery.found();
  } finally {
    recovery.close();
  }
}

/** Whether a spool folder holds anything that nobody is bringing into the store. */
export function hasLeftovers(spool: string, now: number = Date.now()): boolean {
  const here = thisProcess();
  return listSpool(spool).some((file) => isLeftover(file, here, now));
}
