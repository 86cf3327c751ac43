// Two workers that only send, and a coordinator that only takes: each has a file of its own, and works without the hub.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "loci";

const folder = mkdtempSync(join(tmpdir(), "loci-hub-"));
// A file here, so that this runs anywhere; else libsql://hub-acme.turso.io, a sqld, or postgres://…
const url = process.env.HUB_URL ?? join(folder, "hub.db");

for (const name of ["worker-1", "worker-2"]) {
  const worker = await open(join(folder, `${name}.db`), { sync: { url, mode: "push", name } });
  const recorder = worker.recorder();
  recorder.record({ kind: "session", id: `${name}-run`, agentType: "worker", status: "running" });
  recorder.record({
    kind: "message",
    sessionId: `${name}-run`,
    role: "assistant",
    content: `${name} is done`,
  });
  // The end of a session starts a sync by itself; here we wait for it.
  recorder.record({ kind: "session", id: `${name}-run`, status: "completed", endedAt: new Date() });
  await recorder.close();
  await worker.sync.push();
  await worker.close();
}

const coordinator = await open(join(folder, "coordinator.db"), { sync: { url, mode: "pull" } });
await coordinator.sync.pull();
const { items } = await coordinator.sessions.list();
for (const { id, status } of items.toReversed()) console.log(id, status);
await coordinator.close();

const hub = await open(url);
for (const { name, state, pending } of await hub.sync.spokes()) console.log(name, state, pending);
await hub.close();
rmSync(folder, { recursive: true, force: true });
