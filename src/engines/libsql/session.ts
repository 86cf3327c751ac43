import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, linkSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LociError } from "../../errors.ts";
import type { Answer, SqlClient, Statement } from "../sql/client.ts";
import { type Connection, openConnection } from "./connection.ts";
import { isBusy, translated } from "./errors.ts";

export interface LibsqlOptions {
  readonly readonly?: boolean;
  /** How long a call waits for other processes before it answers `busy`. Default 30 s. */
  readonly busyTimeout?: number;
  /** Bytes of a page of a new file. Default 4,096, as SQLite's own. */
  readonly pageSize?: number;
}

export interface LibsqlClient extends SqlClient {
  /** A whole and consistent copy, made while others write. */
  backup(path: string): Promise<void>;
  /** What is wrong with the file, line by line; empty is good. */
  check(): Promise<string[]>;
}

/** The file in this thread. Writes go one after the other; while one waits for another process, reads go on. */
export async function openSession(
  path: string,
  { readonly = false, busyTimeout = 30_000, pageSize }: LibsqlOptions = {},
): Promise<LibsqlClient> {
  const patiently = async <Result>(work: () => Result): Promise<Result> => {
    const started = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return work();
      } catch (error) {
        const waited = performance.now() - started;
        if (!isBusy(error) || waited >= busyTimeout) throw translated(path, error);
        // Jitter, so that processes which met once do not meet again; a timer, so that the thread can do other work.
        await sleep(Math.random() * Math.min(50, 2 * attempt));
      }
    }
  };
  const connection = await patiently(() => openConnection(path, { readonly, pageSize }));
  try {
    await patiently(() => connection.setUp());
  } catch (error) {
    connection.close();
    throw error;
  }
  return createSession(path, connection, { readonly, patiently });
}

function createSession(
  path: string,
  connection: Connection,
  {
    readonly,
    patiently,
  }: {
    readonly readonly: boolean;
    readonly patiently: <Result>(work: () => Result) => Promise<Result>;
  },
): LibsqlClient {
  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;

  const open = (): void => {
    if (closed) throw new LociError("closed", `${path} was closed.`, { where: path });
  };
  const inTurn = <Result>(work: () => Result): Promise<Result> => {
    const turn = last.then(() => patiently(work));
    last = turn.catch(() => undefined);
    return turn;
  };
  const write = createWriteQueue(connection, { inTurn, path });
  const backup = async (target: string): Promise<void> => {
    open();
    await makeCopy(target, (unfinished) => inTurn(() => connection.copyTo(unfinished)));
  };
  return {
    place: path,
    async read(statement: Statement): Promise<Answer> {
      open();
      return patiently(() => connection.read(statement));
    },
    async write(statements) {
      open();
      if (readonly) throw new LociError("read-only", `${path} was opened for reading only.`, { where: path });
      return write(statements);
    },
    backup,
    async keepCopy(label) {
      const target = `${path}.backup-${label}`;
      // The first of several processes made it before anybody began the step.
      if (existsSync(target)) return;
      await backup(target).catch((error: unknown) => {
        if (!existsSync(target)) throw error;
      });
    },
    async check() {
      open();
      return patiently(() => connection.check());
    },
    close: () => (closed ??= last.then(() => connection.close())),
  };
}

async function makeCopy(target: string, copyTo: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(target))
    throw new LociError("config", `${target} is there already; a backup replaces nothing.`);
  const unfinished = `${target}.${randomUUID()}.part`;
  try {
    await copyTo(unfinished);
    chmodSync(unfinished, 0o600);
    linkSync(unfinished, target);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

interface QueuedWrite {
  readonly statements: readonly Statement[];
  readonly resolve: (answers: Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

/** More of them wait for the next transaction: reads and other processes get their turn between two. */
const togetherAtMost = 64;

/** Writes that wait for the same turn share a transaction, and its commit. */
function createWriteQueue(
  connection: Connection,
  {
    inTurn,
    path,
  }: { readonly inTurn: <Result>(work: () => Result) => Promise<Result>; readonly path: string },
): (statements: readonly Statement[]) => Promise<Answer[]> {
  const queue: QueuedWrite[] = [];

  const turn = async (): Promise<void> => {
    const group: QueuedWrite[] = [];
    try {
      await inTurn(() => {
        // Tried again after a wait for another process: whoever came meanwhile comes along.
        group.push(...queue.splice(0, togetherAtMost - group.length));
        if (group.length === 0) return;
        const written = connection.write(group.map(({ statements }) => statements));
        for (const [place, { resolve, reject }] of group.entries()) {
          const one = written[place];
          if (one && "answers" in one) resolve(one.answers);
          else reject(translated(path, one?.error));
        }
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  };
  return (statements) =>
    new Promise((resolve, reject) => {
      queue.push({ statements, resolve, reject });
      // The first of several that come together opens the turn; the others ride along, and their turns find nothing.
      void turn();
    });
}
