import { resolve } from "node:path";
import { createEmitter } from "../../engine/emitter.ts";
import type { Engine, Wake } from "../../engine/engine.ts";
import type { AuthToken } from "../../engine/json-web-token.ts";
import type { Meter } from "../../engine/meter.ts";
import { openThread } from "../file/calls.ts";
import type { FileClient } from "../file/session.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { tursoDialect } from "./dialect.ts";
import type { TursoOptions } from "./session.ts";
import { openSyncedThread } from "./synced.ts";
import type { TursoSyncOptions } from "./synced-session.ts";
import { createTransport, type TursoTransport } from "./transport.ts";
import { createTursoSqlDoor } from "./sql-door.ts";

export interface OpenTursoOptions extends TursoOptions {
  /** For a thread that is ours already: the file is opened in it, and every call blocks it. Default: a new thread. */
  readonly inThread?: boolean | undefined;
  readonly meter?: Meter | undefined;
  /** Turso's own sync: the file is a replica of that server's database. It has a thread, and its process, to itself. */
  readonly sync?: (TursoSyncOptions & { readonly authToken?: AuthToken | undefined }) | undefined;
}

export interface TursoEngine extends Engine, Pick<FileClient, "backup" | "check"> {
  /** Where the file is synced. */
  readonly transport?: TursoTransport;
}

/**
 * Opens a file of the Turso database engine, or makes it: experimental, as that engine is. One process may have it open,
 * in any number of threads. Errors: `unsupported` where its package is not installed, `busy` where another process has it.
 */
export async function openTurso(
  path: string,
  { inThread = false, meter, sync, ...options }: OpenTursoOptions = {},
): Promise<TursoEngine> {
  const place = resolve(path);
  if (sync !== undefined) {
    const { authToken: _, ...forThread } = sync;
    const synced = await openSyncedThread(place, forThread, options);
    // No triggers there: Turso's sync misses rows that they write, and the feed is made of them.
    const { feed: _feed, ...engine } = engineOver(place, synced, meter);
    return { ...engine, transport: createTransport(engine, synced, sync) };
  }
  // The native driver is loaded only in the thread that uses it.
  const client = inThread
    ? await (await import("./session.ts")).openSession(place, options)
    : await openThread(new URL("./worker.js", import.meta.url), place, options);
  return engineOver(place, client, meter);
}

function engineOver(place: string, client: FileClient, meter: Meter | undefined): TursoEngine {
  const sql = createTursoSqlDoor(place, client.backup);
  const engine = createSqlEngine(client, tursoDialect, { sql, meter, wake: createProcessWake() });
  const close = async (): Promise<void> => {
    await sql.close();
    await engine.close();
  };
  return { ...engine, backup: client.backup, check: client.check, close, [Symbol.asyncDispose]: close };
}

/** Nobody else has the file open: who waits is in this process, and hears of what this engine was told. */
function createProcessWake(): Wake {
  const { emit, listen, count } = createEmitter();
  return { tell: emit, listen, works: () => count() > 0 };
}
