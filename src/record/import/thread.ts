import { parentPort } from "node:worker_threads";
import { errorCode } from "../../errors.ts";
import type { FromThread, Job, ToThread } from "./job.ts";
import { readTranscript } from "./read.ts";
import { scanTranscript } from "./scan.ts";
import { codeOfSystem } from "./threads.ts";

/** Batches that may be on their way to the store at once: memory is bounded by them. */
const ahead = 2;

/** The thread: takes one job at a time and sends back what it made of it. */
function serve(): void {
  const port = parentPort;
  if (port === null) return;
  let underWay = 0;
  let goOn: (() => void) | undefined;
  const send = (message: FromThread, transfer: readonly ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);

  async function run(job: Job): Promise<void> {
    if (job.kind === "scan") {
      send({ kind: "scan", scan: scanTranscript(job) });
      return;
    }
    for (const batch of readTranscript(job)) {
      while (underWay >= ahead) {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
      underWay++;
      send({ kind: "batch", batch }, batch.raw.map(({ payload }) => payload.buffer).filter(isPlain));
    }
  }

  port.on("message", (message: ToThread) => {
    if (message.kind === "stop") port.close();
    else if (message.kind === "taken") {
      underWay--;
      goOn?.();
      goOn = undefined;
    } else {
      run(message.job).then(
        () => send({ kind: "done" }),
        (error: unknown) =>
          send({
            kind: "failed",
            message: error instanceof Error ? error.message : String(error),
            code: errorCode(error) ?? codeOfSystem(error),
          }),
      );
    }
  });
}

function isPlain(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return buffer instanceof ArrayBuffer;
}

serve();
