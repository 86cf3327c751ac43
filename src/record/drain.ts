import { type ErrorCode, errorCode } from "../errors.ts";
import type { Reasons, Told } from "./account.ts";
import { OwnSpool, type OwnSpoolParts, settleEvery } from "./own-spool.ts";
import { Recovery } from "./recovery.ts";
import type { DrainStore } from "./write-lines.ts";

/** What the drain says to its recorder. */
export type DrainMessage =
  /** The answer to a flush: all is in the store, or the problem told before will not go away while one waits. */
  | { readonly kind: "flushed"; readonly id: number }
  | { readonly kind: "problem"; readonly code: ErrorCode | "unknown"; readonly sentence: string }
  | { readonly kind: "well" }
  | { readonly kind: "aside"; readonly path: string }
  | { readonly kind: "lost"; readonly reasons: Reasons };

export interface DrainParts extends Omit<OwnSpoolParts, "lost"> {
  readonly openStore: () => Promise<DrainStore>;
  readonly tell: (message: DrainMessage) => void;
}

/** Lines of a burst are written together: how long after the first of them. */
const gather = 20;
/** How much a loss of power may take: the spool goes to the disk this often while it grows. */
const syncEvery = 200;
/** How often it looks for what others left behind. */
const lookEvery = 30_000;

/** What a store answers that cannot be used as it is. */
const lasting: ReadonlySet<ErrorCode> = new Set(["config", "schema", "unsupported"]);

/** Brings one recorder's spool, and what processes that are no more left behind, into the store. */
export class Drain {
  readonly #parts: DrainParts;
  readonly #own: OwnSpool;
  readonly #recovery: Recovery;
  readonly #flushes: number[] = [];
  readonly #ended: Promise<void>;
  #store: DrainStore | undefined;
  #closing = false;
  #failures = 0;
  #woken = false;
  #wakeUp: (() => void) | undefined;

  constructor(parts: DrainParts) {
    this.#parts = parts;
    this.#own = new OwnSpool({ ...parts, lost: (reasons) => parts.tell({ kind: "lost", reasons }) });
    this.#recovery = new Recovery(parts.folder, parts.owner);
    this.#ended = this.#run();
  }

  wake(told: Told): void {
    this.#own.told(told);
    // In trouble, only somebody who waits may hurry us.
    if (this.#failures === 0) this.#wake();
  }

  /** Answers `flushed` when all that was in the spool at this moment stands in the store. */
  flush(id: number, told: Told): void {
    this.#own.told(told);
    this.#flushes.push(id);
    this.#wake();
  }

  /** Ends it; what is not in the store by now stays in the spool. */
  close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { now } = this.#parts;
    const syncing = setInterval(() => this.#own.sync(), syncEvery).unref();
    const looking = setInterval(() => {
      this.#own.touch();
      if (this.#recovery.look(now())) this.#wake();
    }, lookEvery).unref();
    this.#recovery.look(now());
    while (!this.#closing) {
      const more = await this.#attempt();
      if (this.#failures > 0) await this.#pause(backoff(this.#store !== undefined, this.#failures));
      else if (!more) await this.#rest();
    }
    clearInterval(syncing);
    clearInterval(looking);
    this.#recovery.close();
    await this.#own.close(this.#failures === 0 ? this.#store : undefined);
    await this.#closeStore();
  }

  /** One round that may fail. Answers whether there is more to do at once. */
  async #attempt(): Promise<boolean> {
    const { tell } = this.#parts;
    const asked = this.#flushes.length;
    try {
      const more = await this.#round();
      if (this.#failures > 0) tell({ kind: "well" });
      this.#failures = 0;
      return more;
    } catch (error) {
      this.#failures++;
      const code = errorCode(error);
      tell({
        kind: "problem",
        code: code ?? "unknown",
        sentence: error instanceof Error ? error.message : String(error),
      });
      if (code !== undefined && lasting.has(code)) this.#answer(asked);
      // A store that is damaged, or whose connection broke, is opened anew.
      if (code !== "busy") await this.#closeStore();
      return false;
    }
  }

  async #round(): Promise<boolean> {
    const store = await this.#openStore();
    // Flushes that come later wait for the next round: this one may have read past their lines.
    const asked = this.#flushes.length;
    await this.#own.drain(store, { stop: () => this.#closing, settle: asked > 0 });
    this.#answer(asked);
    const found = await this.#recovery.step(store, this.#parts.now());
    return found || this.#flushes.length > 0;
  }

  #answer(flushes: number): void {
    for (const id of this.#flushes.splice(0, flushes)) this.#parts.tell({ kind: "flushed", id });
  }

  async #openStore(): Promise<DrainStore> {
    if (this.#store?.current() === false) await this.#closeStore();
    if (this.#store === undefined) {
      this.#store = await this.#parts.openStore();
      const { aside } = this.#store;
      if (aside !== undefined) this.#parts.tell({ kind: "aside", path: aside });
    }
    return this.#store;
  }

  async #closeStore(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    try {
      await store?.close();
    } catch {
      // It was broken already.
    }
  }

  /** Nothing to do: until somebody has something. */
  async #rest(): Promise<void> {
    const { shared } = this.#parts;
    shared.sleep();
    // A line that came in between saw nobody asleep.
    if (!this.#own.grown()) await this.#pause(this.#own.unsettled() ? settleEvery : undefined);
    shared.awake();
    if (this.#flushes.length === 0) await this.#pause(gather);
  }

  #pause(ms: number | undefined): Promise<void> {
    if (this.#woken || this.#closing) {
      this.#woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#wakeUp?.(), ms).unref();
      this.#wakeUp = () => {
        clearTimeout(timer);
        this.#wakeUp = undefined;
        resolve();
      };
    });
  }

  #wake(): void {
    if (this.#wakeUp === undefined) this.#woken = true;
    else this.#wakeUp();
  }
}

/** From 50 ms to 2 s; where the store could not even be opened, from 1 s to 2 s. With jitter: others fail too. */
function backoff(opened: boolean, failures: number): number {
  const [first, longest] = opened ? [50, 2_000] : [1_000, 2_000];
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 10)) * (0.75 + Math.random() / 4);
}
