// Search over 1,000,000 messages of 1 KB (--quick: 50,000; --messages N): build, size, and the time of each class of
// question warm and cold, with the share of the full ranking's first ten that the answer keeps.
// The store is kept in bench/.data; --fresh makes it again.
import { mkdirSync, rmSync, statSync, existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { createPageReader } from "../dist/domains/search/pages.js";
import { parseQuery } from "../dist/domains/search/query.js";
import { filtersOf } from "../dist/domains/search/filter.js";
import { questionOf, askPage } from "../dist/domains/search/paging.js";
import { createSearch } from "../dist/domains/search/search.js";
import { createViews } from "../dist/domains/search/view.js";
import { openLibsql } from "../dist/engines/libsql/libsql.js";
import { messages } from "../dist/model/message.js";
import { searchSchema, storeSchema } from "../dist/model/schema.js";
import { searchSegments } from "../dist/model/search.js";
import { createCorpus, createRandom } from "./search-corpus.mjs";

const option = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : (process.argv[at + 1] ?? "");
};
const count = Number(option("messages") ?? (process.argv.includes("--quick") ? 50_000 : 1_000_000));
const folder = new URL("./.data/", import.meta.url).pathname;
const storePath = `${folder}search-${count}.db`;
const indexPath = `${folder}search-${count}.search.db`;
const perClass = Number(option("queries") ?? 60);
const say = (text) => console.error(text);

async function openBoth() {
  const store = await openLibsql(storePath);
  const index = await openLibsql(indexPath);
  await store.prepare(storeSchema);
  await index.prepare(searchSchema);
  return { store, index };
}

