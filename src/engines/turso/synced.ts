import { type Call, fileClient } from "../file/calls.ts";
import { startThread } from "../file/caller.ts";
import type { TursoStats } from "./driver.ts";
import type { TursoOptions } from "./session.ts";
import type { SyncedClient, TursoSyncOptions } from "./synced-session.ts";

export type SyncCall =
  | Call
  | { readonly kind: "push" | "pull"; readonly token: string | undefined }
  | { readonly kind: "checkpoint" | "stats" };

/** A file of Turso's sync engine in a thread of its own: in its own, a push of 10,000 rows stops the caller's for 2 s. */
export async function openSyncedThread(
  path: string,
  sync: TursoSyncOptions,
  options: TursoOptions,
): Promise<SyncedClient> {
  const module = new URL("./sync-worker.js", import.meta.url);
  const caller = await startThread<SyncCall>(
    { module, path, data: { path, sync, options } },
    { kind: "close" },
  );
  return {
    ...fileClient(path, caller),
    push: (token) => caller.ask<void>({ kind: "push", token }),
    pull: (token) => caller.ask<boolean>({ kind: "pull", token }),
    checkpoint: () => caller.ask<void>({ kind: "checkpoint" }),
    stats: () => caller.ask<TursoStats>({ kind: "stats" }),
  };
}
