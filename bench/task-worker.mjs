// One process of bench/tasks.mjs: says "ready", waits for "go", empties the queue in its way, and says how many tasks it
// completed and when it completed the last. `peers/worker.mjs` does the same for other queues.
import { once } from "node:events";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const { way, url, agent } = JSON.parse(process.argv[2]);
const text = (at) => new Date(at).toISOString().slice(0, 23).replace("T", " ");

/** What two statements of the driver cost, on our own table or on one with nothing that is not needed. */
function raw(table) {
  const Database = createRequire(import.meta.url)("libsql");
  const db = new Database(url, { timeout: 10_000 });
  db.exec("pragma synchronous = normal");
  const [lane] = db.prepare(`select lane from ${table} limit 1`).raw().get([]);
  const claim = db.prepare(
    `update ${table} set status = 'running', agent_id = ?, claimed_at = ?, due_at = ?, attempts = attempts + 1, ` +
      `fence = fence + 1 where id = (select id from ${table} where lane = ? and status = 'ready' and due_at <= ? ` +
      "order by rank, due_at, id limit 1) returning id, title, input, fence",
  );
  const complete = db.prepare(
    `update ${table} set status = 'done', result = ?, settled_at = ? where id = ? and fence = ? and status = 'running'`,
  );
  return async () => {
    let [count, last] = [0, 0];
    for (;;) {
      const at = Date.now();
      const [task] = claim.all([agent, text(at), text(at + 30_000), lane, text(at)]);
      if (!task) return { count, last };
      complete.run(['{"ok":true}', text(Date.now()), task.id, task.fence]);
      count++;
      last = Date.now();
    }
  };
}

async function ours(empty) {
  const { open } = await import("../dist/index.js");
  const loci = await open(url);
  await loci.tasks.list({ limit: 1 });
  return async () => {
    const result = await empty(loci.tasks);
    await loci.close();
    return result;
  };
}

const result = { ok: true };
const ways = {
  "raw same table": () => raw("tasks"),
  "raw lean table": () => raw("lean"),
  "claim, then complete": () =>
    ours(async (tasks) => {
      let [count, last] = [0, 0];
      for (let task; ([task] = await tasks.claim({ agent })) && task; count++) {
        await tasks.complete(task, result);
        last = Date.now();
      }
      return { count, last };
    }),
  completeAndClaim: () =>
    ours(async (tasks) => {
      let [count, last] = [0, 0];
      for (let [task] = await tasks.claim({ agent }); task; count++) {
        [task] = await tasks.completeAndClaim(task, result, { agent });
        last = Date.now();
      }
      return { count, last };
    }),
  work: () =>
    ours(async (tasks) => {
      let [count, last] = [0, Date.now()];
      const loop = tasks.work({ agent }, () => result);
      // Ends when nothing has come for a while; the figure ends with the last completion.
      for (let left = true; left; ) {
        await sleep(5);
        if (Date.now() - last > 400) {
          const open = await Promise.all(
            ["ready", "running"].map((status) => tasks.list({ status, limit: 1 })),
          );
          left = open.flat().length > 0;
        }
        const { completed } = loop.counts();
        if (completed > count) [count, last] = [completed, Date.now()];
      }
      await loop.close();
      return { count, last: count > 0 ? last : 0 };
    }),
  /** Tells how long after its making each task began. */
  wake: () =>
    ours(async (tasks) => {
      const loop = tasks.work({ agent }, ({ input }) => {
        const now = performance.timeOrigin + performance.now();
        process.send({ began: now, sent: input.sent });
      });
      await once(process, "message");
      const before = process.cpuUsage();
      const from = performance.now();
      await sleep(10_000);
      const { user, system } = process.cpuUsage(before);
      await loop.close();
      return { idle: (user + system) / 1_000 / (performance.now() - from) };
    }),
};

const run = await ways[way]();
process.send("ready");
await once(process, "message");
process.send({ done: await run() });
process.disconnect();
