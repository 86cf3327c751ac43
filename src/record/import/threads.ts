import { Worker } from "node:worker_threads";
import { type ErrorCode, LociError } from "../../errors.ts";
import type { Batch, FromThread, Job, ReadJob, Scan, ScanJob } from "./job.ts";

export interface Threads extends AsyncDisposable {
  scan(job: ScanJob): Promise<Scan>;
  /** Reads a file; `write` is awaited for each batch, in order, before the thread runs further ahead. */
  read(job: ReadJob, write: (batch: Batch) => Promise<void>): Promise<void>;
}

interface Task {
  readonly job: Job;
  onMessage(message: FromThread, worker: Worker): void;
  fail(error: Error): void;
}

/** A few threads and a queue: each takes the next job when it is done with one. */
export function createThreads(count: number): Threads {
  const pool = createPool(count);
  return {
    scan: (job) =>
      new Promise((resolve, reject) => {
        pool.submit({
          job,
          onMessage: (message) => {
            if (message.kind === "scan") resolve(message.scan);
            else if (message.kind === "failed") reject(failure(job.path, message));
          },
          fail: reject,
        });
      }),
    read: (job, write) =>
      new Promise((resolve, reject) => {
        let writes: Promise<void> = Promise.resolve();
        pool.submit({
          job,
          onMessage: (message, worker) => {
            if (message.kind === "batch") {
              writes = writes.then(() => write(message.batch));
              // A failed write ends the job; the thread is not let on.
              writes.then(() => worker.postMessage({ kind: "taken" }), reject);
            } else if (message.kind === "done") writes.then(resolve, reject);
            else if (message.kind === "failed") reject(failure(job.path, message));
          },
          fail: reject,
        });
      }),
    [Symbol.asyncDispose]: pool.close,
  };
}

interface Pool {
  submit(task: Task): void;
  readonly close: () => Promise<void>;
}

function createPool(count: number): Pool {
  const queue: Task[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Task>();
  const all: Worker[] = [];
  let closed = false;

  function start(): Worker {
    // The young generation is kept small: 383 MB instead of 410 for 483 MB of transcripts, in the same time.
    const resourceLimits = { maxYoungGenerationSizeMb: 24 };
    const worker = new Worker(new URL("./thread.js", import.meta.url), { resourceLimits });
    all.push(worker);
    worker.on("message", (message: FromThread) => {
      busy.get(worker)?.onMessage(message, worker);
      if (message.kind !== "done" && message.kind !== "failed") return;
      busy.delete(worker);
      // One that waits for work keeps no process alive.
      worker.unref();
      idle.push(worker);
      next();
    });
    worker.on("error", (error) => {
      const task = busy.get(worker);
      busy.delete(worker);
      all.splice(all.indexOf(worker), 1);
      task?.fail(error);
      next();
    });
    return worker;
  }

  function next(): void {
    while (queue.length > 0 && !closed) {
      const worker = idle.pop() ?? (all.length < count ? start() : undefined);
      const task = worker === undefined ? undefined : queue.shift();
      if (worker === undefined || task === undefined) return;
      busy.set(worker, task);
      worker.ref();
      worker.postMessage({ kind: "job", job: task.job });
    }
  }

  return {
    submit(task) {
      if (closed) return task.fail(new LociError("closed", "The import has ended."));
      queue.push(task);
      next();
    },
    async close() {
      closed = true;
      const stopped = new LociError("interrupted", "The import was stopped.");
      for (const task of [...queue.splice(0), ...busy.values()]) task.fail(stopped);
      await Promise.all(all.splice(0).map((worker) => worker.terminate()));
    },
  };
}

const systemCodes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "not-found",
  EACCES: "permission",
  EPERM: "permission",
};

/** The system's own word for what went wrong with a file. */
export function codeOfSystem(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}

export function failure(
  path: string,
  message: Pick<Extract<FromThread, { kind: "failed" }>, "message" | "code">,
): LociError {
  const code = Object.hasOwn(systemCodes, message.code ?? "") ? systemCodes[message.code ?? ""] : undefined;
  return new LociError(code ?? "invalid", `A transcript could not be read: ${message.message}`, {
    where: path,
    next: "loci doctor",
  });
}
