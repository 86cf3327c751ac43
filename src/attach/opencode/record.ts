import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { Recorder } from "../../record/recorder.ts";
import { objectOf, textOf } from "../../record/sources/claude-code/line.ts";
import { type OpencodeApi, opencodeApi } from "./api.ts";
import { catchUp } from "./catch-up.ts";
import { type Cursor, cursorFile, openCursor } from "./cursor.ts";
import { Intake, type OpencodeFilter } from "./intake.ts";

export interface RecordOpencodeOptions extends OpencodeFilter {
  readonly recorder: Pick<Recorder, "record" | "spool">;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Told, in a sentence, when the server cannot be reached, once until it is there again. Default: a warning. */
  readonly onProblem?: (sentence: string) => void;
  readonly now?: () => number;
}

/** A server of OpenCode that is being recorded. */
export interface OpencodeRecording extends AsyncDisposable {
  /** Its events are being heard. */
  readonly connected: boolean;
  /**
   * Resolves when everything that the server had written down until now was given to the recorder, with true; with
   * false when the server was not to be reached for `timeout` ms (10,000). Never rejects.
   */
  settled(options?: { readonly timeout?: number }): Promise<boolean>;
  /** Catches up once more (for 3,000 ms at most) and ends. Never rejects. */
  close(options?: { readonly timeout?: number }): Promise<void>;
}

/** From 100 ms to 10 s, with jitter. */
const backoff = (failures: number): number =>
  Math.min(10_000, 100 * 2 ** Math.min(failures, 10)) * (0.75 + Math.random() / 4);
/** So many times it cannot be reached, and it is gone. */
const goneAfter = 3;
const saveEvery = 500;

/**
 * Records what a server of OpenCode does: `client` is that of OpenCode's SDK, or `{ url }`. Whatever happens to the
 * server, the connection or the store, this throws nothing and holds nothing up.
 */
export function recordOpencode(client: unknown, options: RecordOpencodeOptions): OpencodeRecording {
  const recording = new Recording(options);
  recording.start(client);
  return recording;
}

class Recording implements OpencodeRecording {
  readonly #options: RecordOpencodeOptions;
  readonly #stop = new AbortController();
  #api: OpencodeApi | undefined;
  #intake: Intake | undefined;
  #cursor: Cursor | undefined;
  #directory: string | undefined;
  #connected = false;
  #told = false;
  #done = false;
  #saving: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** What is done with the tables is done one after another. */
  #work: Promise<unknown> = Promise.resolve();
  #listeners: Array<() => void> = [];

  constructor(options: RecordOpencodeOptions) {
    this.#options = options;
    options.signal?.addEventListener("abort", () => void this.close({ timeout: 0 }), { once: true });
  }

  get connected(): boolean {
    return this.#connected;
  }

  start(client: unknown): void {
    try {
      const { recorder, now = Date.now, session } = this.#options;
      const api = opencodeApi(client);
      this.#api = api;
      this.#directory = realFolder(this.#options.directory ?? api.directory);
      const record = recorder.record;
      this.#intake = new Intake({ record, ask: api.ask, now, directory: this.#directory, session });
      this.#ended = this.#run(api);
    } catch (error) {
      this.#problem(error);
    }
  }

