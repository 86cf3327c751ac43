// node bench/queries.mjs [--quick]: what measuring costs a query, in processor time, because machines are shared. Texts
// are made anew each time, as the engines make them. A find and a write go over a client that does nothing, with and
// without a meter in turns. The last line is one JSON object.
import { createMeter } from "../dist/engine/meter.js";
import { fingerprint } from "../dist/engines/sql/fingerprint.js";
import { createSqlEngine } from "../dist/engines/sql/engine.js";
import { createSqliteDialect } from "../dist/engines/sql/sqlite.js";
import { meteredClient } from "../dist/engines/sql/metered.js";
import { sqliteRules } from "../dist/engines/sql/guard-lists.js";
import { sessions } from "../dist/model/session.js";

const quick = process.argv.includes("--quick");
const count = quick ? 50_000 : 300_000;
const rounds = quick ? 9 : 15;

const patternOf = (sql) => fingerprint(sql, sqliteRules.lexis);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const nanoseconds = (used) => Math.round((used * 1e3) / count);
/** Microseconds of processor time until now. */
const spent = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** As long as the engine's own: 400 characters, of which a part is made for each question. */
const columns = Array.from({ length: 24 }, (_, i) => `"column_number_${i}"`).join(", ");
const texts = Array.from({ length: 40 }, (_, i) => `table_${i}`);
const textOf = (i) => `select ${columns} from "${texts[i % texts.length]}" where "id" = ?`;

function noteAlone() {
  const meter = createMeter({ now: Date.now });
  let began = spent();
  let length = 0;
  // As a driver does, which needs the text in one piece.
  for (let i = 0; i < count; i++) length += textOf(i).charCodeAt(9);
  const making = spent() - began;
  if (length === 0) throw new Error("no text was made");
  began = spent();
  for (let i = 0; i < count; i++) meter.note(textOf(i), (i % 100) / 10, patternOf);
  const all = spent() - began;
  if (meter.read().tallies.reduce((sum, tally) => sum + tally.count, 0) !== count)
    throw new Error("not all was noted");
  return nanoseconds(all - making);
}

const still = {
  place: "nowhere",
  read: async () => ({ changes: 0, rows: [], ms: 0.1 }),
  write: async (statements) => statements.map(() => ({ changes: 1, rows: [], ms: 0.1 })),
  close: async () => undefined,
};

const dialect = createSqliteDialect("libsql");
const find = (engine) => engine.find(sessions, { where: { status: "running" }, limit: 20 });
const write = (client) => client.write([{ sql: textOf(1), sets: [[1]], answers: false }], { again: true });
const finds = [
  createSqlEngine(still, dialect),
  createSqlEngine(still, dialect, { meter: createMeter({ now: Date.now }) }),
];
const writes = [still, meteredClient(still, createMeter({ now: Date.now }), sqliteRules.lexis)];

/** What the second one costs more than the first, in short turns: the machine has other things to do. */
async function more(ask, [without, with_]) {
  const block = 500;
  let sum = 0;
  for (let done = 0; done < count; done += block) {
    let began = spent();
    for (let i = 0; i < block; i++) await ask(without);
    sum -= spent() - began;
    began = spent();
    for (let i = 0; i < block; i++) await ask(with_);
    sum += spent() - began;
  }
  return nanoseconds(sum);
}

noteAlone();
await more(find, finds);
const notes = [];
const reads = [];
const changes = [];
for (let i = 0; i < rounds; i++) {
  notes.push(noteAlone());
  reads.push(await more(find, finds));
  changes.push(await more(write, writes));
}
const began = spent();
for (let i = 0; i < 2_000; i++) patternOf(textOf(i));
const result = {
  noteNs: median(notes),
  readNs: median(reads),
  writeNs: median(changes),
  patternUs: Math.round((spent() - began) / 2_000),
};
console.log(`note a query                      ${result.noteNs} ns`);
console.log(`a find, more with a meter         ${result.readNs} ns (bar: 1,000)`);
console.log(`a write, more with a meter        ${result.writeNs} ns (bar: 1,000)`);
console.log(`a pattern, once a text and flush  ${result.patternUs} µs`);
console.log(JSON.stringify(result));
