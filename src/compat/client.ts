import { errorCode } from "../errors.ts";
import type { Happening } from "../model/happening.ts";
import { newId } from "../model/id.ts";
import { type Loci, open } from "../open.ts";
import { type Environment, toPlace } from "../place.ts";
import { createRecorder, type Flushed, type Recorder } from "../record/recorder.ts";

export interface TursoConfig {
  readonly url: string;
  readonly authToken: string;
}

/** A store, reached when it is first needed. What is logged never waits for it and never fails because of it. */
export interface TursoClient {
  readonly url: string;
  /** Notes one happening and answers its id. */
  record(happening: Happening): string;
  /** Resolves when all that was noted is in the store, or when it cannot be for now. Never rejects. */
  flush(): Promise<Flushed | undefined>;
  /** `flush`, and then a sync where the environment names a hub for the store (`LOCI_SYNC_URL`). Never rejects. */
  sync(): Promise<void>;
  /** The store itself, for reading. */
  open(): Promise<Loci>;
  close(): Promise<void>;
}

/** Null, and logging is off, unless both TURSO_DATABASE_URL and TURSO_AUTH_TOKEN are set. */
export function getTursoConfig(env: Environment = process.env): TursoConfig | null {
  const url = env["TURSO_DATABASE_URL"];
  const authToken = env["TURSO_AUTH_TOKEN"];
  return !url || !authToken ? null : { url, authToken };
}

/** A client of the store at `config.url`: `libsql://…`, a path, a `file:` URL or `postgres://…`. Opens nothing yet. */
export function createTursoClient({ url, authToken }: TursoConfig): TursoClient {
  let recorder: Recorder | undefined;
  let unusable = false;
  let opened: Promise<Loci> | undefined;

  function recorderOf(): Recorder | undefined {
    if (recorder !== undefined || unusable) return recorder;
    try {
      const place = toPlace(url);
      if (place.kind !== "memory") recorder = createRecorder({ spool: place.spool, store: url, authToken });
    } catch (error) {
      // Logging must not hurt the agent: it is off, and says so once.
      process.emitWarning(`Loci logs nothing: ${error instanceof Error ? error.message : String(error)}`);
    }
    unusable = recorder === undefined;
    return recorder;
  }

  const openOnce = (): Promise<Loci> => (opened ??= open(url, { authToken }));
  return {
    url,
    record: (happening) => recorderOf()?.record(happening) ?? happening.id ?? newId(),
    flush: async () => recorder?.flush({ timeout: 10_000 }),
    async sync() {
      await recorder?.flush({ timeout: 10_000 });
      if (!process.env["LOCI_SYNC_URL"]) return;
      try {
        const { sync } = await openOnce();
        if (sync?.hub) await sync.run();
      } catch {
        // The store's status says why, and the next sync sends it.
      }
    },
    open: openOnce,
    async close() {
      await recorder?.close();
      // One that could not be opened has told its caller.
      const loci = await opened?.catch(() => undefined);
      await loci?.close();
      recorder = undefined;
      opened = undefined;
    },
  };
}

// The documents' functions share one client in a process: the only state of a module in this package.
let shared: TursoClient | undefined;

/** The process's one client, made when first asked for; null when logging is off. */
export async function getTursoClient(): Promise<TursoClient | null> {
  const config = getTursoConfig();
  if (config === null) return null;
  if (shared?.url !== config.url) {
    await closeTursoClient();
    shared = createTursoClient(config);
  }
  return shared;
}

export async function closeTursoClient(): Promise<void> {
  const client = shared;
  shared = undefined;
  await client?.close();
}

/**
 * Brings the store to this version's schema. Every use of it does that by itself; this says early whether it works.
 * Answers false, and throws nothing, where logging is off or the store cannot be reached for now.
 */
export async function initializeSchema(client?: TursoClient | null): Promise<boolean> {
  const chosen = client === undefined ? await getTursoClient() : client;
  if (chosen === null) return false;
  try {
    await chosen.open();
    return true;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return false;
  }
}

/** Forgets the client, so that the next use looks at the store and at the environment again. */
export function resetSchemaState(): void {
  void closeTursoClient();
}
