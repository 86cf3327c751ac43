import { createIngest } from "./domains/ingest.ts";
import { createPrices, type PriceOverrides } from "./domains/prices.ts";
import { createReports, type Reports } from "./domains/reports.ts";
import { createSessions, type Sessions } from "./domains/sessions.ts";
import type { Engine, SqlDoor } from "./engine/engine.ts";
import type { ImportOptions, ImportReport } from "./record/import/import.ts";
import { describePlace, storeUrl } from "./place.ts";
import { openStore, type OpenStoreOptions } from "./store.ts";

export interface OpenOptions extends OpenStoreOptions {
  /** Prices of models beside, or instead of, those of the list: US dollars for a million tokens. */
  readonly prices?: PriceOverrides;
}

/** An open store. */
export interface Loci extends AsyncDisposable {
  /** Where it is, without credentials. */
  readonly place: string;
  readonly engine: Engine;
  readonly sessions: Sessions;
  readonly reports: Reports;
  /** Brings in transcripts and interchange files. Without paths, what Claude Code left on this machine. */
  import(paths?: readonly string[], options?: Omit<ImportOptions, "paths">): Promise<ImportReport>;
  /** Absent where the backend has no SQL. */
  readonly sql?: SqlDoor;
  /** Ends it; twice is fine. */
  close(): Promise<void>;
}

/**
 * Opens a store: a path or a `file:` URL, `postgres://…`, or `memory:`. Without a URL, the one that `LOCI_URL` names,
 * else `~/.loci/loci.db`. Errors: `config`, `corrupt`, `permission`, `schema`, `unreachable`, `unsupported`.
 */
export async function open(url: string = storeUrl(), options: OpenOptions = {}): Promise<Loci> {
  const { prices = {}, ...storeOptions } = options;
  const store = await openStore(url, storeOptions);
  const { engine } = store;
  const { costOf } = createPrices(prices);
  const ingest = createIngest(engine, { now: Date.now, costOf });
  return {
    place: describePlace(store.place),
    engine,
    sessions: createSessions(engine),
    reports: createReports(engine),
    async import(paths, how = {}) {
      const { importPaths } = await import("./record/import/import.ts");
      const parts = { engine, ingest, costOf, now: Date.now };
      return importPaths(parts, { ...how, ...(paths === undefined ? {} : { paths }) });
    },
    ...(engine.sql === undefined ? {} : { sql: engine.sql }),
    close: store.close,
    [Symbol.asyncDispose]: store.close,
  };
}