  settled = async ({ timeout = 10_000 }: { readonly timeout?: number } = {}): Promise<boolean> => {
    const until = performance.now() + timeout;
    while (!this.#connected && this.#closing === undefined && performance.now() < until) {
      // Somebody waits for the answer: the process has to live until it is there.
      await this.#changed(until - performance.now(), true);
    }
    if (!this.#connected) return false;
    return within(
      this.#serially(() => this.#catchUp()),
      Math.max(1, until - performance.now()),
    );
  };

  close = ({ timeout = 3_000 }: { readonly timeout?: number } = {}): Promise<void> =>
    (this.#closing ??= this.#end(timeout));

  [Symbol.asyncDispose] = (): Promise<void> => this.close();

  async #end(timeout: number): Promise<void> {
    const last = async (): Promise<void> => {
      await this.#catchUp();
      // What is still on its way is older than what was just asked for.
      this.#done = true;
    };
    if (this.#connected && timeout > 0) await within(this.#serially(last), timeout);
    this.#done = true;
    this.#stop.abort();
    this.#notify();
    await within(this.#ended, 1_000);
    clearTimeout(this.#saving);
    this.#cursor?.save();
  }

  async #run(api: OpencodeApi): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        for await (const value of await api.events(this.#stop.signal)) {
          // What it says first, it says when it hears us: from now on nothing is missed.
          if (!this.#connected) await this.#serially(() => this.#catchUp());
          failures = 0;
          this.#isConnected(true);
          await this.#serially(() => this.#take(value)).catch(() => undefined);
        }
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#problem(error);
      }
      this.#isConnected(false);
      failures++;
      if (failures === goneAfter) await this.#serially(async () => this.#intake?.gone());
      if (!this.#stop.signal.aborted) await this.#changed(backoff(failures));
    }
  }

  async #take(value: unknown): Promise<void> {
    if (this.#done) return;
    const payload = objectOf(objectOf(value)?.["payload"]) ?? objectOf(value);
    const durable = payload?.["type"] === "sync" ? objectOf(payload["syncEvent"]) : undefined;
    if (durable === undefined) {
      await this.#intake?.take(value);
      return;
    }
    // The same event once more, with its number: it is behind us when it was recorded.
    const taken =
      this.#intake?.saw(textOf(durable["id"]) ?? "") === true || (await this.#intake?.take(durable)) === true;
    const { aggregateID: id, seq } = durable;
    if (taken && typeof id === "string" && typeof seq === "number") this.#cursor?.note(id, seq);
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined;
      this.#cursor?.save();
    }, saveEvery).unref();
  }

  async #catchUp(): Promise<void> {
    const [api, intake] = [this.#api, this.#intake];
    if (api?.ask === undefined || intake === undefined) return;
    this.#cursor ??= await this.#openCursor(api, api.ask);
    await catchUp({ ask: api.ask, intake, cursor: this.#cursor, directory: this.#directory });
    this.#cursor.save();
  }

  /** The numbers belong to the data of a server, which comes back at another port. */
  async #openCursor({ name }: OpencodeApi, ask: NonNullable<OpencodeApi["ask"]>): Promise<Cursor> {
    const { recorder, session = "", now = Date.now } = this.#options;
    const paths = await ask("/path").catch(() => undefined);
    const state = textOf(objectOf(paths?.body)?.["state"]);
    const where = state === undefined ? name : `${name.replace(/:\d+$/, "")} ${state}`;
    return openCursor(cursorFile(recorder.spool, where, this.#directory ?? "", session), now());
  }

  #serially(work: () => Promise<unknown>): Promise<unknown> {
    const done = this.#work.then(work);
    this.#work = done.catch((error: unknown) => this.#problem(error));
    return done;
  }

  #isConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (connected) this.#told = false;
    this.#notify();
  }

  #notify(): void {
    for (const heard of this.#listeners.splice(0)) heard();
  }

  /** Until something changed, or for so long. */
  #changed(ms: number, isAwaited = false): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      if (!isAwaited) timer.unref();
      this.#listeners.push(() => {
        clearTimeout(timer);
        done();
      });
    });
  }

  #problem(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const reason = error instanceof Error ? error.message : String(error);
    const sentence = `Loci does not hear OpenCode${this.#api === undefined ? "" : ` at ${this.#api.name}`}: ${reason}`;
    try {
      if (this.#options.onProblem === undefined) process.emitWarning(sentence);
      else this.#options.onProblem(sentence);
    } catch {
      // A function of the host's that throws is the host's own trouble.
    }
  }
}

/** True when it was done in time, and did not fail. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((done) => {
    timer = setTimeout(() => done(false), ms);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  const answer = await Promise.race([done, late]);
  clearTimeout(timer);
  return answer;
}

/** As OpenCode names it. */
function realFolder(folder: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}
