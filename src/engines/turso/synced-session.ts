import { chmodSync, existsSync } from "node:fs";
import { openFileSession, type FileClient } from "../file/session.ts";
import { openTursoConnection } from "./connection.ts";
import { importTursoSync, type SyncedTursoDatabase, type TursoStats } from "./driver.ts";
import { isBusy, translated } from "./errors.ts";
import type { TursoOptions } from "./session.ts";

export interface TursoSyncOptions {
  /** Of the server: Turso Cloud's, or that of `tursodb --sync-server`. */
  readonly url: string;
  /** How long one request may take. Default 60 s. */
  readonly patience?: number | undefined;
}

/** What the thread of a synced file can do beside. */
export interface SyncedClient extends FileClient {
  /** A token is handed over each time: one that was made for this call. */
  push(token: string | undefined): Promise<void>;
  /** Whether anything came. */
  pull(token: string | undefined): Promise<boolean>;
  checkpoint(): Promise<void>;
  stats(): Promise<TursoStats>;
}

/** A push sends whole transactions, this many changes or more a request; killed in its middle it goes on behind the last. */
const changesTogether = 1_000;

/** The files that the sync engine has beside the database. */
const beside = ["", "-wal", "-wal-revert", "-changes", "-info"];

/** The file in this thread. Offline it opens all the same: the server is asked for nothing before the first push or pull. */
export async function openSyncedSession(
  path: string,
  { url, patience = 60_000 }: TursoSyncOptions,
  options: TursoOptions,
): Promise<SyncedClient> {
  const { connect } = await importTursoSync();
  let opened = false;
  let token: string | undefined;
  const closeToOthers = (): void => {
    for (const suffix of beside) if (existsSync(path + suffix)) chmodSync(path + suffix, 0o600);
  };
  const driver = {
    open: async () => {
      const made = await openTursoConnection<SyncedTursoDatabase>(
        path,
        () =>
          connect({
            path,
            url: () => (opened ? url : null),
            authToken: async () => token ?? "",
            clientName: "loci",
            pushOperationsThreshold: changesTogether,
            fetch: (asked, how) => fetch(asked, { ...how, signal: AbortSignal.timeout(patience) }),
          }),
        { readonly: false, synced: true },
      );
      opened = true;
      closeToOthers();
      return made;
    },
    isBusy,
    translated: (error: unknown) => translated(path, error),
    oneAtATime: true,
  };
  const session = await openFileSession(path, driver, options);
  const { db } = session.connection;
  const withToken = async <Result>(given: string | undefined, work: () => Promise<Result>): Promise<Result> =>
    session.inTurn(async () => {
      token = given;
      try {
        return await work();
      } finally {
        closeToOthers();
      }
    });
  return {
    ...session,
    push: (given) => withToken(given, () => db.push()),
    pull: (given) =>
      withToken(given, async () => {
        const came = await db.pull();
        // Pages of the server have come, and its header.
        if (came) await session.connection.own();
        return came;
      }),
    checkpoint: () => session.inTurn(() => db.checkpoint()),
    stats: () => session.inTurn(() => db.stats()),
  };
}
