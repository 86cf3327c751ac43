import { rmSync } from "node:fs";
import type { Cache, CacheOptions } from "./domains/cache/cache.ts";
import { createCoordination } from "./coordination.ts";
import { type Backups, createBackups } from "./backups/backups.ts";
import { type Checkpoints, createCheckpoints } from "./domains/checkpoints.ts";
import type { Edge } from "./domains/edge/edge.ts";
import { createIngest, type Ingest } from "./domains/ingest.ts";
import { createKnowledge, type Knowledge } from "./domains/knowledge.ts";
import { createMemory, type Memory } from "./domains/memory.ts";
import { tracedKnowledge, tracedMemory } from "./domains/memory-spans.ts";
import type { Locks } from "./domains/locks.ts";
import type { Mailbox } from "./domains/mailbox.ts";
import type { Metrics } from "./domains/metrics.ts";
import { createPrices, type PriceOverrides, type Prices } from "./domains/prices.ts";
import type { Queries } from "./domains/queries.ts";
import { createReports, type Reports } from "./domains/reports.ts";
import type { Search, SearchAnswer, SearchOptions } from "./domains/search/search.ts";
import { createSessions, type Sessions } from "./domains/sessions.ts";
import type { HealthLimits, Swarm } from "./domains/swarm.ts";
import type { Assignment } from "./domains/tasks/assign.ts";
import type { Tasks } from "./domains/tasks/tasks.ts";
import type { Engine, SqlDoor } from "./engine/engine.ts";
import type { Happening } from "./model/happening.ts";
import { followAll, type ImportAll, importAll } from "./import-store.ts";
import { createDatabases, type Databases } from "./databases/databases.ts";
import { describePlace, edgeFrom, type Environment, lociHome, type Place, storeUrl } from "./place.ts";
import { readOwnPrices } from "./price-file.ts";
import type { Following, FollowOptions } from "./record/import/follow.ts";
import type { ImportReport } from "./record/import/import.ts";
import { createRecorder, type Recorder, type RecorderOptions } from "./record/recorder.ts";
import { recorderPlace } from "./recorder-place.ts";
import { createRedactor } from "./record/redact.ts";
import { liveSources } from "./record/sources/live.ts";
import type { Recovered } from "./record/recovery.ts";
import { openStore, type OpenStoreOptions, type Store } from "./store.ts";
import {
  type StoreSync,
  syncFrom,
  syncOf,
  type SyncSettings,
  type SyncStoreParts,
  unheld,
} from "./sync-store.ts";
import { endsSession, syncAtSessionEnd } from "./sync/schedule.ts";
import type { Sync } from "./sync/sync.ts";

/** A sync that is under way when the store is closed has so many ms; what is left goes over the next time. */
const endWithin = 5_000;

export interface OpenOptions extends OpenStoreOptions {
  /** Prices beside, or instead of, those of the list: US dollars for a million tokens. Default: the user's own file. */
  readonly prices?: PriceOverrides;
  /** How large, how fresh, where: docs/cache.md. */
  readonly cache?: Partial<CacheOptions>;
  /** The hub that this store syncs with: docs/sync.md. Default: what `LOCI_SYNC_URL` says, for the store of `LOCI_URL`. */
  readonly sync?: SyncSettings | false;
}

