import { rmSync } from "node:fs";
import { createClock } from "./domains/clock.ts";
import { createQueries, type Queries } from "./domains/queries.ts";
import type { Engine } from "./engine/engine.ts";
import { createMeter, type Meter } from "./engine/meter.ts";
import type { AuthToken } from "./engine/json-web-token.ts";
import { errorCode } from "./errors.ts";
import type { Millis } from "./model/collection.ts";
import { searchSchema, storeSchema } from "./model/schema.ts";
import { type Environment, type Place, tokenFor, tokenForSql, toPlace } from "./place.ts";

export interface OpenStoreOptions {
  /** The file is opened in the calling thread, and every call blocks it: for a thread or a process that is ours. */
  readonly inThread?: boolean;
  /** How long a call waits for other processes before it answers `busy`, in ms. Default 30,000. */
  readonly busyTimeout?: number;
  /**
   * Queries are measured, and by default stored every 10 s by a process that writes to the store itself. True: by one that
   * only reads too, and at its end. False: nothing is measured. See docs/metrics.md.
   */
  readonly queries?: boolean | undefined;
  /** A query that takes as long is slow: it is logged, without its values. Default 100 ms. */
  readonly slowQuery?: Millis | undefined;
  /**
   * What a libSQL server asks for, or what makes one: it is asked again when the server does not accept it. Default: what
   * `LOCI_AUTH_TOKEN` or `TURSO_AUTH_TOKEN` says, where it is for this server. See docs/turso.md.
   */
  readonly authToken?: AuthToken | undefined;
  /** Where the store is a server: connections at most (default 10), and the ms after which an unused one is closed. */
  readonly connections?: { readonly max?: number; readonly idleTimeout?: number };
}

export interface Store extends AsyncDisposable {
  readonly place: Place;
  readonly engine: Engine;
  /** Which queries take the time. */
  readonly queries: Queries;
  /** Where the search index is: opened when first asked for. A damaged index is thrown away: it can be made again. */
  readonly index: () => Promise<Engine>;
  readonly close: () => Promise<void>;
}

/** Opens a store and brings it to this version's schema. The one function that knows every backend. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const place = toPlace(url);
  const { queries: always, slowQuery: slowFrom } = options;
  const meter =
    always === false || place.kind === "memory" ? undefined : createMeter({ now: Date.now, slowFrom });
  const engine = await openEngine(place, { ...options, meter });
  try {
    await engine.prepare(storeSchema);
  } catch (error) {
    await engine.close();
    throw error;
  }
  const elapsed = (): number => performance.now();
  const now = createClock(engine, { now: Date.now, elapsed });
  const queries = createQueries(engine, { meter, now, elapsed, always });
  let index: Promise<Engine> | undefined;
  const close = async (): Promise<void> => {
    // An index that could not be opened has told its caller; there is nothing to close.
    const opened = await index?.catch(() => undefined);
    if (opened !== engine) await opened?.close();
    await queries.close();
    await engine.close();
  };
  return {
    place,
    engine,
    queries,
    index: () => (index ??= openIndex(place, engine, { ...options, meter })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Half of SQLite's own page: a store has some 60 tables and indexes of a page at least, and a long text wastes half a
 * page at its end. Real sessions of 3.9 MB take 0.62 of their size with pages of 4,096 bytes and 0.57 with these.
 */
const storePage = 2048;

type Metered = OpenStoreOptions & { readonly meter: Meter | undefined };

async function openEngine(place: Place, options: Metered): Promise<Engine> {
  switch (place.kind) {
    case "memory": {
      const { createMemoryEngine } = await import("./engine/memory.ts");
      return createMemoryEngine();
    }
    case "file": {
      const { openLibsql } = await import("./engines/libsql/libsql.ts");
      return openLibsql(place.path, { ...options, pageSize: storePage });
    }
    case "postgres": {
      const { createPostgresEngine } = await import("./engines/postgres/postgres.ts");
      const readOnlyUrl = urlForSql(place.url);
      return createPostgresEngine(place.url, {
        ...options.connections,
        meter: options.meter,
        ...(readOnlyUrl === undefined ? {} : { readOnlyUrl }),
      });
    }
    case "remote": {
      const { createRemoteEngine } = await import("./engines/remote/remote.ts");
      return createRemoteEngine(place.url, {
        ...options.connections,
        ...(await tokensFor(place.url, options.authToken)),
        busyTimeout: options.busyTimeout,
        meter: options.meter,
      });
    }
  }
}

/** Given, in the environment, or made here for a database by its name. */
async function tokensFor(
  url: string,
  given: AuthToken | undefined,
): Promise<{ readonly authToken: AuthToken | undefined; readonly readOnlyToken: AuthToken | undefined }> {
  const [authToken, readOnlyToken] = [given ?? tokenFor(url), tokenForSql(url)];
  if (authToken !== undefined || /[?&]authToken=/.test(url)) return { authToken, readOnlyToken };
  const { mintedTokens } = await import("./minted.ts");
  const made = mintedTokens(url);
  return { authToken: made?.authToken, readOnlyToken: readOnlyToken ?? made?.readOnlyToken };
}

/** `LOCI_SQL_URL` is a second way to the store that `LOCI_URL` names, and to no other one. */
function urlForSql(url: string, env: Environment = process.env): string | undefined {
  const second = env["LOCI_SQL_URL"];
  return env["LOCI_URL"] === url && second !== "" ? second : undefined;
}

async function openIndex(place: Place, engine: Engine, options: Metered): Promise<Engine> {
  if (place.kind !== "file") {
    await engine.prepare(searchSchema);
    return engine;
  }
  try {
    return await openIndexFile(place.index, options);
  } catch (error) {
    const code = errorCode(error);
    if (code !== "corrupt" && code !== "schema") throw error;
    for (const suffix of ["", "-wal", "-shm"]) rmSync(place.index + suffix, { force: true });
    return openIndexFile(place.index, options);
  }
}

async function openIndexFile(path: string, options: Metered): Promise<Engine> {
  const { openLibsql } = await import("./engines/libsql/libsql.ts");
  const engine = await openLibsql(path, options);
  try {
    await engine.prepare(searchSchema);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}
