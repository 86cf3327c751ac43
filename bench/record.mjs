// node bench/record.mjs [--quick] [--kills N]: what recording costs the host, whether kill -9 loses anything, and how
// fast the drain is beside the raw driver doing the same inserts in the same run. The last line is one JSON object.
import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { openDrainStore } from "../dist/drain-store.js";
import { open } from "../dist/index.js";
import { createRecorder } from "../dist/record/recorder.js";
import { recoverLeftovers } from "../dist/record/recovery.js";

const quick = process.argv.includes("--quick");
const asked = process.argv.indexOf("--kills");
const kills = asked > 0 ? Number(process.argv[asked + 1]) : quick ? 10 : 50;

if (process.argv[2] === "--victim") victim(process.argv[3]);
else await main();

async function main() {
  const result = {
    small: await cost({ bytes: 1_024, count: quick ? 20_000 : 100_000 }),
    large: await cost({ bytes: 1_048_576, count: quick ? 20 : 100 }),
    stall: await stall(),
    drain: await drainBesideDriver(quick ? 20_000 : 50_000),
    drainWithIndex: await indexBesideDriver(quick ? 10_000 : 30_000),
    kill9: await killLoop(),
  };
  console.log(JSON.stringify(result));
}

function folder() {
  return mkdtempSync(join(tmpdir(), "loci-bench-"));
}

function recorderIn(place, more = {}) {
  return createRecorder({
    spool: join(place, "loci.spool"),
    store: join(place, "loci.db"),
    warn: false,
    ...more,
  });
}

/** Words, not one letter again and again: the filter of the redaction reads them. */
function text(bytes) {
  const words =
    "the agent reads src/record/recorder.ts and says: edit line 42, run npm test; tokens used so far 1234. ";
  return words.repeat(Math.ceil(bytes / words.length)).slice(0, bytes);
}

async function cost({ bytes, count }) {
  const place = folder();
  const content = text(bytes);
  const recorder = recorderIn(place);
  for (let n = 0; n < Math.min(count, 2_000); n++)
    recorder.record({ kind: "message", sessionId: "warm", role: "user", content });
  await recorder.flush();
  const before = process.memoryUsage().rss;
  const took = new Float64Array(count);
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    recorder.record({ kind: "message", sessionId: "s", role: "assistant", content });
    took[n] = (performance.now() - start) * 1_000;
    // As an agent does: in between, other things happen.
    if (n % 50 === 49) await new Promise(setImmediate);
  }
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  await recorder.close({ timeout: 120_000 });
  const { dropped } = recorder.tally;
  rmSync(place, { recursive: true });
  took.sort();
  const at = (share) => Math.round((took[Math.floor(count * share)] ?? 0) * 10) / 10;
  const answer = {
    bytes,
    count,
    p50us: at(0.5),
    p99us: at(0.99),
    maxUs: at(0.99999),
    rssGrowthMb: Math.round(grown),
    dropped,
  };
  console.log(
    `record() of ${bytes} bytes, ${count} times: p50 ${answer.p50us} us, p99 ${answer.p99us} us, memory +${answer.rssGrowthMb} MB, dropped ${dropped}`,
  );
  return answer;
}

/** How long the event loop stands still while 2,000 happenings a second are recorded, and how long without us. */
async function stall() {
  const seconds = quick ? 2 : 5;
  const watch = async (work) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const timer = setInterval(() => work(), 5);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    clearInterval(timer);
    delay.disable();
    return { p99Ms: Math.round(delay.percentile(99) / 1e4) / 100, maxMs: Math.round(delay.max / 1e4) / 100 };
  };
  const idle = await watch(() => undefined);
  const place = folder();
  const recorder = recorderIn(place);
  const content = text(1_024);
  const cpu = process.cpuUsage();
  const busy = await watch(() => {
    for (let n = 0; n < 10; n++) recorder.record({ kind: "message", sessionId: "s", role: "user", content });
  });
  const used = process.cpuUsage(cpu);
  await recorder.close({ timeout: 60_000 });
  rmSync(place, { recursive: true });
  const cpuShare = Math.round(((used.user + used.system) / 1e6 / seconds) * 1_000) / 10;
  console.log(
    `event loop delay: idle p99 ${idle.p99Ms} ms, max ${idle.maxMs} ms; at 2,000 a second p99 ${busy.p99Ms} ms, max ${busy.maxMs} ms; CPU of all threads ${cpuShare} %`,
  );
  return { idle, busy, cpuPercentAt2000PerSecond: cpuShare };
}

/** The drain of a spool that is there, and the raw driver with the same table, indexes, rows and batches. */
async function drainBesideDriver(count) {
  const rounds = [];
  for (let round = 0; round < 3; round++) {
    const place = folder();
    const content = text(1_024);
    const recorder = recorderIn(place, { drain: false });
    for (let n = 0; n < count; n++)
      recorder.record({ kind: "message", sessionId: `s${n % 20}`, role: "user", content });
    await recorder.close();
    const store = await openDrainStore(join(place, "loci.db"));
    const start = performance.now();
    const { written } = await recoverLeftovers(store, { spool: join(place, "loci.spool") });
    const drain = written / ((performance.now() - start) / 1_000);
    await store.close();
    const raw = rawDriver(join(place, "loci.db"), join(place, "raw.db"));
    rounds.push({ drain, raw, ratio: drain / raw });
    rmSync(place, { recursive: true });
  }
  rounds.sort((a, b) => a.ratio - b.ratio);
  const { drain, raw, ratio } = rounds[1];
  console.log(
    `drain: ${Math.round(drain)} rows a second, raw driver ${Math.round(raw)}: ${ratio.toFixed(2)} (bar 0.8; median of 3)`,
  );
  return {
    rows: count,
    drainPerSecond: Math.round(drain),
    rawPerSecond: Math.round(raw),
    ratio: Math.round(ratio * 100) / 100,
  };
}

