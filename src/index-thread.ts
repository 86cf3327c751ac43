import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { createSearch } from "./domains/search/search.ts";
import { openStore } from "./store.ts";

/** Makes messages searchable in a thread of its own, while this one goes on writing them. */
export interface IndexThread {
  /** Does what is left, and ends. Rejects where the thread could not: the caller can do it itself. */
  finish(onProgress?: (messages: number) => void): Promise<void>;
  /** Ends after what was begun. */
  stop(): void;
}

/** How long the thread waits when there is nothing to do yet. */
const idle = 200;

export function startIndexThread(url: string): IndexThread {
  const thread = new Worker(new URL("./index-thread.js", import.meta.url), { workerData: url });
  let told: ((messages: number) => void) | undefined;
  thread.on("message", (messages: number) => told?.(messages));
  const ended = new Promise<void>((resolve, reject) => {
    thread.once("error", reject);
    thread.once("exit", () => resolve());
  });
  // Whoever calls `finish` is told; where nobody does, there is nobody to tell.
  ended.catch(() => undefined);
  return {
    finish(onProgress) {
      told = onProgress;
      thread.postMessage("finish");
      return ended;
    },
    stop: () => thread.postMessage("stop"),
  };
}

if (parentPort !== null && typeof workerData === "string") await serve(parentPort, workerData);

async function serve(port: NonNullable<typeof parentPort>, url: string): Promise<void> {
  const stopping = new AbortController();
  let finishing = false;
  port.on("message", (order: "finish" | "stop") => {
    if (order === "finish") finishing = true;
    else stopping.abort();
  });
  const store = await openStore(url, { inThread: true });
  try {
    const search = createSearch({ store: store.engine, index: await store.index() });
    let before = 0;
    while (!stopping.signal.aborted) {
      // Asked before the work: what was written before the order is then in it.
      const last = finishing;
      const { messages } = await search.catchUp({
        signal: stopping.signal,
        onProgress: (done) => port.postMessage(before + done.messages),
      });
      before += messages;
      if (last) break;
      if (messages === 0) await sleep(idle);
    }
  } finally {
    await store.close();
    port.close();
  }
}
