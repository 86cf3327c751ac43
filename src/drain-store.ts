import { statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createIngest } from "./domains/ingest.ts";
import { errorCode } from "./errors.ts";
import { toPlace } from "./place.ts";
import { openStore, type OpenStoreOptions } from "./store.ts";
import type { DrainStore } from "./record/write-lines.ts";
import { createPrices, type PriceOverrides } from "./domains/prices.ts";
import { liveSources } from "./record/sources/live.ts";
import { readOwnPrices } from "./price-file.ts";

/** Waits happen in the drain, which can be woken and stopped; a call to the store must not hold up the process's end. */
const busyTimeout = 1_000;

type DrainStoreOptions = Pick<OpenStoreOptions, "authToken">;

/**
 * Opens a store for a recorder's thread: in that thread, and so that recording goes on. A damaged file is put aside
 * (never deleted) and a new one begun.
 */
export async function openDrainStore(url: string, options: DrainStoreOptions = {}): Promise<DrainStore> {
  const place = toPlace(url);
  if (place.kind !== "file") return drainStore(url, undefined, options);
  const before = fileNumber(place.path);
  try {
    return await drainStore(url, place.path, options);
  } catch (error) {
    if (errorCode(error) !== "corrupt") throw error;
    const { setAside } = await import("./engines/libsql/files.ts");
    // Another process may have met the damage first, and what stands there now is the new file.
    const aside = fileNumber(place.path) === before ? setAside(place.path) : undefined;
    const opened = await drainStore(url, place.path, options);
    return aside === undefined ? opened : { ...opened, aside };
  }
}

async function drainStore(
  url: string,
  path: string | undefined,
  options: DrainStoreOptions,
): Promise<DrainStore> {
  const { engine, close } = await openStore(url, { ...options, inThread: true, busyTimeout, replicas: [] });
  const number = path === undefined ? 0 : fileNumber(path);
  const { costOf } = createPrices(ownPrices());
  return {
    engine,
    ingest: createIngest(engine, { now: Date.now, costOf, sources: liveSources }),
    current: () => path === undefined || fileNumber(path) === number,
    // With WAL and synchronous = normal a commit is in the log, and the log is not on the disk before this. Never the
    // database itself: closing any handle of this process on it would drop the locks of its connections.
    async durable() {
      if (path !== undefined) await toDisk(`${path}-wal`);
    },
    close,
  };
}

/** Recording goes on without them: what they change can be set again by an import or `loci prices`. */
function ownPrices(): PriceOverrides {
  try {
    return readOwnPrices(process.env);
  } catch {
    return {};
  }
}

function fileNumber(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

async function toDisk(path: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch {
    // Without a log, everything is in the file.
    return;
  }
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
