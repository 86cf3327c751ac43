import { chmodSync, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { makeFolder } from "../../engine/folder.ts";
import type { Engine } from "../../engine/engine.ts";
import type { AuthToken } from "../../engine/json-web-token.ts";
import { errorCode, LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { startThread } from "../file/caller.ts";
import { addressOf } from "../remote/address.ts";
import { createReplicatedEngine } from "../remote/replicated.ts";
import type { Answer, SqlClient, Statement } from "../sql/client.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { createSqliteDialect } from "../sql/sqlite.ts";

export type ReplicaCall =
  | { readonly kind: "read"; readonly statement: Statement }
  | { readonly kind: "sync"; readonly token: string }
  | { readonly kind: "close" };

export interface ReplicaOptions {
  readonly url: string;
  /** The file that keeps what was read. */
  readonly path: string;
  readonly authToken?: AuthToken | undefined;
  /** How old an answer may be while the primary answers. Default 5 s. */
  readonly within?: Millis | undefined;
}

/** Whoever waits for a sync as long reads from the primary; the thread of the replica may stand still meanwhile. */
const patience: Millis = 2_000;

/** After a sync that failed: the driver tries for 3 s by itself, and nothing is read from the replica meanwhile. */
const pause: Millis = 5_000;

/**
 * Reads from an embedded replica of libSQL, a file on this machine; everything else is the primary's. What was written
 * here is in every later read: a write is followed by a sync before the next one, and where that fails the primary is read.
 */
export async function openReplica(primary: Engine, options: ReplicaOptions): Promise<Engine> {
  const { url, within = 5_000 } = options;
  const path = resolve(options.path);
  const { base, token: inUrl } = addressOf(url);
  const isThere = existsSync(path);
  // The file itself is the driver's to make: it takes an empty one for damaged.
  makeFolder(dirname(path));
  const module = new URL("./worker.js", import.meta.url);
  const data = { path, url: base.href.replace(/\/$/, "") };
  const thread = await startThread<ReplicaCall>({ module, path, data }, { kind: "close" });
  const client: SqlClient = {
    place: path,
    read: (statement) => thread.ask<Answer>({ kind: "read", statement }),
    write: () => Promise.reject(new LociError("read-only", `${path} is a replica.`, { where: path })),
    close: thread.close,
  };
  const local = createSqlEngine(client, createSqliteDialect("libsql"));
  const token = async (): Promise<string> =>
    (typeof options.authToken === "function" ? await options.authToken() : options.authToken) ?? inUrl ?? "";
  const fresh = createFreshReads({
    within,
    hasAny: isThere,
    sync: async () => {
      await thread.ask<void>({ kind: "sync", token: await token() });
      for (const suffix of ["", "-wal", "-shm", "-client_wal_index"])
        if (existsSync(path + suffix)) chmodSync(path + suffix, 0o600);
    },
  });
  const writes: Pick<Engine, "prepare" | "write" | "take" | "exchange"> = {
    prepare: (schema) => fresh.after(() => primary.prepare(schema)),
    write: (changes) => fresh.after(() => primary.write(changes)),
    take: (from, query, patch) => fresh.after(() => primary.take(from, query, patch)),
    exchange: (changes, taking) => fresh.after(() => primary.exchange(changes, taking)),
  };
  return createReplicatedEngine(
    { ...primary, ...writes },
    {
      async read(work) {
        const where = await fresh.where();
        if (where === "replica") return work(local);
        try {
          return await work(primary);
        } catch (error) {
          if (where === "primary" || errorCode(error) !== "unreachable") throw error;
          return work(local);
        }
      },
      close: async () => {
        // A thread that stands still is not waited for: it keeps no process alive.
        await Promise.race([thread.close(), late()]);
      },
    },
  );
}

interface FreshReads {
  /** Who may answer now; `either`: the primary, and the replica where that is away. */
  where(): Promise<"replica" | "primary" | "either">;
  /** Something that changes the primary: what is read afterwards has it. */
  after<Result>(work: () => Promise<Result>): Promise<Result>;
}

function createFreshReads({
  within,
  hasAny,
  sync,
}: {
  readonly within: Millis;
  readonly hasAny: boolean;
  readonly sync: () => Promise<void>;
}): FreshReads {
  /** Changes that ended, and how many of them the replica has. */
  let changes = 0;
  let has = 0;
  let synced = Number.NEGATIVE_INFINITY;
  let quietUntil = Number.NEGATIVE_INFINITY;
  let isUsable = hasAny;
  let running: Promise<boolean> | undefined;

  const start = (): Promise<boolean> => {
    const [upTo, began] = [changes, performance.now()];
    return sync().then(
      () => {
        has = Math.max(has, upTo);
        synced = began;
        isUsable = true;
        return true;
      },
      () => {
        quietUntil = performance.now() + pause;
        return false;
      },
    );
  };
  /** One at a time; whoever comes while one runs that began too early waits for the next. */
  const syncOnce = async (): Promise<boolean> => {
    running ??= start().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    async where() {
      const isOld = (): boolean => has < changes || performance.now() - synced > within;
      for (let tries = 0; isOld() && tries < 2 && performance.now() > quietUntil; tries++) {
        const done = await Promise.race([syncOnce(), late()]);
        if (done === undefined) return isUsable && has >= changes ? "either" : "primary";
      }
      // Without the primary nothing newer can be had, unless this process wrote it.
      return isUsable && has >= changes ? "replica" : "primary";
    },
    async after(work) {
      try {
        return await work();
      } finally {
        // Also where it failed: nobody may know whether it was done.
        changes++;
      }
    },
  };
}

function late(): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(resolve, patience, undefined).unref();
  });
}
