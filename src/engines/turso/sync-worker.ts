import { parentPort, workerData } from "node:worker_threads";
import { answerCall } from "../file/calls.ts";
import { serveThread } from "../file/serve.ts";
import { openSyncedSession, type SyncedClient } from "./synced-session.ts";
import type { SyncCall } from "./synced.ts";

if (parentPort) {
  await serveThread<SyncCall>(parentPort, async () => {
    // Given by the other side, synced.ts.
    const session = await openSyncedSession(workerData.path, workerData.sync, workerData.options);
    return (call) => answer(session, call);
  });
}

function answer(session: SyncedClient, call: SyncCall): Promise<unknown> {
  switch (call.kind) {
    case "push":
      return session.push(call.token);
    case "pull":
      return session.pull(call.token);
    case "checkpoint":
      return session.checkpoint();
    case "stats":
      return session.stats();
    default:
      return answerCall(session, call);
  }
}
