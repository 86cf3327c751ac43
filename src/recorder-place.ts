import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ingest } from "./domains/ingest.ts";
import type { Engine } from "./engine/engine.ts";
import type { Place } from "./place.ts";
import type { RecorderOptions } from "./record/recorder.ts";
import type { OpenStoreOptions } from "./store.ts";

/**
 * A recorder's thread opens the store by its URL; what is in this process's memory is written from here, and what only
 * this process has a token for.
 */
export function recorderPlace(
  url: string,
  place: Place,
  {
    engine,
    ingest,
    authToken,
  }: { readonly engine: Engine; readonly ingest: Ingest } & Pick<OpenStoreOptions, "authToken">,
): Pick<RecorderOptions, "spool" | "store" | "authToken"> {
  if (place.kind !== "memory" && typeof authToken !== "function")
    return { spool: place.spool, store: url, authToken };
  const nothing = async (): Promise<void> => undefined;
  return {
    spool: place.kind === "memory" ? mkdtempSync(join(tmpdir(), "loci-spool-")) : place.spool,
    store: { engine, ingest, durable: nothing, current: () => true, close: nothing },
  };
}
