import { writeSync } from "node:fs";
import type { Happening } from "../model/happening.ts";
import { newId } from "../model/id.ts";
import { added, type Reasons, type Told } from "./account.ts";
import type { DrainMessage } from "./drain.ts";
import { DrainHandle } from "./drain-handle.ts";
import { thisProcess } from "./owner.ts";
import { listSpool } from "./leftovers.ts";
import { release } from "./recovery.ts";
import { withEnvFile } from "./redact-env.ts";
import { createRedactor, type Redactor, type RedactOptions } from "./redact.ts";
import { createShared, type Shared } from "./shared.ts";
import { createSpoolWriter, lineBytes, segmentBytes, type SpoolWriter } from "./spool.ts";
import { takeIn, tooLarge, Unfit } from "./take-in.ts";
import type { DrainStore } from "./write-lines.ts";

export interface RecorderOptions {
  /** The folder that happenings are in when `record()` returns. Made (0700) with the first one. */
  readonly spool: string;
  /** The store they are brought to, by a thread of the recorder's own; or one that this process has open. */
  readonly store: string | DrainStore;
  /** For a libSQL server; by default the thread looks for one in the environment. */
  readonly authToken?: string | undefined;
  /** Secrets are replaced before anything reaches the disk: rules and literal values of yours; `false` for none. */
  readonly redact?: RedactOptions | false;
  /** False: only the spool is written; another process brings it to the store. For processes that live for moments. */
  readonly drain?: boolean;
  /** Is told, in a sentence, when the store cannot be written; at most once an hour. Default: stderr. */
  readonly warn?: ((sentence: string) => void) | false;
  /** The spool takes no more than this, in bytes, while the store cannot be written. Default 4 GiB. */
  readonly spoolLimit?: number;
  /** The module whose `openDrainStore(url)` opens the store in the thread. */
  readonly opener?: string;
  readonly now?: () => number;
}

/** `noted = written + spooled + dropped`, always. */
export interface Tally {
  /** Calls of `record()`. */
  readonly noted: number;
  /** In the store. */
  readonly written: number;
  /** In the spool, and on their way. */
  readonly spooled: number;
  readonly dropped: number;
  /** How many were dropped for which reason. */
  readonly reasons: Reasons;
}

export interface Flushed extends Tally {
  /** Why not everything is in the store, when it is not. */
  readonly problem?: string;
}

export interface Recorder extends AsyncDisposable {
  /** The recorder's name in the spool and in the ledger. */
  readonly id: string;
  /** Its folder. */
  readonly spool: string;
  /**
   * Takes a happening in, and answers its id; undefined when it was dropped, which `tally` counts with the reason.
   * When it returns, the happening is in the spool and survives the end of this process. Never throws, never waits
   * for the store, changes nothing in the happening.
   */
  readonly record: (happening: Happening) => string | undefined;
  /** Resolves when everything noted so far is in the store, when `timeout` ms (30,000) have passed, or at once when the
   * store cannot be used as it is (another program's file, a newer schema). Never rejects. */
  readonly flush: (options?: { readonly timeout?: number }) => Promise<Flushed>;
  /** Flushes (for 10,000 ms unless told otherwise) and ends. What is not in the store by then, the next process brings there. */
  readonly close: (options?: { readonly timeout?: number }) => Promise<Flushed>;
  readonly tally: Tally;
  /** Replaced secrets, by rule. */
  readonly redactions: Reasons;
}

export function createRecorder(options: RecorderOptions): Recorder {
  return new SpoolingRecorder(options);
}

class SpoolingRecorder implements Recorder {
  readonly id: string = newId();
  readonly spool: string;
  readonly #limit: number;
  readonly #now: () => number;
  readonly #shared: Shared = createShared();
  readonly #redactor: Redactor;
  readonly #writer: SpoolWriter;
  readonly #warning: Warning;
  readonly #drain: DrainHandle | undefined;
  #noted = 0;
  #dropped = 0;
  #reasons: Reasons = {};
  #lost: Reasons = {};
  #problem: string | undefined;
  #closed: Promise<Flushed> | undefined;

