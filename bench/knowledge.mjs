// Search in 100,000 entries of knowledge (--quick: 10,000; --entries N) in a libSQL file: the time of each class of
// question, the share of the first ten that ranking every entry would give, adding one entry, and the size.
import { mkdirSync, rmSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { askKnowledge, rankKnowledge } from "../dist/domains/knowledge-rank.js";
import { createKnowledge } from "../dist/domains/knowledge.js";
import { insert } from "../dist/engine/engine.js";
import { knowledge as collection } from "../dist/model/knowledge.js";
import { newId } from "../dist/model/id.js";
import { openStore } from "../dist/store.js";
import { createRandom, makeWords } from "./search-corpus.mjs";

const option = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : (process.argv[at + 1] ?? "");
};
const count = Number(option("entries") ?? (process.argv.includes("--quick") ? 10_000 : 100_000));
const perClass = Number(option("queries") ?? 60);
const url = option("url");
const folder = new URL("./.data/", import.meta.url).pathname;
const path = `${folder}knowledge-${count}.db`;
const say = (text) => console.error(text);

const random = createRandom(11);
const words = makeWords(30_000, random);
const pick = (list) => list[Math.floor(random() * list.length)];
// A word of rank r comes with weight 1 / (r + 2.7), as in the store of conversations.
const sums = [];
for (const [rank] of words.entries()) sums.push((sums.at(-1) ?? 0) + 1 / (rank + 2.7));
const draw = () => {
  const place = random() * sums.at(-1);
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] < place) low = middle + 1;
    else high = middle;
  }
  return words[low];
};
const text = (length) => Array.from({ length }, draw).join(" ");

function entry(i) {
  const at = Date.UTC(2025, 0, 1) + i * 60_000;
  return {
    id: newId(at),
    category: `category-${Math.floor(random() ** 2 * 12)}`,
    topic: text(4),
    content: text(40 + Math.floor(random() * 110)),
    tags: [`tag-${Math.floor(random() ** 2 * 200)}`],
    metadata: null,
    agentId: `agent-${Math.floor(random() * 8)}`,
    sessionId: null,
    messageId: null,
    supersedes: null,
    uses: 0,
    createdAt: at,
    updatedAt: at,
  };
}

mkdirSync(folder, { recursive: true });
const remove = () => {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
};
if (!process.argv.includes("--keep")) remove();
const store = await openStore(url ?? path);
const { engine } = store;
const knowledge = createKnowledge(engine, { now: Date.now });
const [{ stored }] = await engine.rollup(collection, { by: [], measures: { stored: "count" } });
const sizeOf = () =>
  url ? 0 : statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
let plainBytes = 0;
const entries = [];
for (let i = 0; i < count; i++) entries.push(entry(i));
if (stored < count) {
  for (let i = 0; i < count; i += 500) await engine.write([insert(collection, entries.slice(i, i + 500))]);
  plainBytes = sizeOf();
}
// They were written past the index, as another program would: the first search brings them in.
let began = performance.now();
await knowledge.search("nothing of the kind");
await knowledge.search("nothing of the kind");
const built = performance.now() - began;
if (stored < count) say(`${count} entries brought in: ${(built / 1000).toFixed(1)} s`);

const rank = (from, to) => words[from + Math.floor(random() * (to - from))];
const some = (make) => Array.from({ length: perClass }, make);
const part = (length) => {
  const all = pick(entries).content.split(" ");
  const at = Math.floor(random() * (all.length - length));
  return all.slice(at, at + length).join(" ");
};
const classes = {
  rare: some(() => [rank(10_000, 29_000)]),
  middle: some(() => [rank(500, 5_000)]),
  common: some(() => [rank(60, 300)]),
  "most common": some(() => [rank(0, 60)]),
  question: some(() => [`how did we ${part(8)}?`]),
  "common question": some(() => [Array.from({ length: 6 }, () => rank(40, 400)).join(" ")]),
  phrase: some(() => [`"${part(2)}"`]),
  prefix: some(() => [`${rank(300, 3_000).slice(0, 4)}*`]),
  "in a category": some(() => [rank(60, 300), { category: `category-${Math.floor(random() * 12)}` }]),
  "with a tag": some(() => [rank(60, 300), { tags: [`tag-${Math.floor(random() * 200)}`] }]),
};

const quantile = (values, share) => {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(100 * sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]) / 100;
};
const result = {
  entries: count,
  machine: `${cpus().length} × ${cpus()[0]?.model}`,
  node: process.version,
  classes: {},
};
result.builtPerSecond = stored < count ? Math.round(count / (built / 1000)) : null;
const all = await engine.find(collection);
for (const [name, list] of Object.entries(classes)) {
  const times = [];
  let [agreeing, compared] = [0, 0];
  for (const [i, [question, filter = {}]] of list.entries()) {
    const from = performance.now();
    const { items } = await knowledge.search(question, filter);
    times.push(performance.now() - from);
    if (i >= 6) continue;
    const passing = all.filter(
      (row) =>
        (filter.category === undefined || row.category === filter.category) &&
        (filter.tags ?? []).every((tag) => row.tags.includes(tag)),
    );
    const full = rankKnowledge(passing, askKnowledge(question, Date.now())).slice(0, 10);
    const got = new Set(items.map(({ id }) => id));
    compared += full.length;
    agreeing += full.filter(({ row }) => got.has(row.id)).length;
  }
  result.classes[name] = {
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    max: quantile(times, 1),
    agreement: compared === 0 ? null : Math.round((100 * agreeing) / compared) / 100,
  };
  say(`${name.padEnd(16)} ${JSON.stringify(result.classes[name])}`);
}
const adds = [];
for (let i = 0; i < 200; i++) {
  const { topic, content, category, tags } = entry(count + i);
  const from = performance.now();
  await knowledge.add({ topic, content, category, tags });
  adds.push(performance.now() - from);
}
result.add = { p50: quantile(adds, 0.5), p95: quantile(adds, 0.95) };
await store.close();
result.bytes = sizeOf();
result.plainBytes = plainBytes;
if (!process.argv.includes("--keep")) remove();
result.p95 = Math.max(...Object.values(result.classes).map(({ p95 }) => p95));
console.log(JSON.stringify(result));
