// One of the processes that share the tasks of a store: claims, works, completes, and writes down what happened.
// "hold" makes it say "held" in the middle of its next task, so that the test can kill or freeze it there.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const { open } = await import(new URL("../../dist/index.js", import.meta.url).href);
const [, , given = "{}"] = process.argv;
const { url, name, log, lease, total, way } = JSON.parse(given);
const loci = await open(url, { inThread: true });
const note = (what) => appendFileSync(log, `${JSON.stringify({ name, ...what })}\n`);

let hold = false;
process.on("message", () => {
  hold = true;
});

async function useLock() {
  const lock = await loci.locks.acquire("shared", { owner: name, lease });
  if (lock === null) return;
  const from = Date.now();
  await sleep(1);
  const until = Date.now();
  const released = await loci.locks.release(lock);
  note({ lock: lock.fence, from, until: released ? until : Math.min(until, lock.expiresAt) });
}

async function work(task) {
  if (!hold) return sleep(2);
  hold = false;
  process.send({ held: task.id });
  // Whoever asked kills or freezes this process meanwhile.
  await sleep(300);
}

const { tasks } = await import(new URL("../../dist/model/task.js", import.meta.url).href);
const measures = { count: "count" };
const doneCount = async () =>
  (await loci.engine.rollup(tasks, { by: [], where: { status: "done" }, measures }))[0].count;

/** The loop of the product: what it completed is known from its counts, what was refused from its errors. */
async function runLoop() {
  const onError = (error, task) => {
    if (task) note({ refused: task.id, fence: task.fence, code: error.code ?? String(error) });
  };
  const loop = loci.tasks.work({ agent: name, lease, onError }, async (task) => {
    if (hold) await work(task);
    return { by: name };
  });
  while ((await doneCount()) < total) {
    await sleep(50);
    await useLock();
  }
  await loop.close();
  note({ counts: loop.counts() });
}

async function runClaims() {
  for (let turn = 0; (await claimOne(turn)) || (await doneCount()) < total; turn++);
}

async function claimOne(turn) {
  const [task] = await loci.tasks.claim({ agent: name, lease });
  if (task === undefined) {
    await sleep(20);
    return false;
  }
  await work(task);
  try {
    await loci.tasks.complete(task, { by: name });
    note({ completed: task.id, fence: task.fence });
  } catch (error) {
    note({ refused: task.id, fence: task.fence, code: error.code ?? String(error) });
  }
  if (turn % 20 === 0) await useLock();
  return true;
}

await (way === "work" ? runLoop() : runClaims());
await loci.close();
process.disconnect?.();
