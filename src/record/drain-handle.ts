import { Worker } from "node:worker_threads";
import type { Told } from "./account.ts";
import { createDrain, type Drain, type DrainMessage } from "./drain.ts";
import type { DrainOrder, DrainThreadData } from "./drain-thread.ts";
import type { Owner } from "./owner.ts";
import type { Shared } from "./shared.ts";
import type { DrainStore } from "./write-lines.ts";

export interface DrainHandleParts {
  readonly folder: string;
  readonly recorder: string;
  readonly owner: Owner;
  readonly shared: Shared;
  readonly store: string | DrainStore;
  readonly opener: string;
  readonly told: () => Told;
  readonly heard: (message: DrainMessage) => void;
  readonly now: () => number;
}

/** The recorder's end of its drain. */
export interface DrainHandle {
  /** A line came. Costs nothing while the drain is awake. Never throws. */
  readonly appended: () => void;
  /** Resolves when all lines are in the store, or after so many ms, or when the drain cannot go on. */
  readonly flush: (timeout: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What takes orders: a thread, or a drain in this one. */
interface Runner {
  readonly order: (order: DrainOrder) => void;
  /** While somebody waits for it, it keeps the process alive; otherwise never. */
  readonly hold: (held: boolean) => void;
  readonly ended: Promise<void>;
}

/** A process of a few moments never pays for a thread: it is started this long after the first line. */
const startAfter = 20;
/** A thread that broke is started anew, but not in a circle. */
const restartAfter = 5_000;
/** Longer than any batch; a store that hangs must not hold the process. */
const closeWithin = 2_000;

export function createDrainHandle(parts: DrainHandleParts): DrainHandle {
  const { shared, told } = parts;
  let runner: Runner | undefined;
  let starting: NodeJS.Timeout | undefined;
  let closed = false;
  let wait = startAfter;
  let flushes = 0;
  const waiting = new Map<number, () => void>();

  function heard(message: DrainMessage): void {
    if (message.kind === "flushed") waiting.get(message.id)?.();
    else parts.heard(message);
  }

  function start(): Runner {
    clearTimeout(starting);
    starting = undefined;
    const begun =
      typeof parts.store === "string"
        ? startThread(parts, parts.store, heard)
        : startHere(parts, parts.store, heard);
    runner = begun;
    wait = restartAfter;
    void begun.ended.then(() => {
      if (runner === begun) runner = undefined;
      for (const done of waiting.values()) done();
    });
    return begun;
  }

  function startSoon(): void {
    if (starting !== undefined || closed) return;
    starting = setTimeout(() => {
      starting = undefined;
      try {
        start();
      } catch (error) {
        heard({
          kind: "problem",
          code: "unknown",
          sentence: `The recorder's thread does not start: ${String(error)}`,
        });
      }
    }, wait).unref();
  }

  return {
    appended() {
      if (runner === undefined) startSoon();
      else if (shared.awake()) runner.order({ kind: "wake", told: told() });
    },
    async flush(timeout) {
      const id = ++flushes;
      const running = runner ?? start();
      running.hold(true);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        waiting.set(id, () => {
          clearTimeout(timer);
          resolve();
        });
        running.order({ kind: "flush", id, told: told() });
      });
      waiting.delete(id);
      if (waiting.size === 0) running.hold(false);
    },
    async close() {
      closed = true;
      clearTimeout(starting);
      if (runner === undefined) return;
      const { ended, order, hold } = runner;
      hold(true);
      order({ kind: "close" });
      await ended;
    },
  };
}

function startThread(parts: DrainHandleParts, store: string, heard: (message: DrainMessage) => void): Runner {
  const { folder, recorder, opener, shared } = parts;
  const data: DrainThreadData = { folder, recorder, opener, store, memory: shared.memory };
  const worker = new Worker(new URL("./drain-thread.js", import.meta.url), {
    workerData: data,
    // The host's own flags (a debugger, a loader) are not for this thread.
    execArgv: [],
  });
  let stopping: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      clearTimeout(stopping);
      resolve();
    });
  });
  worker.on("message", heard);
  worker.on("error", (error) => {
    heard({ kind: "problem", code: "unknown", sentence: `The recorder's thread ended: ${String(error)}` });
  });
  worker.unref();
  return {
    order(order) {
      worker.postMessage(order);
      if (order.kind === "close") stopping = setTimeout(() => void worker.terminate(), closeWithin);
    },
    hold: (held) => (held ? worker.ref() : worker.unref()),
    ended,
  };
}

/** In this thread, over a store that is open already: its calls do not block, and it stays open afterwards. */
function startHere(
  parts: DrainHandleParts,
  store: DrainStore,
  heard: (message: DrainMessage) => void,
): Runner {
  const { folder, recorder, owner, shared, now } = parts;
  const lent = { ...store, close: async () => undefined };
  const drain: Drain = createDrain({
    ...{ folder, recorder, owner, shared, now },
    openStore: async () => lent,
    tell: heard,
  });
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    order(order) {
      if (order.kind === "wake") drain.wake(order.told);
      else if (order.kind === "flush") drain.flush(order.id, order.told);
      else void drain.close().finally(end);
    },
    hold: () => undefined,
    ended,
  };
}
