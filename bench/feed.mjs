// node bench/feed.mjs [--quick]: what it costs a file that its changes are noted. Messages of 1 KB go into two files in
// turns, one of which notes them; then sync is switched on in the other, which has all its rows already. In this thread,
// in processor time as well, because machines are shared. The last line is one JSON object.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { insert, update } from "../dist/engine/engine.js";
import { openLibsql } from "../dist/engines/libsql/libsql.js";
import { messages } from "../dist/model/message.js";
import { storeSchema } from "../dist/model/schema.js";

const quick = process.argv.includes("--quick");
const rounds = quick ? 7 : 15;
const batches = quick ? 20 : 60;
const folder = mkdtempSync(join(tmpdir(), "loci-bench-feed-"));
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const spent = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const tables = [
  {
    collection: messages,
    fields: Object.keys(messages.fields).filter((name) => name !== "id"),
    session: "sessionId",
  },
];

let made = 0;
const text = "a turn of some length, as agents make them. ".repeat(23);
const message = () => {
  const n = ++made;
  return {
    id: `m-${String(n).padStart(9, "0")}`,
    sessionId: `s-${n % 50}`,
    sequence: n,
    role: "assistant",
    content: `${n} ${text}`,
    ...{ toolName: null, toolInput: null, toolOutput: null, createdAt: Date.now(), tokenCount: null },
    ...{ parentId: null, agentId: null, model: null, metadata: null },
  };
};

async function openOne(name) {
  const engine = await openLibsql(join(folder, name), { inThread: true, pageSize: 2048 });
  await engine.prepare(storeSchema);
  return engine;
}
const plain = await openOne("plain.db");
const noting = await openOne("noting.db");
await noting.feed.start(tables);

/** Microseconds of a row: of the clock, and of the processor. */
async function perRow(rows, work) {
  const began = performance.now();
  const used = spent();
  await work();
  return { us: ((performance.now() - began) * 1e3) / rows, cpu: (spent() - used) / rows };
}

const costs = { single: [], batch: [], update: [] };
for (let round = 0; round < rounds; round++) {
  for (const kind of Object.keys(costs)) {
    const size = kind === "batch" ? 100 : 1;
    const count = kind === "batch" ? batches : batches * 10;
    const given = Array.from({ length: count }, () => Array.from({ length: size }, message));
    const work = (engine) => () =>
      perRow(count * size, async () => {
        for (const rows of given) {
          if (kind === "update")
            await engine.write([update(messages, { id: rows[0].id }, { content: `new ${text}` })]);
          else await engine.write([insert(messages, rows)]);
        }
      });
    if (kind === "update")
      for (const engine of [plain, noting]) await engine.write([insert(messages, given.flat())]);
    const turns = round % 2 === 0 ? [plain, noting] : [noting, plain];
    const answers = new Map();
    for (const engine of turns) answers.set(engine, await work(engine)());
    costs[kind].push({ without: answers.get(plain), noted: answers.get(noting) });
  }
}

const result = {};
for (const [kind, rows] of Object.entries(costs)) {
  const times = median(rows.map(({ without, noted }) => noted.us / without.us));
  const cpu = median(rows.map(({ without, noted }) => noted.cpu / without.cpu));
  const us = median(rows.map(({ noted, without }) => noted.us - without.us));
  console.log(
    `${kind}: ${times.toFixed(2)} x the time, ${cpu.toFixed(2)} x the processor, ${us.toFixed(0)} µs a row more`,
  );
  result[kind] = {
    times: Number(times.toFixed(2)),
    cpu: Number(cpu.toFixed(2)),
    moreMicroseconds: Math.round(us),
  };
}

const copied = async (engine, name) => {
  await engine.copies.make(join(folder, name));
  return statSync(join(folder, name)).size / made;
};
const bytes = {
  row: Math.round(await copied(plain, "plain.copy")),
  noted: Math.round(await copied(noting, "noting.copy")),
};
const began = performance.now();
await plain.feed.start(tables);
const starting = performance.now() - began;
const again = performance.now();
await plain.feed.start(tables);
const second = performance.now() - again;
let seen = 0;
const reading = performance.now();
for (let after = null; ; ) {
  const { versions, cursor } = await plain.feed.read({ after, limit: 500 });
  seen += versions.length;
  after = cursor;
  if (versions.length < 500) break;
}
const read = performance.now() - reading;
await Promise.all([plain.close(), noting.close()]);
rmSync(folder, { recursive: true, force: true });
if (seen !== made) throw new Error(`${seen} rows were told of ${made}`);
const perThousand = starting / (made / 1_000);
result.start = { rows: made, msPerThousand: Math.round(perThousand), againMs: Math.round(second) };
result.read = { rowsPerSecond: Math.round((seen * 1e3) / read) };
result.bytes = bytes;
console.log(
  `switched on with ${made} rows: ${Math.round(starting)} ms, ${perThousand.toFixed(0)} ms a piece, again ${second.toFixed(1)} ms; ` +
    `read: ${result.read.rowsPerSecond} rows/s; ${bytes.noted} bytes a row instead of ${bytes.row}`,
);
console.log(JSON.stringify(result));
