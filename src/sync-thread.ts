import { parentPort, workerData } from "node:worker_threads";
import { errorCode, LociError } from "./errors.ts";
import { describePlace, toPlace } from "./place.ts";
import { openStore } from "./store.ts";
import { createLink, type Link, type LinkParts } from "./sync/link/run.ts";
import type { Order, Sent, SyncThreadData, Told } from "./sync-handle.ts";
import { linkParts } from "./sync-link.ts";

if (parentPort !== null && isOurs(workerData)) serve(parentPort, workerData.sync);

function isOurs(data: unknown): data is { readonly sync: SyncThreadData } {
  return typeof data === "object" && data !== null && "sync" in data;
}

function serve(port: NonNullable<typeof parentPort>, data: SyncThreadData): void {
  const running = new Map<number, AbortController>();
  let asked: ((order: Extract<Order, { kind: "token" }>) => void) | undefined;
  let link: Promise<Link> | undefined;
  let turn: Promise<void> = Promise.resolve();
  let closeOwn = async (): Promise<void> => undefined;

  const askToken = (): Promise<string> =>
    new Promise((resolve, reject) => {
      asked = ({ token, failed }) =>
        failed === undefined ? resolve(token ?? "") : reject(new Error(failed));
      port.postMessage({ kind: "token" } satisfies Told);
    });
  const open = async (): Promise<Link> => {
    const { engine, close } = await openStore(data.url, {
      authToken: data.authToken,
      inThread: true,
      queries: false,
    });
    closeOwn = close;
    const { url, authToken, asks } = data.hub;
    const openHub = async (): Promise<LinkParts["own"]> =>
      (await openStore(url, { authToken: asks ? askToken : authToken, inThread: true, queries: false }))
        .engine;
    return createLink(linkParts(data, { own: engine, openHub, place: describePlace(toPlace(url)) }));
  };
  const doTask = async ({ id, task, mode, rows }: Extract<Order, { kind: "begin" }>): Promise<void> => {
    const signal = running.get(id)?.signal;
    try {
      // A store that could not be opened is tried again the next time.
      link ??= open();
      link.catch(() => (link = undefined));
      const ready = await link;
      const result = await (task === "verify"
        ? ready.verify(mode, { signal, rows })
        : ready[task](mode, { signal }));
      port.postMessage({ kind: "done", id, result } satisfies Told);
    } catch (error) {
      port.postMessage({ kind: "failed", id, error: sent(error) } satisfies Told);
    } finally {
      running.delete(id);
    }
  };
  port.on("message", (order: Order) => {
    if (order.kind === "token") return asked?.(order);
    if (order.kind === "cancel") return running.get(order.id)?.abort();
    if (order.kind === "begin") {
      running.set(order.id, new AbortController());
      turn = turn.then(() => doTask(order));
      return;
    }
    for (const one of running.values()) one.abort();
    void turn
      .then(async () => (await link)?.close())
      .then(closeOwn)
      .catch(() => undefined)
      .finally(() => port.close());
  });
}

function sent(error: unknown): Sent {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const { where, next } = error instanceof LociError ? error : { where: undefined, next: undefined };
  return { message, code: errorCode(error), where, next };
}
