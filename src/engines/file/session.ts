import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, linkSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LociError } from "../../errors.ts";
import type { Answer, SqlClient, Statement } from "../sql/client.ts";

/** One open file, in the thread that calls. Errors are the driver's own. */
export interface Connection {
  /** Comes first, and again after `busy`: another process may be making the file, or recovering it. */
  setUp(): void | Promise<void>;
  read(statement: Statement): Answer | Promise<Answer>;
  /**
   * One immediate transaction for several writes, each of which is done whole or not at all: a file takes one commit at a
   * time, and most of a small write is its commit.
   */
  write(writes: ReadonlyArray<readonly Statement[]>): Written[] | Promise<Written[]>;
  /** A whole and consistent copy at that path, where nothing may be. */
  copyTo(path: string): void | Promise<void>;
  /** What `PRAGMA quick_check` finds; empty is good. It reads the whole file. */
  check(): string[] | Promise<string[]>;
  close(): void | Promise<void>;
}

/** What became of one write: no answers where a statement changed fewer rows than its `least`. */
export type Written = { readonly answers: Answer[] } | { readonly error: unknown };

/** How a driver opens a file, and what its errors mean. */
export interface Driver<Opened extends Connection> {
  open(): Opened | Promise<Opened>;
  /** Another process, or another connection, holds what was asked for: it is asked for again. */
  isBusy(error: unknown): boolean;
  translated(error: unknown): unknown;
  /** Its calls give way to others in their middle: a read would see a transaction that is under way. */
  readonly oneAtATime?: boolean;
}

export interface SessionOptions {
  readonly readonly?: boolean;
  /** How long a call waits for other processes before it answers `busy`. Default 30 s. */
  readonly busyTimeout?: number | undefined;
}

export interface FileClient extends SqlClient {
  /** A whole and consistent copy, made while others write. */
  backup(path: string): Promise<void>;
  /** What is wrong with the file, line by line; empty is good. */
  check(): Promise<string[]>;
}

export type InTurn = <Result>(work: () => Result | Promise<Result>) => Promise<Result>;

export interface Session<Opened extends Connection> extends FileClient {
  readonly connection: Opened;
  /** Does it when everything that was asked before is done, and with patience for others. */
  readonly inTurn: InTurn;
}

/** The file in this thread. Writes go one after the other; while one waits for another process, reads go on. */
export async function openFileSession<Opened extends Connection>(
  path: string,
  driver: Driver<Opened>,
  { readonly = false, busyTimeout = 30_000 }: SessionOptions = {},
): Promise<Session<Opened>> {
  const patiently: InTurn = async (work) => {
    const started = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const waited = performance.now() - started;
        if (!driver.isBusy(error) || waited >= busyTimeout) throw driver.translated(error);
        // Jitter, so that processes which met once do not meet again; a timer, so that the thread can do other work.
        await sleep(Math.random() * Math.min(50, 2 * attempt));
      }
    }
  };
  const connection = await patiently(() => driver.open());
  try {
    await patiently(() => connection.setUp());
  } catch (error) {
    await connection.close();
    throw error;
  }
  return createSession(path, connection, { readonly, patiently, driver });
}

function createSession<Opened extends Connection>(
  path: string,
  connection: Opened,
  {
    readonly,
    patiently,
    driver,
  }: { readonly readonly: boolean; readonly patiently: InTurn; readonly driver: Driver<Opened> },
): Session<Opened> {
  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;

  const open = (): void => {
    if (closed) throw new LociError("closed", `${path} was closed.`, { where: path });
  };
  const inTurn: InTurn = (work) => {
    const turn = last.then(() => patiently(work));
    last = turn.catch(() => undefined);
    return turn;
  };
  const toRead = driver.oneAtATime ? inTurn : patiently;
  const write = createWriteQueue(connection, { inTurn, translated: driver.translated });
  const backup = async (target: string): Promise<void> => {
    open();
    await makeCopy(target, (unfinished) => inTurn(() => connection.copyTo(unfinished)));
  };
  return {
    place: path,
    connection,
    async inTurn(work) {
      open();
      return inTurn(work);
    },
    async read(statement: Statement): Promise<Answer> {
      open();
      return toRead(() => connection.read(statement));
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
      return toRead(() => connection.check());
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
  { inTurn, translated }: { readonly inTurn: InTurn; readonly translated: (error: unknown) => unknown },
): (statements: readonly Statement[]) => Promise<Answer[]> {
  const queue: QueuedWrite[] = [];

  const turn = async (): Promise<void> => {
    const group: QueuedWrite[] = [];
    try {
      await inTurn(async () => {
        // Tried again after a wait for another process: whoever came meanwhile comes along.
        group.push(...queue.splice(0, togetherAtMost - group.length));
        if (group.length === 0) return;
        const written = await connection.write(group.map(({ statements }) => statements));
        for (const [place, { resolve, reject }] of group.entries()) {
          const one = written[place];
          if (one && "answers" in one) resolve(one.answers);
          else reject(translated(one?.error));
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
