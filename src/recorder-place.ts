import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ingest } from "./domains/ingest.ts";
import type { Engine } from "./engine/engine.ts";
import type { Place } from "./place.ts";
import type { DrainStore } from "./record/write-lines.ts";
import type { RecorderOptions } from "./record/recorder.ts";
import type { OpenStoreOptions } from "./store.ts";

/**
 * A recorder's thread opens the store by its URL; what is in this process's memory is written from here, and what only
 * this process has a token for, and what can be opened only once.
 */
export function recorderPlace(
  url: string,
  place: Place,
  {
    engine,
    ingest,
    authToken,
    isOnce = false,
  }: {
    readonly engine: Engine;
    readonly ingest: Ingest;
    readonly isOnce?: boolean;
  } & Pick<OpenStoreOptions, "authToken">,
): Pick<RecorderOptions, "spool" | "store" | "authToken"> {
  if (place.kind !== "memory" && typeof authToken !== "function" && !isOnce)
    return { spool: place.spool, store: url, authToken };
  return {
    spool: place.kind === "memory" ? mkdtempSync(join(tmpdir(), "loci-spool-")) : place.spool,
    store: openedHere({ engine, ingest }),
  };
}

/** A store that this process has open, as a drain wants it. */
export function openedHere(parts: Pick<DrainStore, "engine" | "ingest">): DrainStore {
  const nothing = async (): Promise<void> => undefined;
  return { ...parts, durable: nothing, current: () => true, close: nothing };
}
