import { Worker } from "node:worker_threads";
import { LociError } from "../../errors.ts";
import { type Question, type Report, sentError } from "./sql-messages.ts";

/**
 * The process that answers SQL somebody else wrote. Its thread runs the statement; this one watches the clock and the
 * memory, and ends the whole process: nothing else stops native code. It also ends itself when the parent is gone,
 * so that a query never outlives who asked.
 */

/** The kill comes from outside of JavaScript's heap: V8's own limit would take seconds to notice. */
const memoryAbove = 256 * 1024 * 1024;
const lookEvery = 10;

function end(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Says why, and dies; also when nobody listens any more. */
function endWith(error: LociError): void {
  setTimeout(end, 200);
  process.send?.({ kind: "error", error: sentError(error) } satisfies Report, end);
}

function watch(limits: Question["limits"], baseline: number): NodeJS.Timeout {
  const start = performance.now();
  const timer = setInterval(() => {
    if (process.memoryUsage.rss() - baseline > memoryAbove) {
      clearInterval(timer);
      endWith(tooLarge());
    } else if (performance.now() - start > limits.deadline) {
      clearInterval(timer);
      endWith(tooSlow(limits.deadline));
    }
  }, lookEvery);
  return timer;
}

function tooLarge(): LociError {
  return new LociError(
    "too-large",
    `The query took more than ${memoryAbove / 1024 / 1024} MB and was stopped.`,
    {
      next: "Ask for fewer columns, shorter texts with substr(), or fewer rows with LIMIT",
    },
  );
}

function tooSlow(deadline: number): LociError {
  return new LociError("interrupted", `The query was stopped: it had no answer after ${deadline} ms.`, {
    next: "Narrow it with WHERE, or ask for fewer rows with LIMIT",
  });
}

function main(path: string, writes: boolean): void {
  const thread = new Worker(new URL("./sql-thread.js", import.meta.url), {
    workerData: { path, writes },
    execArgv: [],
  });
  let baseline = process.memoryUsage.rss();
  let watching: NodeJS.Timeout | undefined;
  thread.on("message", (report: Report) => {
    clearInterval(watching);
    baseline = Math.max(baseline, report.kind === "ready" ? process.memoryUsage.rss() : 0);
    process.send?.(report);
  });
  thread.on("error", (error) =>
    endWith(new LociError("invalid", `The query could not be run: ${error.message}`)),
  );
  process.on("message", (question: Question) => {
    watching = watch(question.limits, baseline);
    thread.postMessage(question);
  });
  process.on("disconnect", end);
}

const [path, mode] = process.argv.slice(2);
if (process.send !== undefined && path !== undefined) main(path, mode === "write");
