// How many tasks are claimed and completed in a second: on a file beside the driver's own two statements, on PostgreSQL
// beside graphile-worker and pg-boss, as they come and in batches of 32, each in turn, three rounds; how long an idle worker takes to begin, and what its
// waiting costs. `--quick`: fewer tasks and rounds; `--no-peers`; `--only=file|postgres|wake`.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { open } from "../dist/index.js";
import { taskAssignments, tasks } from "../dist/model/task.js";
import { startPostgres } from "./postgres.mjs";

const quick = process.argv.includes("--quick");
const only = process.argv.find((word) => word.startsWith("--only="))?.slice(7);
const rounds = 3;
const total = quick ? 1_000 : 4_000;
const folder = join(import.meta.dirname, ".data", "tasks");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const here = (name) => join(import.meta.dirname, name);
const peers = here("peers");
const node22 = join(peers, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const quantile = (list, q) =>
  list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];
const load = () => loadavg()[0].toFixed(1);

function start(script, given, node = process.execPath) {
  const child = spawn(node, [script, JSON.stringify(given)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting = new Set();
  child.on("message", (value) => {
    for (const one of [...waiting]) if (one.test(value)) one.settle(() => one.resolve(value));
  });
  child.on("exit", (code) => {
    const error = new Error(`${JSON.stringify(given)} ended with ${code}`);
    for (const one of [...waiting]) one.settle(() => one.reject(error));
  });
  const message = (test) =>
    new Promise((resolve, reject) => {
      const one = { test, resolve, reject };
      one.settle = (finish) => {
        waiting.delete(one);
        finish();
      };
      waiting.add(one);
    });
  return { child, message };
}

/** Tasks a second of so many processes, all begun before the clock. */
async function measure({ script, node, processes, expected, ...given }) {
  const workers = Array.from({ length: processes }, (_, n) =>
    start(script, { ...given, agent: `w${n}` }, node),
  );
  await Promise.all(workers.map(({ message }) => message((value) => value === "ready")));
  const began = Date.now();
  const answers = workers.map(({ message }) => message((value) => value.done !== undefined));
  for (const { child } of workers) child.send("go");
  const done = (await Promise.all(answers)).map((value) => value.done);
  const count = done.reduce((sum, one) => sum + one.count, 0);
  if (count !== expected) throw new Error(`${given.way}: ${count} of ${expected} tasks were completed.`);
  return expected / ((Math.max(...done.map(({ last }) => last)) - began) / 1_000);
}

async function using(url, work) {
  const loci = await open(url);
  try {
    return await work(loci);
  } finally {
    await loci.close();
  }
}

async function fillOurs(loci) {
  for (let at = 0; at < total; at += 500) {
    await loci.tasks.createAll(
      Array.from({ length: Math.min(500, total - at) }, (_, n) => ({
        title: `t${at + n}`,
        input: { n: at + n },
      })),
    );
  }
}

/** Each completed once, by its first claim, with its attempt written down. */
async function checkOurs(loci) {
  const fences = await loci.engine.rollup(tasks, { by: ["status", "fence"], measures: { n: "count" } });
  const attempts = await loci.engine.rollup(taskAssignments, { by: ["outcome"], measures: { n: "count" } });
  const got = JSON.stringify([fences, attempts]);
  const wanted = JSON.stringify([[{ status: "done", fence: 1, n: total }], [{ outcome: "done", n: total }]]);
  if (got !== wanted) throw new Error(`Not each task was completed once: ${got}`);
}

function makeLean(url) {
  const Database = createRequire(import.meta.url)("libsql");
  const db = new Database(url);
  db.exec(
    "create table lean (id text primary key, lane text, status text, rank integer, due_at text, fence integer, attempts integer, " +
      "agent_id text, claimed_at text, settled_at text, title text, input text, result text)",
  );
  db.exec("create index lean_lane on lean (lane, status, rank, due_at, id)");
  db.exec(
    "insert into lean select id, lane, status, rank, due_at, 0, 0, null, null, null, title, input, null from tasks",
  );
  db.close();
}

function report(title, { ways, rates, base }) {
  console.log(`${title}: median of ${rounds} rounds, each in turn, load ${load()}`);
  for (const way of ways) {
    const ratios = base.map(
      (other) => `${median(rates[way].map((rate, n) => rate / rates[other][n])).toFixed(2)} × ${other}`,
    );
    const list = rates[way].map((rate) => Math.round(rate)).join(" ");
    console.log(
      `  ${way.padEnd(22)} ${String(Math.round(median(rates[way]))).padStart(6)} /s   ${ratios.join(", ")}   (${list})`,
    );
  }
}

const outcome = {};
const ratio = (rates, way, other) =>
  Number(median(rates[way].map((rate, n) => rate / rates[other][n])).toFixed(3));

async function onFile(processes) {
  const ways = ["raw same table", "raw lean table", "claim, then complete", "completeAndClaim", "work"];
  const rates = Object.fromEntries(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 ? ways.toReversed() : ways) {
      const url = join(folder, `${processes}-${round}-${ways.indexOf(way)}.db`);
      await using(url, fillOurs);
      if (way === "raw lean table") makeLean(url);
      rates[way].push(
        await measure({ script: here("task-worker.mjs"), way, url, processes, expected: total }),
      );
      if (!way.startsWith("raw")) await using(url, checkOurs);
      for (const suffix of ["", "-wal", "-shm", "-wake"]) rmSync(url + suffix, { force: true });
    }
  }
  report(`file, ${processes} process${processes === 1 ? "" : "es"}, ${total} tasks`, {
    ways,
    rates,
    base: ["raw same table", "raw lean table"],
  });
  outcome[`file ${processes}`] = {
    perSecond: Object.fromEntries(ways.map((way) => [way, Math.round(median(rates[way]))])),
    workToRaw: ratio(rates, "work", "raw same table"),
    stepToRaw: ratio(rates, "completeAndClaim", "raw same table"),
    workToLean: ratio(rates, "work", "raw lean table"),
  };
}

async function onPostgres(server, hasPeers) {
  const processes = 8;
  const own = ["claim, then complete", "completeAndClaim", "work"];
  const others = hasPeers ? ["graphile", "boss", "graphile localQueue", "boss batches"] : [];
  const ways = [...own, ...others];
  const rates = Object.fromEntries(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 ? ways.toReversed() : ways) {
      const url = await server.database();
      if (own.includes(way)) {
        await using(url, fillOurs);
        rates[way].push(
          await measure({ script: here("task-worker.mjs"), way, url, processes, expected: total }),
        );
        await using(url, checkOurs);
      } else {
        const script = join(peers, "worker.mjs");
        await start(script, { way, url, jobs: total }, node22).message((value) => value.done !== undefined);
        rates[way].push(await measure({ script, node: node22, way, url, processes, expected: total }));
      }
    }
  }
  report(`PostgreSQL ${server.version}, ${processes} processes, ${total} tasks, durable commits`, {
    ways,
    rates,
    base: others,
  });
  outcome.postgres = {
    perSecond: Object.fromEntries(ways.map((way) => [way, Math.round(median(rates[way]))])),
    ...Object.fromEntries(
      others.map((other) => [`stepTo_${other.replace(" ", "_")}`, ratio(rates, "completeAndClaim", other)]),
    ),
    ...Object.fromEntries(
      others.map((other) => [`workTo_${other.replace(" ", "_")}`, ratio(rates, "work", other)]),
    ),
  };
}