function removeFile(path) {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

const sizeOf = (path) =>
  (existsSync(path) ? statSync(path).size : 0) +
  (existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0);

mkdirSync(folder, { recursive: true });
if (process.argv.includes("--fresh")) for (const path of [storePath, indexPath]) removeFile(path);
if (process.argv.includes("--index")) removeFile(indexPath);

let { store, index } = await openBoth();
const [{ stored }] = await store.rollup(messages, { by: [], measures: { stored: "count" } });
const corpus = createCorpus();
if (stored < count) {
  const began = performance.now();
  const characters = await corpus.fill(
    store,
    count,
    (done) => done % 100_000 === 0 && say(`  ${done} messages`),
  );
  say(
    `made ${count} messages, ${(characters / 1e6).toFixed(0)} MB, in ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
}

const search = createSearch({ store, index });
const cpu = process.cpuUsage();
const began = performance.now();
// The rows were written past the to-do list: an index that has none of them is made from all of them.
const [{ indexed }] = await index.rollup(searchSegments, {
  by: [],
  measures: { indexed: { sum: "documents" } },
});
const built = await (indexed ? search.catchUp : search.rebuild)({
  onProgress: ({ messages: done }) => done % 100_000 === 0 && say(`  ${done} indexed`),
});
const buildSeconds = (performance.now() - began) / 1000;
const used = process.cpuUsage(cpu);
const build = {
  messages: built.messages,
  seconds: round(buildSeconds),
  cpuSeconds: round((used.user + used.system) / 1e6),
  perSecond: Math.round(built.messages / buildSeconds),
};
if (built.messages > 0) say(`built: ${JSON.stringify(build)}`);

/** Questions of each class, drawn from the stored messages. */
async function makeQuestions() {
  const random = createRandom(42);
  const { words } = corpus;
  const sample = await store.find(messages, {
    limit: 3000,
    fields: ["content"],
    orderBy: [["createdAt", "down"]],
  });
  const texts = sample.map(({ content }) => content.split(" "));
  const identifiers = texts.flat().filter((word) => /[A-Z_/]/.test(word));
  const pick = (list) => list[Math.floor(random() * list.length)];
  const rank = (from, to) => words[from + Math.floor(random() * (to - from))];
  const some = (make) => Array.from({ length: perClass }, make);
  const neighbours = (length) => {
    const text = pick(texts.filter((list) => list.length > length + 2));
    const at = Math.floor(random() * (text.length - length));
    return text.slice(at, at + length);
  };
  return {
    rare: some(() => rank(30_000, 49_000)),
    mid: some(() => rank(500, 5000)),
    common: some(() => rank(60, 300)),
    "most common": some(() => rank(0, 60)),
    identifier: some(() => pick(identifiers)),
    phrase: some(() => `"${neighbours(2 + Math.floor(random() * 2)).join(" ")}"`),
    question: some(() => `how did we ${neighbours(8).join(" ")}?`),
    "common question": some(() => Array.from({ length: 6 }, () => rank(40, 400)).join(" ")),
    prefix: some(() => `${rank(300, 3000).slice(0, 4)}*`),
    filtered: some(() => `${rank(60, 300)} project:project-7 role:user`),
    "newest first": some(() => `role:user after:2025-01-0${1 + Math.floor(random() * 6)}`),
  };
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
}

/** The first ten when every match is scored: with room for all, nothing can be left out. */
async function fullTen(view, pages, words) {
  const parsed = parseQuery(words, Date.now());
  const filters = filtersOf(parsed, {});
  const page = await askPage(
    { view, pages },
    {
      parsed,
      filters,
      limit: 10,
      question: questionOf(words, {}),
      cursor: undefined,
      everything: true,
    },
  );
  return page.hits.map((hit) => `${hit.session.id}/${hit.sequence}`);
}

const questions = await makeQuestions();
const pages = createPageReader(index, 256 * 1024 * 1024);
const view = await createViews(index, pages).current();
const result = { messages: count, machine: `${cpus().length} × ${cpus()[0]?.model}`, node: process.version };
result.build = build;
result.storeBytes = sizeOf(storePath);
result.indexBytes = sizeOf(indexPath);
result.segments = view.segments.length;
result.classes = {};
for (const [name, list] of Object.entries(questions)) {
  const [warm, cpuTimes, cold, found] = [[], [], [], []];
  let agreeing = 0;
  let compared = 0;
  for (const words of list) await search.search(words);
  for (const words of list) {
    const from = performance.now();
    const cpuFrom = process.cpuUsage();
    const answer = await search.search(words);
    warm.push(performance.now() - from);
    const { user, system } = process.cpuUsage(cpuFrom);
    cpuTimes.push((user + system) / 1000);
    found.push(answer.items.length);
    if (warm.length > (count > 100_000 ? 6 : 20)) continue; // the full ranking of a common word takes seconds
    const full = await fullTen(view, pages, words);
    const got = answer.items.map((item) => `${item.sessionId}/${item.sequence}`);
    compared += full.length;
    agreeing += full.filter((one, i) => got[i] === one).length;
  }
  for (const words of list.slice(0, 8)) {
    // A process of its own would read the same pages from the system's cache: nothing of ours is warm.
    const fresh = createSearch({ store, index });
    const from = performance.now();
    await fresh.search(words);
    cold.push(performance.now() - from);
  }
  result.classes[name] = {
    p50: quantile(warm, 0.5),
    p95: quantile(warm, 0.95),
    max: quantile(warm, 1),
    cpuP50: quantile(cpuTimes, 0.5),
    cpuP95: quantile(cpuTimes, 0.95),
    coldP50: quantile(cold, 0.5),
    coldMax: quantile(cold, 1),
    found: quantile(found, 0.5),
    agreement: compared === 0 ? null : round(agreeing / compared),
    compared,
  };
  say(`${name.padEnd(16)} ${JSON.stringify(result.classes[name])}`);
}
const all = Object.values(result.classes);
result.p95 = Math.max(...all.map(({ p95 }) => p95));
result.cpuP95 = Math.max(...all.map(({ cpuP95 }) => cpuP95));
result.load = loadavg()[0];
result.agreement = Math.min(...all.map(({ agreement }) => agreement ?? 1));
result.rssMb = Math.round(process.memoryUsage().rss / 1e6);
if (all.some(({ compared }) => compared === 0))
  throw new Error("a class of questions found nothing to compare");
await index.close();
await store.close();
console.log(JSON.stringify(result));
