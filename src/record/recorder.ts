import type { ErrorCode } from "../errors.ts";
import type { Happening } from "../model/happening.ts";
import { newId } from "../model/id.ts";
import { added, type Reasons, type Told } from "./account.ts";
import { createDrainHandle, type DrainHandle } from "./drain-handle.ts";
import { thisProcess } from "./owner.ts";
import { listSpool } from "./leftovers.ts";
import { release } from "./recovery.ts";
import { createRedactor, type RedactOptions } from "./redact.ts";
import { createShared } from "./shared.ts";
import { createSpoolWriter, lineBytes, segmentBytes } from "./spool.ts";
import { takeIn, Unfit } from "./take-in.ts";
import type { DrainStore } from "./write-lines.ts";

export interface RecorderOptions {
  /** The folder that happenings are in when `record()` returns. Made (0700) with the first one. */
  readonly spool: string;
  /** The store they are brought to, by a thread of the recorder's own; or one that this process has open. */
  readonly store: string | DrainStore;
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
  /**
   * Takes a happening in, and answers its id; undefined when it was dropped, which `tally` counts with the reason.
   * When it returns, the happening is in the spool and survives the end of this process. Never throws, never waits
   * for the store, changes nothing in the happening.
   */
  record(happening: Happening): string | undefined;
  /** Resolves when everything noted so far is in the store, or when `timeout` ms (30,000) have passed. Never rejects. */
  flush(options?: { readonly timeout?: number }): Promise<Flushed>;
  /** Flushes (for 10,000 ms unless told otherwise) and ends. What is not in the store by then, the next process brings there. */
  close(options?: { readonly timeout?: number }): Promise<Flushed>;
  readonly tally: Tally;
  /** Replaced secrets, by rule. */
  readonly redactions: Reasons;
}

const warnEvery = 3_600_000;

export function createRecorder(options: RecorderOptions): Recorder {
  const { spool, now = Date.now, redact, spoolLimit = 4 * 1024 ** 3 } = options;
  const id = newId();
  const owner = thisProcess();
  const shared = createShared();
  const redactor = createRedactor(redact === false ? { off: true } : redact);
  const writer = createSpoolWriter(spool, id, owner);
  const warn = createWarning(options.warn);
  let noted = 0;
  let dropped = 0;
  let reasons: Reasons = {};
  let lost: Reasons = {};
  let problem: string | undefined;
  let closed: Promise<Flushed> | undefined;

  const told = (): Told => ({ noted, dropped, reasons });
  const drain: DrainHandle | undefined =
    options.drain === false
      ? undefined
      : createDrainHandle({
          ...{ folder: spool, recorder: id, owner, shared, now, told, store: options.store },
          opener: options.opener ?? new URL("../drain-store.js", import.meta.url).href,
          heard(message) {
            if (message.kind === "well") problem = undefined;
            else if (message.kind === "lost") lost = message.reasons;
            else if (message.kind === "aside") {
              warn.now(
                `Loci: the store was damaged. It was put aside as ${message.path}, and a new one was begun.`,
              );
            } else if (message.kind === "problem") {
              problem = message.sentence;
              if (isLasting(message.code)) {
                warn.hourly(
                  `Loci: the store cannot be written, so what is recorded waits in ${spool}. ${problem}`,
                );
              }
            }
          },
        });

  function drop(reason: string): undefined {
    dropped++;
    reasons = added(reasons, reason, 1);
    return undefined;
  }

  function record(happening: Happening): string | undefined {
    noted++;
    try {
      if (closed !== undefined) return drop("closed");
      const taken = takeIn(happening, Math.trunc(now()));
      if (taken instanceof Unfit) return drop(taken.reason);
      if (taken.json.length > lineBytes) return drop("larger than 16 MiB");
      const full = (writer.segment() - shared.finished() + 1) * segmentBytes > spoolLimit;
      if (full && writer.size() >= segmentBytes) return drop("the spool is full");
      writer.append(noted, dropped, redactor.line(taken.json));
      if (writer.segment() !== shared.segment()) shared.begin(writer.segment());
      drain?.appended();
      return taken.id;
    } catch (error) {
      const reason = spoolReason(error);
      warn.hourly(`Loci: ${spool} cannot be written (${reason}), so nothing is recorded.`);
      return drop(reason);
    }
  }

  function tally(): Tally {
    // In this order: a line is counted as written after it was noted.
    const gone = shared.lost();
    const written = shared.written();
    const all = dropped + gone;
    return { noted, written, spooled: noted - written - all, dropped: all, reasons: { ...reasons, ...lost } };
  }

  async function flush({ timeout = 30_000 }: { readonly timeout?: number } = {}): Promise<Flushed> {
    const before = tally();
    if (before.spooled > 0 || before.noted > 0) await drain?.flush(timeout);
    const after = tally();
    if (after.spooled === 0) return after;
    return { ...after, problem: problem ?? `The store was not ready within ${timeout} ms.` };
  }

  async function end(timeout: number): Promise<Flushed> {
    const flushed = await flush({ timeout });
    await drain?.close();
    writer.close();
    // What is still there is anybody's from now on.
    for (const file of listSpool(spool)) if (file.recorder === id) release(file);
    const last = tally();
    return last.spooled === 0 ? last : { ...flushed, ...last };
  }

  const close = ({ timeout = 10_000 }: { readonly timeout?: number } = {}): Promise<Flushed> =>
    (closed ??= end(timeout));
  return {
    id,
    record,
    flush,
    close,
    get tally() {
      return tally();
    },
    get redactions() {
      return redactor.counts;
    },
    [Symbol.asyncDispose]: async () => void (await close()),
  };
}

interface Warning {
  readonly now: (sentence: string) => void;
  readonly hourly: (sentence: string) => void;
}

function createWarning(warn: RecorderOptions["warn"]): Warning {
  let last = Number.NEGATIVE_INFINITY;
  const say = (sentence: string): void => {
    if (warn === false) return;
    try {
      if (warn === undefined) process.stderr.write(`${sentence}\n`);
      else warn(sentence);
    } catch {
      // A host whose own function throws, or that closed its stderr: it still must not be hurt.
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

/** A lock is over in a moment; everything else wants somebody to look. */
function isLasting(code: ErrorCode | "unknown"): boolean {
  return code !== "busy";
}

function spoolReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  return code === "" ? "the spool cannot be written" : `the spool cannot be written (${code})`;
}
