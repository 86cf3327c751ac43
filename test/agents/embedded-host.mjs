// A program with the AI SDK or OpenAI Agents that is recorded, run after run, until it is killed: says in a file what the
// recorder took in. With `harm`, it says instead what its only run came to, and how long it took.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { aiSdkMiddleware, aiSdkTelemetry } from "../../dist/ai-sdk.js";
import { createRecorder, open } from "../../dist/index.js";
import { agentsSession, agentsTraceProcessor } from "../../dist/openai-agents.js";
import { askAgents, askAiSdk } from "../support/weather.mjs";

const { agents, kind, harm, db, spool, ack, url } = JSON.parse(process.argv[2]);
const load = (path) => import(pathToFileURL(join(agents, path)).href);

function run(recorder, sessionId, loci) {
  if (kind === "agents") {
    const processor = recorder && agentsTraceProcessor(recorder);
    const session = loci && agentsSession(loci, { sessionId: `${sessionId}-items` });
    return askAgents(load, url, { groupId: sessionId, processor, session });
  }
  const attach = kind === "telemetry" ? aiSdkTelemetry : aiSdkMiddleware;
  return askAiSdk(load, recorder && { [kind]: attach(recorder, { sessionId }) });
}

if (harm !== undefined) {
  const never = () => new Promise(() => undefined);
  const loci = await open("memory:");
  const store = {
    engine: loci.engine,
    ingest: { write: never, settle: never },
    durable: never,
    current: () => true,
    close: async () => undefined,
  };
  const recorder = {
    none: () => undefined,
    throws: () => ({
      record() {
        throw new Error("no");
      },
    }),
    hangs: () => createRecorder({ spool, store, warn: false }),
  }[harm]();
  // What is loaded once is not the recorder's.
  await run(undefined, "warm");
  const took = [];
  let said;
  for (let at = 0; at < 5; at++) {
    const began = performance.now();
    said = await run(recorder, `run-${at}`);
    took.push(performance.now() - began);
  }
  process.stdout.write(JSON.stringify({ said, took: Math.min(...took), noted: recorder?.tally?.noted ?? 0 }));
  process.exit(0);
}
const loci = await open(db);
const own = loci.recorder({ warn: false });
const recorder = {
  record(happening) {
    const id = own.record(happening);
    if (id !== undefined) appendFileSync(ack, `${JSON.stringify({ kind: happening.kind, id })}\n`);
    return id;
  },
};
for (let at = 0; ; at++) {
  await run(recorder, `${process.pid}-${at}`, kind === "agents" ? loci : undefined);
  process.send?.(at);
}
