import { createReports, type Reports } from "./domains/reports.ts";
import { createSessions, type Sessions } from "./domains/sessions.ts";
import type { Engine, SqlDoor } from "./engine/engine.ts";
import { describePlace, storeUrl } from "./place.ts";
import { openStore, type OpenStoreOptions } from "./store.ts";

export interface OpenOptions extends OpenStoreOptions {}

/** An open store. */
export interface Loci extends AsyncDisposable {
  /** Where it is, without credentials. */
  readonly place: string;
  readonly engine: Engine;
  readonly sessions: Sessions;
  readonly reports: Reports;
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
  const store = await openStore(url, options);
  const { engine } = store;
  return {
    place: describePlace(store.place),
    engine,
    sessions: createSessions(engine),
    reports: createReports(engine),
    ...(engine.sql === undefined ? {} : { sql: engine.sql }),
    close: store.close,
    [Symbol.asyncDispose]: store.close,
  };
}
