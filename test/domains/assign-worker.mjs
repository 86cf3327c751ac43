// One of the processes that give the same tasks to the same agents: assigns, works, completes, and writes down who held
// what from when to when.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const { open } = await import(new URL("../../dist/index.js", import.meta.url).href);
const [, , given = "{}"] = process.argv;
const { url, name, log, agents } = JSON.parse(given);
const loci = await open(url, { inThread: true, region: "fra" });
const swarm = loci.swarm("s");
const lines = [];
const codes = {};
let nobody = 0;
const { tasks } = await import(new URL("../../dist/model/task.js", import.meta.url).href);
const ready = async () =>
  (
    await loci.engine.find(tasks, { where: { swarmId: "s", status: "ready" }, fields: ["id"], limit: 12 })
  ).map(({ id }) => id);

async function work({ task, agentId }) {
  const from = Date.now();
  await sleep(20);
  lines.push({ name, task: task.id, agent: agentId, fence: task.fence, from, until: Date.now() });
  await loci.tasks.complete(task);
}

let beat = 0;

// Several at once, so that there are more who want an agent than agents.
async function distribute() {
  for (let left = await ready(); left.length > 0; left = await ready()) {
    if (Date.now() - beat > 5_000) {
      beat = Date.now();
      await swarm.heartbeat(agents);
    }
    try {
      const assigned = await loci.tasks.assign(left[Math.floor(Math.random() * left.length)]);
      if (assigned) await work(assigned);
      else {
        nobody++;
        await sleep(5 + Math.random() * 20);
      }
    } catch (error) {
      codes[error.code ?? String(error)] = (codes[error.code ?? String(error)] ?? 0) + 1;
      if (!["busy", "invalid"].includes(error.code)) throw error;
    }
  }
}
await Promise.all(Array.from({ length: 4 }, distribute));
appendFileSync(
  log,
  `${[...lines, { name, codes, nobody }].map((line) => JSON.stringify(line)).join("\n")}\n`,
);
await loci.close();
