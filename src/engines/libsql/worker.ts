import { parentPort, workerData } from "node:worker_threads";
import { answerCall, type Call } from "../file/calls.ts";
import { serveThread } from "../file/serve.ts";
import { openSession } from "./session.ts";

if (parentPort) {
  await serveThread<Call>(parentPort, async () => {
    // Given by the other side, thread.ts.
    const session = await openSession(workerData.path, workerData.options);
    return (call) => answerCall(session, call);
  });
}
