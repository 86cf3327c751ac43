import { Worker } from "node:worker_threads";
import type { Told } from "./account.ts";
import { Drain, type DrainMessage } from "./drain.ts";
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
  readonly authToken?: string | undefined;
  readonly opener: string;
  readonly told: () => Told;
  readonly heard: (message: DrainMessage) => void;
  readonly now: () => number;
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

/** The recorder's end of its drain. */
export class DrainHandle {
  readonly #parts: DrainHandleParts;
  readonly #waiting = new Map<number, () => void>();
  #runner: Runner | undefined;
  #starting: NodeJS.Timeout | undefined;
  #closed = false;
  #wait = startAfter;
  #flushes = 0;

  constructor(parts: DrainHandleParts) {
    this.#parts = parts;
  }

  /** A line came. Costs nothing while the drain is awake. Never throws. */
  appended(): void {
    if (this.#runner === undefined) this.#startSoon();
    else if (this.#parts.shared.awake()) this.#runner.order({ kind: "wake", told: this.#parts.told() });
  }

  /** Resolves when all lines are in the store, or after so many ms, or when the drain cannot go on. */
  async flush(timeout: number): Promise<void> {
    const id = ++this.#flushes;
    const runner = this.#runner ?? this.#start();
    runner.hold(true);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout);
      this.#waiting.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      runner.order({ kind: "flush", id, told: this.#parts.told() });
    });
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) runner.hold(false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#starting);
    const runner = this.#runner;
    if (runner === undefined) return;
    runner.hold(true);
    runner.order({ kind: "close" });
    await runner.ended;
  }

  #startSoon(): void {
    if (this.#starting !== undefined || this.#closed) return;
    this.#starting = setTimeout(() => {
      try {
        this.#start();
      } catch (error) {
        const sentence = `The recorder's thread does not start: ${String(error)}`;
        this.#parts.heard({ kind: "problem", code: "unknown", sentence });
      }
    }, this.#wait).unref();
  }

  #start(): Runner {
    clearTimeout(this.#starting);
    this.#starting = undefined;
    this.#wait = restartAfter;
    const { store } = this.#parts;
    const heard = (message: DrainMessage): void => this.#hear(message);
    const runner =
      typeof store === "string"
        ? startThread(this.#parts, store, heard)
        : startHere(this.#parts, store, heard);
    this.#runner = runner;
    void this.#clearAfter(runner);
    return runner;
  }

  async #clearAfter(runner: Runner): Promise<void> {
    await runner.ended;
    if (this.#runner === runner) this.#runner = undefined;
    for (const resolve of this.#waiting.values()) resolve();
  }

  #hear(message: DrainMessage): void {
    if (message.kind === "flushed") this.#waiting.get(message.id)?.();
    else this.#parts.heard(message);
  }
}

function startThread(parts: DrainHandleParts, store: string, heard: (message: DrainMessage) => void): Runner {
  const { folder, recorder, opener, shared, authToken } = parts;
  const data: DrainThreadData = { folder, recorder, opener, store, authToken, memory: shared.memory };
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
  const drain = new Drain({
    folder,
    recorder,
    owner,
    shared,
    now,
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
