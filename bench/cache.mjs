// What the cache costs: a hit in memory beside lru-cache's own get, in turn in one run (bar: at most 6 times); what the
// time to live that it finds out costs beside the best fixed one (bar: at most 0.8 times) and beside known rates (at
// most 1.2 times); how long after the end of a load 500 callers in 8 processes have its value (bar: 100 ms). Prints
// lines for people and, last, one JSON object. `--quick`: one seed, fewer rounds.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { LRUCache } from "lru-cache";
import { open } from "../dist/index.js";
import { evaluate, scenarios } from "./cache-ttl.mjs";

const quick = process.argv.includes("--quick");
const folder = mkdtempSync(join(tmpdir(), "loci-bench-cache-"));
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** Nanoseconds of one call. */
async function timed(count, work) {
  const started = performance.now();
  await work(count);
  return ((performance.now() - started) * 1e6) / count;
}

async function hits() {
  const loci = await open(join(folder, "hits.db"), { cache: { checkEvery: 3_600_000 } });
  const { cache } = loci;
  const keys = Array.from({ length: 1_000 }, (_, n) => `user:${n}`);
  const lru = new LRUCache({ max: 10_000, maxSize: 64 * 1024 * 1024 });
  const load = () => ({ name: "Ada" });
  for (const [n, key] of keys.entries()) {
    lru.set(key, { name: "Ada", n }, { size: 100 });
    await cache.getOrSet(key, load, { ttl: 3_600_000 });
  }
  let seen = 0;
  const ways = {
    lru(count) {
      for (let n = 0; n < count; n++) if (lru.get(keys[n % 1_000]) !== undefined) seen++;
    },
    async get(count) {
      for (let n = 0; n < count; n++) if ((await cache.get(keys[n % 1_000])) !== undefined) seen++;
    },
    async getOrSet(count) {
      for (let n = 0; n < count; n++) if ((await cache.getOrSet(keys[n % 1_000], load)) !== undefined) seen++;
    },
  };
  const times = { lru: [], get: [], getOrSet: [] };
  const [rounds, count] = [quick ? 5 : 15, 200_000];
  for (let round = -2; round < rounds; round++) {
    for (const [name, work] of Object.entries(ways)) {
      const took = await timed(count, work);
      if (round >= 0) times[name].push(took);
    }
  }
  if (seen !== 3 * count * (rounds + 2)) throw new Error("a hit was a miss");
  await loci.close();
  const ns = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
  const ratios = { get: ns.get / ns.lru, getOrSet: ns.getOrSet / ns.lru };
  console.log(
    `a hit in memory   lru-cache ${ns.lru.toFixed(0)} ns   get ${ns.get.toFixed(0)} ns (${ratios.get.toFixed(1)} ×)   ` +
      `getOrSet ${ns.getOrSet.toFixed(0)} ns (${ratios.getOrSet.toFixed(1)} ×)   bar 6 ×`,
  );
  return { ns, ratios, bar: 6 };
}

function timesToLive() {
  const seeds = quick ? [1] : [1, 2, 3];
  const cases = [0.1, 1, 10].flatMap((costRatio) =>
    scenarios
      .filter(({ name }) => costRatio < 10 || name === "α 1")
      .map((scenario) => ({ scenario, costRatio })),
  );
  console.log("| requests | ρ | best fixed | an hour | found out | rates known | found out ÷ best fixed |");
  console.log("|---|---:|---:|---:|---:|---:|---:|");
  return cases.map(({ scenario, costRatio }) => {
    const result = evaluate(scenario, costRatio, seeds);
    const { best, hour, adaptive, oracle, bestTtl, overBest } = result;
    const cells = [
      `${best.toFixed(2)} (${bestTtl} s)`,
      hour.toFixed(2),
      adaptive.toFixed(2),
      oracle.toFixed(2),
    ];
    console.log(`| ${scenario.name} | ${costRatio} | ${cells.join(" | ")} | ${overBest.toFixed(2)} |`);
    return result;
  });
}

const worker = fileURLToPath(new URL("../test/domains/cache-worker.mjs", import.meta.url));

/** 500 gets of a cold key from 8 processes, a load of 200 ms: when the last of them has it, behind the load. */
async function stampede(round) {
  const processes = 8;
  const given = { url: join(folder, `stampede-${round}.db`), loadMs: 200, lease: 10_000 };
  await (await open(given.url)).close();
  let loads = 0;
  let began = 0;
  let last = 0;
  const children = Array.from({ length: processes }, (_, n) =>
    spawn(process.execPath, [worker, JSON.stringify({ ...given, gets: n < 4 ? 63 : 62 })], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    }),
  );
  const ready = children.map((child) => new Promise((done) => child.once("message", done)));
  const ends = children.map((child) => new Promise((done) => child.once("exit", done)));
  for (const child of children) {
    child.on("message", (said) => {
      if (said.loading) {
        loads++;
        began = said.loading;
      }
      if (said.at) last = Math.max(last, said.at);
    });
  }
  await Promise.all(ready);
  for (const child of children) child.send("go");
  await Promise.all(ends);
  return { loads, releasedMs: last - began - given.loadMs };
}

const hit = await hits();
const table = timesToLive();
const stampedes = [];
for (let round = 0; round < (quick ? 1 : 5); round++) stampedes.push(await stampede(round));
const released = median(stampedes.map(({ releasedMs }) => releasedMs));
const worst = Math.max(...stampedes.map(({ releasedMs }) => releasedMs));
const loads = Math.max(...stampedes.map((one) => one.loads));
console.log(
  `500 gets of a cold key from 8 processes: at most ${loads} load; the last caller has it ${released} ms behind the load (worst of ${stampedes.length}: ${worst} ms)   bar 100 ms`,
);
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ bench: "cache", hit, table, stampedes }));
