import type { Millis } from "../model/collection.ts";
import type { Happening } from "../model/happening.ts";
import type { Recorder } from "../record/recorder.ts";
import type { After } from "./report.ts";

export interface ScheduleParts {
  /** One sync. What went wrong stands in the status. */
  readonly run: () => Promise<unknown>;
  readonly every: Millis | undefined;
  readonly after: After;
  readonly random: () => number;
}

/** Runs a sync when something asks for one; one at a time, and whoever asks meanwhile is in the next. */
export interface Schedule {
  /** Begins one, or the next; answers when it is over, however it went. */
  soon(): Promise<void>;
  /** When all that was asked for is over. */
  settled(): Promise<void>;
  stop(): void;
}

/** So many intervals at most between two tries of a hub that cannot be reached, and so long. */
const longestBackoff = 5;
const longestWait: Millis = 300_000;

export function createSchedule({ run, every, after, random }: ScheduleParts): Schedule {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let failures = 0;
  let cancel = (): void => undefined;
  let stopped = false;

  const once = async (): Promise<void> => {
    try {
      await run();
      failures = 0;
    } catch {
      failures++;
    }
  };
  const begin = (): Promise<void> => {
    const turn = once().finally(() => {
      if (running === turn) running = undefined;
    });
    running = turn;
    return turn;
  };
  const soon = (): Promise<void> => {
    if (stopped) return Promise.resolve();
    if (running === undefined) return begin();
    return (next ??= running.then(() => {
      next = undefined;
      return begin();
    }));
  };
  const wait = (): void => {
    if (every === undefined || stopped) return;
    const backoff = 2 ** Math.min(failures, longestBackoff);
    const ms = failures === 0 ? every : Math.max(every, Math.min(longestWait, every * backoff));
    // Many spokes were cut off at once, and must not come back at once.
    cancel = after(Math.round(ms * (0.75 + random() / 2)), () => void soon().then(wait));
  };
  if (every !== undefined) cancel = after(0, () => void soon().then(wait));
  return {
    soon,
    async settled() {
      while (running !== undefined || next !== undefined) await (next ?? running);
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** Whether this happening is the end of a session. Whatever the happening does when it is asked. */
export function endsSession(happening: Happening): boolean {
  try {
    if (happening.kind !== "session") return false;
    const { status, endedAt } = happening;
    return (status !== undefined && status !== "running") || (endedAt !== undefined && endedAt !== null);
  } catch {
    return false;
  }
}

/**
 * The same recorder; when a session ends, what was recorded goes to the store and a sync begins. Nobody waits for it but
 * `close`, and not longer than it waits for the store.
 */
export function syncAtSessionEnd(recorder: Recorder, schedule: Schedule, after: After): Recorder {
  let begun = Promise.resolve();
  const sync = async (): Promise<void> => {
    await recorder.flush();
    await schedule.soon();
  };
  const record = (happening: Happening): string | undefined => {
    const id = recorder.record(happening);
    if (id !== undefined && endsSession(happening))
      begun = Promise.all([begun, sync()]).then(() => undefined);
    return id;
  };
  const close: Recorder["close"] = async (options = {}) => {
    const { timeout = 10_000 } = options;
    const flushed = await recorder.close(options);
    await within(begun, timeout, after);
    return flushed;
  };
  return {
    id: recorder.id,
    spool: recorder.spool,
    record,
    flush: recorder.flush,
    close,
    get tally() {
      return recorder.tally;
    },
    get redactions() {
      return recorder.redactions;
    },
    [Symbol.asyncDispose]: async () => void (await close()),
  };
}

/** Waits for it, but no longer than that. */
export function within(work: Promise<unknown>, wait: Millis, after: After): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(wait, resolve);
    const end = (): void => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}