/** A task made here while a worker in another process waits: until its work begins. */
async function wakeUp(name, url, loci) {
  const { child, message } = start(here("task-worker.mjs"), { way: "wake", url, agent: "idle" });
  await message((value) => value === "ready");
  child.send("go");
  await sleep(3_000);
  const [whole, behind] = [[], []];
  for (let n = 0; n < (quick ? 30 : 100); n++) {
    const began = message((value) => value.began !== undefined);
    const sent = performance.timeOrigin + performance.now();
    await loci.tasks.create({ title: "wake", input: { sent } });
    const stored = performance.timeOrigin + performance.now();
    const { began: at } = await began;
    whole.push(at - sent);
    behind.push(Math.max(0, at - stored));
    await sleep(20 + (n % 7) * 5);
  }
  await sleep(1_000);
  const ended = message((value) => value.done !== undefined);
  child.send("measure");
  const { idle } = (await ended).done;
  const ms = (list) => `p50 ${quantile(list, 0.5).toFixed(2)} ms, p99 ${quantile(list, 0.99).toFixed(2)} ms`;
  console.log(
    `${name}: an idle worker begins after its task is stored: ${ms(behind)}; from the call of create: ${ms(whole)}`,
  );
  console.log(`${name}: waiting costs ${(idle * 100).toFixed(2)} % of a core; load ${load()}`);
  outcome[`wake ${name}`] = {
    storedP50: Number(quantile(behind, 0.5).toFixed(2)),
    storedP99: Number(quantile(behind, 0.99).toFixed(2)),
    createP50: Number(quantile(whole, 0.5).toFixed(2)),
    createP99: Number(quantile(whole, 0.99).toFixed(2)),
    idlePercent: Number((idle * 100).toFixed(2)),
  };
}

function installPeers() {
  if (process.argv.includes("--no-peers")) return false;
  if (!existsSync(node22)) {
    try {
      const packages = [`node-${process.platform}-${process.arch}@22.23.3`];
      execFileSync("npm", ["install", "--no-audit", "--no-fund", "--no-save", ...packages], {
        cwd: peers,
        stdio: ["ignore", "ignore", "ignore"],
      });
    } catch (error) {
      console.error(`The peers could not be installed (${error.message}): ours alone.`);
      return false;
    }
  }
  return true;
}

if (only === undefined || only === "file") for (const processes of [1, 8]) await onFile(processes);
if (only !== "file") {
  const server = await startPostgres();
  try {
    if (only !== "wake") await onPostgres(server, installPeers());
    if (only !== "postgres") {
      const places = { file: join(folder, "wake.db"), PostgreSQL: await server.database() };
      for (const [name, url] of Object.entries(places)) await using(url, (loci) => wakeUp(name, url, loci));
    }
  } finally {
    await server.stop();
  }
}
console.log(JSON.stringify({ rounds, total, load: Number(load()), ...outcome }));