/** An open store. */
export interface Loci extends AsyncDisposable {
  /** Where it is, without credentials. */
  readonly place: string;
  /** The folder that recorders of this store spool in; null for a store in memory. */
  readonly spool: string | null;
  readonly engine: Engine;
  readonly sessions: Sessions;
  /** What agents decided: see docs/memory.md. */
  readonly memory: Memory;
  /** What agents found out, for all of them. */
  readonly knowledge: Knowledge;
  readonly checkpoints: Checkpoints;
  /** Copies of the whole store: docs/backup.md. Absent for a store in memory. */
  readonly backups?: Backups;
  /** Databases by name, on this machine and at Turso: docs/databases.md. */
  readonly databases: Databases;
  readonly reports: Reports;
  readonly prices: Prices;
  /** Finds messages and tool executions by plain words: see docs/search.md. */
  search(words: string, options?: SearchOptions): Promise<SearchAnswer>;
  readonly index: Pick<Search, "lag" | "catchUp" | "rebuild">;
  /** A recorder of this store. It has a spool and a thread of its own, and outlives nothing: close it. */
  recorder(options?: Omit<RecorderOptions, "spool" | "store">): Recorder;
  /** Brings what recorders of ended processes left in the spool into the store. */
  recover(): Promise<Recovered>;
  /**
   * Writes these happenings now, secrets replaced, and answers when they stand in the store: for the few that somebody
   * waits for. An agent's own stream belongs to a recorder, which nobody has to wait for.
   */
  add(happenings: readonly Happening[]): Promise<void>;
  /** Brings in transcripts and interchange files. Without paths, what Claude Code left on this machine. */
  import(paths?: readonly string[], options?: ImportAll): Promise<ImportReport>;
  /** Brings in what agents append to their files, within about a second, until it is closed. See docs/import.md. */
  follow(options?: FollowOptions): Promise<Following>;
  /** Agents that work together: who is there, how they are, what they do. See docs/swarm.md. */
  swarm(id: string, limits?: Partial<HealthLimits>): Swarm;
  readonly tasks: Tasks & Assignment;
  /** Regions: who is near, and how to ask the nearest. See docs/edge.md. */
  readonly edge: Edge;
  readonly locks: Locks;
  readonly mailbox: Mailbox;
  /** What is dear to get, kept in this process and in the store. See docs/cache.md. */
  readonly cache: Cache;
  /** What agents finished, how long it took and how it went; who is active. See docs/metrics.md. */
  readonly metrics: Metrics;
  /** Which queries of this store take the time, in all processes. See docs/metrics.md. */
  readonly queries: Queries;
  /** How it syncs with a hub, and who syncs with it. Absent where the backend cannot take part. See docs/sync.md. */
  readonly sync?: Sync;
  /** Absent where the backend has no SQL. */
  readonly sql?: SqlDoor;
  /** Ends it; twice is fine. */
  close(): Promise<void>;
}

/**
 * Opens a store: a path or a `file:` URL, `turso:PATH`, `postgres://…`, `libsql://…`, or `memory:`. Without a URL, the one that
 * `LOCI_URL` names, else `TURSO_DATABASE_URL`, else `~/.loci/loci.db`. Errors: `config`, `corrupt`, `permission`, `schema`, `unreachable`, `unsupported`.
 */
