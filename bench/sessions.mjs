// Listing and opening a session must cost the same with 1,000 sessions and with 1,000,000 (bar: at most 1.5 times).
// Prints lines for people and, last, one JSON object. `--quick`: 50,000 sessions.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createIngest } from "../dist/domains/ingest.js";
import { createSessions } from "../dist/domains/sessions.js";
import { sessionRow } from "../dist/domains/rows.js";
import { insert } from "../dist/engine/engine.js";
import { sessions as collection } from "../dist/model/session.js";
import { openStore } from "../dist/store.js";

const quick = process.argv.includes("--quick");
const sizes = [1_000, quick ? 50_000 : 1_000_000];
const folder = join(import.meta.dirname, ".data");
mkdirSync(folder, { recursive: true });

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const id = (at) =>
  `${((at * 2654435761) >>> 0).toString(16).padStart(8, "0")}-0000-4000-8000-${String(at).padStart(12, "0")}`;

async function fill(path, count) {
  const store = await openStore(path, { inThread: true });
  const start = 1_700_000_000_000;
  for (let at = 0; at < count; at += 5_000) {
    const rows = Array.from({ length: Math.min(5_000, count - at) }, (_, n) => {
      const moment = start + (at + n) * 1_000;
      return {
        ...sessionRow(
          { id: id(at + n), agentType: "claude-code", startedAt: moment, title: `Task ${at + n}` },
          moment,
        ),
        projectPath: `/home/user/project-${(at + n) % 200}`,
        status: "completed",
      };
    });
    await store.engine.write([insert(collection, rows)]);
  }
  const ingest = createIngest(store.engine, { now: () => start, costOf: () => 0 });
  const happenings = Array.from({ length: 200 }, (_, n) => ({
    kind: "message",
    id: `message-${n}`,
    sessionId: id(Math.floor(count / 2)),
    role: "user",
    content: "What a person said, and some more of it. ".repeat(20),
    createdAt: start + n,
  }));
  await ingest.write(happenings);
  await store.close();
}

async function measure(path, count) {
  const store = await openStore(path, { inThread: true });
  const sessions = createSessions(store.engine);
  const times = { list: [], deep: [], open: [], prefix: [] };
  const middle = (await sessions.list({ limit: 1_000 })).next;
  const timed = async (name, work) => {
    const started = performance.now();
    const answer = await work();
    times[name].push(performance.now() - started);
    return answer;
  };
  for (let round = 0; round < 60; round++) {
    const page = await timed("list", () => sessions.list({ limit: 20 }));
    if (page.items.length !== 20) throw new Error("the list is short");
    await timed("deep", () => sessions.list({ limit: 20, ...(middle === null ? {} : { after: middle }) }));
    const said = await timed("open", async () => {
      await sessions.get(id(Math.floor(count / 2)));
      return sessions.messages(id(Math.floor(count / 2)));
    });
    if (said.length !== 200) throw new Error("the session is not whole");
    await timed("prefix", () => sessions.resolve(id((round * 7919) % count)));
  }
  await store.close();
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

const result = {};
for (const count of sizes) {
  const path = join(folder, `sessions-${count}.db`);
  if (!existsSync(path)) {
    const started = performance.now();
    await fill(path, count);
    console.log(
      `made ${count.toLocaleString("en")} sessions in ${((performance.now() - started) / 1e3).toFixed(1)} s`,
    );
  }
  result[count] = await measure(path, count);
}
const [small, large] = sizes.map((count) => result[count]);
console.log(
  "median ms        ",
  sizes.map((count) => count.toLocaleString("en").padStart(10)).join(" "),
  "  ratio",
);
const ratios = {};
for (const name of Object.keys(small)) {
  ratios[name] = large[name] / small[name];
  const cells = [small[name], large[name]].map((value) => value.toFixed(3).padStart(10)).join(" ");
  console.log(
    name.padEnd(17),
    cells,
    ratios[name].toFixed(2).padStart(7),
    ratios[name] <= 1.5 ? "" : " over 1.5",
  );
}
if (process.argv.includes("--clean")) rmSync(folder, { recursive: true });
console.log(JSON.stringify({ bench: "sessions", sizes, medianMs: result, ratios, bar: 1.5 }));
