import { readTranscript } from "./read.ts";
import { scanTranscript } from "./scan.ts";
import { codeOfSystem, failure, type Threads } from "./threads.ts";

/**
 * The same work as {@link Threads} do, in this thread: for a process that reads a few lines and ends, to which starting
 * a thread would be half of its time.
 */
export function inThisThread(): Threads {
  return {
    scan: async (job) => scanTranscript(job),
    async read(job, write) {
      try {
        for (const batch of readTranscript(job)) await write(batch);
      } catch (error) {
        const code = codeOfSystem(error);
        if (code === null) throw error;
        throw failure(job.path, { message: error instanceof Error ? error.message : String(error), code });
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
