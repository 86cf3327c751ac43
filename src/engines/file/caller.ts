import { Worker } from "node:worker_threads";
import { type ErrorCode, LociError } from "../../errors.ts";

/** Calls that came together travel together. */
export type Numbered<Call> = { readonly id: number; readonly call: Call };

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

/** A thread that answers calls. */
export interface Caller<Call> {
  /** The other side answers a call with its own kind of result. */
  ask<Result>(call: Call): Promise<Result>;
  close(): Promise<void>;
}

export interface ThreadStart {
  /** The module that runs in it: it calls `serveThread`. */
  readonly module: URL;
  /** For messages: the file that it has open. */
  readonly path: string;
  readonly data: unknown;
}

/** A file in a thread of its own: the caller's event loop never waits for the disk or for another process. */
export async function startThread<Call>(
  { module, path, data }: ThreadStart,
  closing: Call,
): Promise<Caller<Call>> {
  // The host's own flags (a debugger, a loader) are not for this thread.
  const worker = new Worker(module, { workerData: data, execArgv: [] });
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

  const outbox: Array<Numbered<Call>> = [];
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
    ask,
    close() {
      if (closed) return closed;
      if (!alive) return ended;
      const asked = ask<void>(closing);
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
