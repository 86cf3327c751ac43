import { Worker } from "node:worker_threads";
import type { AuthToken } from "./engine/json-web-token.ts";
import { type ErrorCode, LociError } from "./errors.ts";
import type { SyncMode } from "./model/sync-state.ts";
import type { RedactOptions } from "./record/redact.ts";
import type { SyncRunner } from "./sync/sync.ts";

/** The two stores of a link, as a thread can be told of them. */
export interface SyncThreadData {
  readonly url: string;
  readonly authToken: string | undefined;
  readonly hub: { readonly url: string; readonly authToken: string | undefined; readonly asks: boolean };
  readonly name: string;
  readonly redact: RedactOptions;
}

export type Task = "run" | "verify" | "repair";

export type Order =
  | {
      readonly kind: "begin";
      readonly id: number;
      readonly task: Task;
      readonly mode: SyncMode;
      readonly rows?: boolean;
    }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "token"; readonly token?: string; readonly failed?: string }
  | { readonly kind: "close" };

export type Told =
  | { readonly kind: "done"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: Sent }
  /** The hub's token is asked for. */
  | { readonly kind: "token" };

/** An error on its way between threads. */
export interface Sent {
  readonly message: string;
  readonly code: ErrorCode | undefined;
  readonly where: string | undefined;
  readonly next: string | undefined;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** Syncs in a thread of its own, which is started with the first sync: the caller's event loop never waits. */
export function createSyncThread(data: SyncThreadData, token?: Exclude<AuthToken, string>): SyncRunner {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let ids = 0;

  const fail = (error: unknown): void => {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const order = (one: Order): void => worker?.postMessage(one);
  const hear = (told: Told): void => {
    if (told.kind === "token") return void made(token).then(order);
    const call = waiting.get(told.id);
    waiting.delete(told.id);
    if (waiting.size === 0) worker?.unref();
    if (told.kind === "done") call?.resolve(told.result);
    else call?.reject(received(told.error));
  };
  const begin = <Result>(
    task: Task,
    mode: SyncMode,
    { signal, rows }: { readonly signal?: AbortSignal | undefined; readonly rows?: boolean | undefined } = {},
  ): Promise<Result> => {
    const id = ++ids;
    worker ??= start(data, hear, fail);
    worker.ref();
    const result = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    order({ kind: "begin", id, task, mode, ...(rows === undefined ? {} : { rows }) });
    const cancel = (): void => order({ kind: "cancel", id });
    if (signal?.aborted === true) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    // The other side answers this order with its own result.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return result.finally(() => signal?.removeEventListener("abort", cancel)) as Promise<Result>;
  };
  return {
    run: (mode, options) => begin("run", mode, options),
    verify: (mode, options) => begin("verify", mode, options),
    repair: (mode, options) => begin("repair", mode, options),
    async close() {
      const ending = worker;
      if (ending === undefined) return;
      const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
      ending.ref();
      order({ kind: "close" });
      await ended;
    },
  };
}

function start(data: SyncThreadData, hear: (told: Told) => void, fail: (error: unknown) => void): Worker {
  const worker = new Worker(new URL("./sync-thread.js", import.meta.url), {
    workerData: { sync: data },
    // The host's own flags (a debugger, a loader) are not for this thread.
    execArgv: [],
  });
  worker.on("message", hear);
  worker.on("error", fail);
  worker.on("exit", () => fail(new LociError("closed", "The thread that syncs has ended.")));
  return worker;
}

/** A token for the thread, or why there is none. */
async function made(
  token: Exclude<AuthToken, string> | undefined,
): Promise<Extract<Order, { kind: "token" }>> {
  try {
    return { kind: "token", token: (await token?.()) ?? "" };
  } catch (error) {
    return { kind: "token", failed: error instanceof Error ? error.message : String(error) };
  }
}

function received({ message, code, where, next }: Sent): Error {
  if (code === undefined) return new Error(message);
  return new LociError(code, message, {
    ...(where !== undefined && { where }),
    ...(next !== undefined && { next }),
  });
}
