import { rmSync } from "node:fs";
import { createClock } from "./domains/clock.ts";
import { createQueries, type Queries } from "./domains/queries.ts";
import type { Engine } from "./engine/engine.ts";
import { createMeter, type Meter } from "./engine/meter.ts";
import type { AuthToken } from "./engine/json-web-token.ts";
import type { CreateRemoteOptions } from "./engines/remote/remote.ts";
import { errorCode } from "./errors.ts";
import type { Millis } from "./model/collection.ts";
import { searchSchema, storeSchema } from "./model/schema.ts";
import type { OwnRegions } from "./domains/edge/edge.ts";
import {
  edgeFrom,
  type Environment,
  type Place,
  type Replica,
  replicasIn,
  tokenFor,
  tokenForSql,
  toPlace,
} from "./place.ts";

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
  /**
   * Read replicas of a libSQL server: reads come from the nearest that is healthy and fresh. Default: those of
   * `LOCI_REPLICAS`. See docs/edge.md.
   */
  readonly replicas?: readonly Replica[] | undefined;
  /**
   * A file on this machine that keeps a copy of a libSQL server's database: reads come from it, changes go to the server.
   * See docs/turso.md.
   */
  readonly replica?: string | undefined;
  /** With replicas: how far behind the primary an answer may be. Default 5 s. */
  readonly within?: Millis | undefined;
  /** The region we are in. Default: what `LOCI_REGION` says, else the name of this host. */
  readonly region?: string | undefined;
}

export interface Store extends AsyncDisposable {
  readonly place: Place;
  readonly engine: Engine;
  /** Reads too are the primary's here, for what many have to agree on. The same as {@link engine} without replicas. */
  readonly primary: Engine;
  readonly routing?: OwnRegions | undefined;
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
  const opened = await openEngine(place, { ...options, meter });
  const { engine, primary } = opened;
  try {
    await engine.prepare(storeSchema);
  } catch (error) {
    await engine.close();
    throw error;
  }
  const elapsed = (): number => performance.now();
  const now = createClock(engine, { now: Date.now, elapsed });
  const queries = createQueries(primary, { meter, now, elapsed, always });
  let index: Promise<Engine> | undefined;
  const close = async (): Promise<void> => {
    // An index that could not be opened has told its caller; there is nothing to close.
    const opened = await index?.catch(() => undefined);
    if (opened !== engine) await opened?.close();
    await queries.close();
    await engine.close();
  };
  return {
    ...opened,
    place,
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

async function openEngine(
  place: Place,
  options: Metered,
): Promise<{ readonly engine: Engine; readonly primary: Engine; readonly routing?: OwnRegions }> {
  if (place.kind === "remote" && options.replica !== undefined) {
    const { openReplica } = await import("./engines/replica/replica.ts");
    const primary = await openOne(place, options);
    const { authToken } = await tokensFor(place.url, options.authToken);
    const { replica: path, within } = options;
    return { engine: await openReplica(primary, { url: place.url, path, authToken, within }), primary };
  }
  if (place.kind === "remote") {
    const replicas = options.replicas ?? replicasIn(place.url);
    if (replicas.length > 0) {
      const { openReplicated } = await import("./replicas.ts");
      const { region = edgeFrom(process.env), within } = options;
      const remote = await remoteOptions(place.url, options);
      return openReplicated({ url: place.url, replicas, from: region, within, remote });
    }
  }
  const engine = await openOne(place, options);
  return { engine, primary: engine };
}

async function openOne(place: Place, options: Metered): Promise<Engine> {
  switch (place.kind) {
    case "memory": {
      const { createMemoryEngine } = await import("./engine/memory.ts");
      return createMemoryEngine();
    }
    case "file": {
      if (place.engine === "turso") {
        const { openTurso } = await import("./engines/turso/turso.ts");
        return openTurso(place.path, { ...options, pageSize: storePage });
      }
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
      return createRemoteEngine(place.url, await remoteOptions(place.url, options));
    }
  }
}

async function remoteOptions(url: string, options: Metered): Promise<CreateRemoteOptions> {
  const { connections, busyTimeout, meter, authToken } = options;
  return { ...connections, ...(await tokensFor(url, authToken)), busyTimeout, meter };
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
