import { Worker } from "node:worker_threads";
import { type ErrorCode, LociError } from "../../errors.ts";
import type { Answer, Statement } from "../sql/client.ts";
import type { LibsqlClient, LibsqlOptions } from "./session.ts";

export type Call =
  | { readonly kind: "read"; readonly statement: Statement }
  | { readonly kind: "write"; readonly statements: readonly Statement[]; readonly again: boolean }
  | { readonly kind: "backup"; readonly path: string }
  | { readonly kind: "keepCopy"; readonly label: string }
  | { readonly kind: "check" }
  | { readonly kind: "close" };

/** Calls that came together travel together. */
export type Numbered = { readonly id: number; readonly call: Call };

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Sent };

/** An error on its way between threads. */
export interface Sent {
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: ErrorCode;
  readonly where?: string | undefined;
  readonly next?: string | undefined;
  readonly cause?: string | undefined;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** The file in a thread of its own: the caller's event loop never waits for the disk or for another process. */
export async function openThread(path: string, options: LibsqlOptions): Promise<LibsqlClient> {
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData: { path, options },
    // The host's own flags (a debugger, a loader) are not for this thread.
    execArgv: [],
  });
  const waiting = new Map<number, Waiting>();
  const failAll = (error: unknown): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  let calls = 0;
  let alive = true;
  let closed: Promise<void> | undefined;

  const waitFor = <Result>(id: number): Promise<Result> => {
    const reply = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.ref();
    // The other side answers this call with its own result.
    return reply as Promise<Result>;
  };
  worker.on("message", (replies: readonly Reply[]) => {
    for (const reply of replies) settle(waiting, reply);
    // An engine at rest keeps no process alive.
    if (waiting.size === 0) worker.unref();
  });
  worker.on("error", failAll);
  worker.on("exit", () => {
    alive = false;
    failAll(new LociError("closed", `The thread of ${path} has ended.`, { where: path }));
  });

  const outbox: Numbered[] = [];
  // What several agents of a process write in one moment becomes one message, and one transaction.
  const send = (): void => worker.postMessage(outbox.splice(0));
  const ask = async <Result>(call: Call): Promise<Result> => {
    // A message to a thread that has ended is lost without a word.
    if (closed || !alive) throw new LociError("closed", `${path} was closed.`, { where: path });
    const reply = waitFor<Result>(++calls);
    if (outbox.length === 0) setImmediate(send);
    outbox.push({ id: calls, call });
    return reply;
  };
  await waitFor<void>(0);
  return {
    place: path,
    read: (statement) => ask<Answer>({ kind: "read", statement }),
    write: (statements, { again }) => ask<Answer[]>({ kind: "write", statements, again }),
    backup: (target) => ask<void>({ kind: "backup", path: target }),
    keepCopy: (label) => ask<void>({ kind: "keepCopy", label }),
    check: () => ask<string[]>({ kind: "check" }),
    close() {
      if (closed) return closed;
      if (!alive) return ended;
      const asked = ask<void>({ kind: "close" });
      closed = asked.then(() => {
        worker.ref();
        return ended;
      });
      return closed;
    },
  };
}

function settle(waiting: Map<number, Waiting>, reply: Reply): void {
  const call = waiting.get(reply.id);
  waiting.delete(reply.id);
  if ("error" in reply) call?.reject(received(reply.error));
  else call?.resolve(reply.result);
}

function received({ message, stack, code, where, next, cause }: Sent): Error {
  const error = code
    ? new LociError(code, message, {
        ...(where !== undefined && { where }),
        ...(next !== undefined && { next }),
        ...(cause !== undefined && { cause }),
      })
    : new Error(message);
  if (stack) error.stack = stack;
  return error;
}