  constructor({
    spool,
    store,
    redact,
    drain = true,
    warn,
    spoolLimit = 4 * 1024 ** 3,
    ...rest
  }: RecorderOptions) {
    const { authToken, now = Date.now, opener = new URL("../drain-store.js", import.meta.url).href } = rest;
    const owner = thisProcess();
    this.spool = spool;
    this.#limit = spoolLimit;
    this.#now = now;
    this.#redactor = createRedactor(redact === false ? { off: true } : withEnvFile(redact));
    this.#writer = createSpoolWriter(spool, this.id, owner);
    this.#warning = createWarning(warn);
    const told = (): Told => ({ noted: this.#noted, dropped: this.#dropped, reasons: this.#reasons });
    const heard = (message: DrainMessage): void => this.#hear(message);
    const parts = {
      folder: spool,
      recorder: this.id,
      owner,
      shared: this.#shared,
      store,
      authToken,
      opener,
      told,
      heard,
      now,
    };
    this.#drain = drain ? new DrainHandle(parts) : undefined;
  }

  // Properties, so that a program may pass them on by themselves.
  readonly record = (happening: Happening): string | undefined => {
    this.#noted++;
    try {
      return this.#take(happening);
    } catch (error) {
      const reason = spoolReason(error);
      this.#warning.hourly(`Loci: ${this.spool}: ${reason}, so what happens now is not recorded.`);
      return this.#drop(reason);
    }
  };

  readonly flush = async ({ timeout = 30_000 }: { readonly timeout?: number } = {}): Promise<Flushed> => {
    if (this.#noted > 0) await this.#drain?.flush(timeout);
    return this.#flushed(timeout);
  };

  readonly close = ({ timeout = 10_000 }: { readonly timeout?: number } = {}): Promise<Flushed> =>
    (this.#closed ??= this.#end(timeout));

  [Symbol.asyncDispose] = async (): Promise<void> => void (await this.close());

  get tally(): Tally {
    // A line is counted as written after it was noted, so these are read first.
    const lost = this.#shared.lost();
    const written = this.#shared.written();
    const dropped = this.#dropped + lost;
    const spooled = this.#noted - written - dropped;
    return { noted: this.#noted, written, spooled, dropped, reasons: { ...this.#reasons, ...this.#lost } };
  }

  get redactions(): Reasons {
    return this.#redactor.counts;
  }

  #take(happening: Happening): string | undefined {
    if (this.#closed !== undefined) return this.#drop("closed");
    const taken = takeIn(happening, Math.trunc(this.#now()), this.#redactor.line);
    if (taken instanceof Unfit) return this.#drop(taken.reason);
    if (taken.json.length > lineBytes) return this.#drop(tooLarge);
    if (this.#isFull()) return this.#drop("the spool is full");
    const line = taken.clean ? taken.json : this.#redactor.line(taken.json);
    this.#writer.append(this.#noted, this.#dropped, line);
    const segment = this.#writer.segment();
    if (segment !== this.#shared.segment()) this.#shared.begin(segment);
    this.#drain?.appended();
    return taken.id;
  }

  #drop(reason: string): undefined {
    this.#dropped++;
    this.#reasons = added(this.#reasons, reason, 1);
  }

  /** The next line would begin a segment that the limit has no room for. */
  #isFull(): boolean {
    if (this.#writer.size() < segmentBytes) return false;
    const waiting = this.#writer.segment() - Math.max(1, this.#shared.finished()) + 1;
    return (waiting + 1) * segmentBytes > this.#limit;
  }

  #hear(message: DrainMessage): void {
    if (message.kind === "well") this.#problem = undefined;
    if (message.kind === "lost") this.#lost = message.reasons;
    if (message.kind === "aside") {
      this.#warning.now(
        `Loci: the store was damaged. It is kept as ${message.path}, and a new one was begun.`,
      );
    }
    if (message.kind !== "problem") return;
    this.#problem = message.sentence;
    // A lock is over in a moment; everything else wants somebody to look.
    if (message.code === "busy") return;
    this.#warning.hourly(`Loci: what is recorded waits in ${this.spool}, because: ${message.sentence}`);
  }

  #flushed(timeout: number): Flushed {
    const tally = this.tally;
    if (tally.spooled === 0) return tally;
    return { ...tally, problem: this.#problem ?? `The store was not ready within ${timeout} ms.` };
  }

  async #end(timeout: number): Promise<Flushed> {
    if (this.#noted > 0) await this.#drain?.flush(timeout);
    await this.#drain?.close();
    this.#writer.close();
    // What is still there is anybody's from now on.
    for (const file of listSpool(this.spool)) if (file.recorder === this.id) release(file);
    return this.#flushed(timeout);
  }
}

const warnEvery = 3_600_000;

interface Warning {
  readonly now: (sentence: string) => void;
  readonly hourly: (sentence: string) => void;
}

function createWarning(warn: RecorderOptions["warn"]): Warning {
  let last = Number.NEGATIVE_INFINITY;
  const say = (sentence: string): void => {
    if (warn === false) return;
    try {
      // Not process.stderr: where nobody reads it any more, that ends the host with an error event.
      if (warn === undefined) writeSync(2, `${sentence}\n`);
      else warn(sentence);
    } catch {
      // A closed stderr, or a function of the host's that throws.
    }
  };
  return {
    now: say,
    hourly(sentence) {
      if (performance.now() - last < warnEvery) return;
      last = performance.now();
      say(sentence);
    },
  };
}

function spoolReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  return code === "" ? "the spool cannot be written" : `the spool cannot be written (${code})`;
}
