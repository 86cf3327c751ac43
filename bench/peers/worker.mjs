// One process of another queue: the protocol of ../task-worker.mjs. Runs with the Node of this folder.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const { way, url } = JSON.parse(process.argv[2]);

/** As it comes, or so many jobs claimed ahead and handed in together, as `tasks.work` does it. */
const graphile =
  (worker = {}) =>
  async () => {
    const { Logger, run } = await import("graphile-worker");
    let [count, last] = [0, Date.now()];
    return async () => {
      const runner = await run({
        connectionString: url,
        concurrency: 1,
        preset: { worker },
        noHandleSignals: true,
        // A line for each job would be measured, too.
        logger: new Logger(() => () => undefined),
        pollInterval: 100,
        maxPoolSize: 4,
        taskList: { job: async () => ({ ok: true }) },
      });
      runner.events.on("job:success", () => {
        count++;
        last = Date.now();
      });
      const { default: pg } = await import("pg");
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      for (let left = true; left; ) {
        await sleep(5);
        if (Date.now() - last < 400) continue;
        left = (await client.query("select 1 from graphile_worker.jobs limit 1")).rows.length > 0;
      }
      await client.end();
      await runner.stop();
      return { count, last: count > 0 ? last : 0 };
    };
  };

const boss =
  (batchSize = 1) =>
  async () => {
    const { PgBoss } = await import("pg-boss");
    const boss = new PgBoss({ connectionString: url, max: 2, supervise: false, schedule: false });
    await boss.start();
    return async () => {
      let [count, last] = [0, 0];
      for (;;) {
        const jobs = await boss.fetch("job", { batchSize });
        if (jobs.length === 0) break;
        const ids = jobs.map(({ id }) => id);
        await boss.complete("job", ids, { ok: true });
        count += jobs.length;
        last = Date.now();
      }
      await boss.stop({ graceful: false });
      return { count, last };
    };
  };

const ahead = 32;
const ways = {
  graphile: graphile(),
  "graphile localQueue": graphile({
    localQueue: { size: ahead },
    completeJobBatchDelay: 3,
    failJobBatchDelay: 3,
  }),
  boss: boss(),
  "boss batches": boss(ahead),
};

/** Makes the tables and as many jobs as are asked for. */
const fill = {
  async graphile(jobs) {
    const { makeWorkerUtils } = await import("graphile-worker");
    const utils = await makeWorkerUtils({ connectionString: url });
    await utils.migrate();
    for (let at = 0; at < jobs; at += 500) {
      const size = Math.min(500, jobs - at);
      await utils.addJobs(
        Array.from({ length: size }, (_, n) => ({ identifier: "job", payload: { n: at + n } })),
      );
    }
    await utils.release();
  },
  async boss(jobs) {
    const { PgBoss } = await import("pg-boss");
    const boss = new PgBoss({ connectionString: url, max: 2, supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue("job");
    for (let at = 0; at < jobs; at += 500) {
      const size = Math.min(500, jobs - at);
      await boss.insert(
        "job",
        Array.from({ length: size }, (_, n) => ({ data: { n: at + n } })),
      );
    }
    await boss.stop({ graceful: false });
  },
};

const { jobs } = JSON.parse(process.argv[2]);
if (jobs !== undefined) {
  await fill[way.split(" ")[0]](jobs);
  process.send({ done: {} });
} else {
  const run = await ways[way]();
  process.send("ready");
  await once(process, "message");
  process.send({ done: await run() });
}
process.disconnect();