export async function open(url: string = storeUrl(), options: OpenOptions = {}): Promise<Loci> {
  const {
    prices: own = readOwnPrices(process.env),
    cache: cacheOptions,
    region = edgeFrom(process.env),
    sync: settings = syncFrom(process.env, url),
    ...storeOptions
  } = options;
  const store = await openStore(url, { ...storeOptions, region });
  const { engine, primary, place, routing } = store;
  const prices = createPrices(own);
  const ingest = createIngest(primary, { now: Date.now, costOf: prices.costOf, sources: liveSources });
  const searching = createSearching(store);
  // What was in memory is gone when it is closed: nothing will ever read the spools of it.
  const temporary: string[] = [];
  // The name that OpenTelemetry has for it.
  const spans = { content: process.env["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] === "true" };
  const coordination = createCoordination(primary, { region, cache: cacheOptions, routing });
  const { authToken } = storeOptions;
  const sync = syncOf(
    { url, place, engine: primary, authToken, settings: settings || undefined },
    process.env,
  );
  const close = async (): Promise<void> => {
    await sync?.close(endWithin);
    // A latency that is not kept is measured again.
    await coordination.edge.flush().catch(() => undefined);
    await coordination.cache.close();
    await store.close();
    for (const folder of temporary.splice(0)) rmSync(folder, { recursive: true, force: true });
  };
  return {
    place: describePlace(place),
    spool: place.kind === "memory" ? null : place.spool,
    engine,
    sessions: createSessions(engine),
    memory: tracedMemory(createMemory(engine, { now: Date.now }), spans),
    knowledge: tracedKnowledge(createKnowledge(engine, { now: Date.now }), spans),
    checkpoints: createCheckpoints(engine, { now: Date.now }),
    reports: createReports(engine),
    prices,
    search: async (words, scope) => (await searching()).search(words, scope),
    index: {
      lag: async () => (await searching()).lag(),
      catchUp: async (how) => (await searching()).catchUp(how),
      rebuild: async (how) => (await searching()).rebuild(how),
    },
    ...recording({ url, place, engine: primary, ingest, authToken, sync, temporary }),
    recover: () => recover(url, place, storeOptions),
    import: (paths, how) => importAll({ engine: primary, ingest, prices, searching, url }, paths, how),
    follow: (how) => followAll({ engine: primary, ingest, prices, searching, url }, how),
    ...coordination,
    queries: store.queries,
    ...(sync && { sync: sync.sync }),
    ...(engine.sql === undefined ? {} : { sql: engine.sql }),
    ...backupsOf(engine, place),
    databases: openDatabases(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Recording extends SyncStoreParts {
  readonly ingest: Ingest;
  readonly sync: StoreSync | undefined;
  readonly temporary: string[];
}

function recording(parts: Omit<Recording, "settings">): Pick<Loci, "recorder" | "add"> {
  const { url, place, engine, ingest, authToken, sync, temporary } = parts;
  return {
    recorder(how = {}) {
      const where = recorderPlace(url, place, { engine, ingest, authToken });
      if (place.kind === "memory") temporary.push(where.spool);
      const recorder = createRecorder({ ...how, ...where });
      return sync?.atSessionEnd === true ? syncAtSessionEnd(recorder, sync.schedule, unheld) : recorder;
    },
    async add(happenings) {
      await addTo(ingest, happenings);
      if (sync?.atSessionEnd === true && happenings.some(endsSession)) void sync.schedule.soon();
    },
  };
}

/** Databases by name, without a store of one's own. What they need comes from the environment: docs/databases.md. */
export function openDatabases(env: Environment = process.env): Databases {
  const make = async (path: string): Promise<void> => (await openStore(path)).close();
  return createDatabases({ env, home: lociHome(env), make, now: Date.now });
}

function backupsOf(engine: Engine, place: Place): Pick<Loci, "backups"> {
  if (place.kind === "memory") return {};
  const backups = createBackups(engine, { folder: place.backups, spool: place.spool, now: Date.now });
  return backups === undefined ? {} : { backups };
}

async function addTo(ingest: Ingest, happenings: readonly Happening[]): Promise<void> {
  const { line, value } = createRedactor();
  const clean = happenings.map((one) =>
    one.kind === "rawEvent" ? { ...one, line: line(one.line) } : value(one),
  );
  const { sessions } = await ingest.write(clean);
  await ingest.settle(sessions);
}

async function recover(
  url: string,
  place: Place,
  { authToken }: Pick<OpenStoreOptions, "authToken">,
): Promise<Recovered> {
  const { hasLeftovers, nothingLeft, recoverLeftovers } = await import("./record/recovery.ts");
  if (place.kind === "memory" || !hasLeftovers(place.spool)) return nothingLeft;
  const { openDrainStore } = await import("./drain-store.ts");
  const store = await openDrainStore(url, { authToken });
  try {
    return await recoverLeftovers(store, { spool: place.spool });
  } finally {
    await store.close();
  }
}

/** The search, made when it is first asked for: most commands never do. */
function createSearching(store: Store): () => Promise<Search> {
  let made: Promise<Search> | undefined;
  const make = async (): Promise<Search> => {
    const [{ createSearch }, index] = await Promise.all([
      import("./domains/search/search.ts"),
      store.index(),
    ]);
    return createSearch({ store: store.engine, index });
  };
  return () => (made ??= make());
}