/** The same with a text index on both sides: ours, which follows behind, and FTS5 in the driver's own transactions. */
async function indexBesideDriver(count) {
  const place = folder();
  const recorder = recorderIn(place, { drain: false });
  const content = variedText();
  for (let n = 0; n < count; n++)
    recorder.record({ kind: "message", sessionId: `s${n % 20}`, role: "user", content: content() });
  await recorder.close();
  const seconds = async (work) => {
    const start = performance.now();
    await work();
    return (performance.now() - start) / 1_000;
  };
  const store = await openDrainStore(join(place, "loci.db"));
  const drain = await seconds(() => recoverLeftovers(store, { spool: join(place, "loci.spool") }));
  await store.close();
  const loci = await open(join(place, "loci.db"), { inThread: true });
  const index = await seconds(() => loci.index.catchUp());
  await loci.close();
  const raw = count / rawDriver(join(place, "loci.db"), join(place, "raw.db"), { fts5: true });
  rmSync(place, { recursive: true });
  const ratio = (ours) => Math.round((raw / ours) * 100) / 100;
  const result = {
    rows: count,
    oneAfterTheOther: ratio(drain + index),
    inTwoThreads: ratio(Math.max(drain, index)),
  };
  console.log(
    `drain and text index beside the raw driver with FTS5: ${result.oneAfterTheOther} one after the other, ${result.inTwoThreads} in their two threads`,
  );
  return result;
}

/** Texts of 1 KB that differ, with the common and the rare words of a language. */
function variedText() {
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed / 0x7fffffff;
  };
  const words = Array.from({ length: 20_000 }, (_, n) => (n * 7_919 + 4_096).toString(26));
  return () => {
    let made = "";
    while (made.length < 1_024) made += `${words[Math.floor(words.length * random() ** 4)]} `;
    return made.slice(0, 1_024);
  };
}

function rawDriver(from, to, { fts5 = false } = {}) {
  const source = new Database(from);
  const made = source
    .prepare(
      "select sql from sqlite_master where tbl_name = 'messages' and sql is not null order by type desc",
    )
    .raw()
    .all([]);
  const rows = source.prepare("select * from messages order by rowid").raw().all([]);
  source.close();
  const db = new Database(to);
  db.exec("pragma journal_mode = wal");
  db.exec("pragma synchronous = normal");
  for (const [sql] of made) db.exec(sql);
  const insert = db.prepare(`insert or ignore into messages values (${rows[0].map(() => "?").join(",")})`);
  if (fts5)
    db.exec("create virtual table texts using fts5(content, content = '', tokenize = 'porter unicode61')");
  const index = fts5 ? db.prepare("insert into texts (rowid, content) values (?, ?)") : undefined;
  const start = performance.now();
  for (let n = 0; n < rows.length; n += 500) {
    db.exec("begin immediate");
    for (const [at, row] of rows.slice(n, n + 500).entries()) {
      insert.run(row);
      // The fifth column is the content.
      index?.run([n + at + 1, row[4]]);
    }
    db.exec("commit");
  }
  const rate = rows.length / ((performance.now() - start) / 1_000);
  db.close();
  return rate;
}

/** Kills recording processes at random moments, then counts what is there. */
async function killLoop() {
  const place = folder();
  let acknowledged = 0;
  let lost = 0;
  let twice = 0;
  for (let run = 0; run < kills; run++) {
    const child = fork(fileURLToPath(import.meta.url), [
      "--victim",
      JSON.stringify({ place, session: `k${run}` }),
    ]);
    await once(child, "message");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const store = await openDrainStore(join(place, "loci.db"));
  const start = performance.now();
  const found = await recoverLeftovers(store, { spool: join(place, "loci.spool") });
  const recovery = performance.now() - start;
  await store.close();
  const loci = await open(join(place, "loci.db"));
  for (let run = 0; run < kills; run++) {
    const count = statSync(join(place, `k${run}.ack`), { throwIfNoEntry: false })?.size ?? 0;
    const rows = await loci.sessions.messages(`k${run}`);
    const numbers = rows.map((row) => Number.parseInt(row.content ?? "", 10));
    const there = new Set(numbers);
    acknowledged += count;
    for (let n = 1; n <= count; n++) if (!there.has(n)) lost++;
    twice += numbers.length - there.size;
  }
  await loci.close();
  rmSync(place, { recursive: true });
  console.log(
    `kill -9, ${kills} times: ${acknowledged} acknowledged, ${lost} lost, ${twice} twice, ${found.lost} damaged; recovery ${Math.round(recovery)} ms`,
  );
  return { kills, acknowledged, lost, twice, damaged: found.lost, recoveryMs: Math.round(recovery) };
}

function victim(json) {
  const { place, session } = JSON.parse(json);
  const recorder = recorderIn(place);
  let n = 0;
  setInterval(() => {
    for (let burst = 0; burst < 20; burst++) {
      const id = recorder.record({
        kind: "message",
        sessionId: session,
        role: "user",
        content: `${++n} ${text(300)}`,
      });
      if (id !== undefined) appendFileSync(join(place, `${session}.ack`), ".");
    }
  }, 10);
  process.send("recording");
}
