// What an agent's program waits for: `loci mcp` from the start of the process to the answer to `initialize` (bar:
// 150 ms, median), and a call of each reading tool on a store of 1,000,000 messages (bar: 5 ms, p50), through the
// protocol's own client. The store is that of bench/search.mjs, which is run first. Prints lines and, last, one JSON
// object. `--quick`: 50,000 messages.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const quick = process.argv.includes("--quick");
const count = quick ? 50_000 : 1_000_000;
const [starts, calls] = quick ? [7, 40] : [15, 100];
const store = join(import.meta.dirname, ".data", `search-${count}.db`);
if (!existsSync(store)) {
  console.log(`making ${count.toLocaleString("en")} messages: bench/search.mjs`);
  const args = [join(import.meta.dirname, "search.mjs"), "--messages", String(count), "--queries", "5"];
  const { status } = spawnSync(process.execPath, ["--expose-gc", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0 || !existsSync(store))
    throw new Error(`bench/search.mjs ended with ${status} and left no store.`);
}
const home = mkdtempSync(join(tmpdir(), "loci-bench-mcp-"));
const command = [
  join(import.meta.dirname, "../dist/doors/cli/main.js"),
  "mcp",
  "--toolsets",
  "all",
  "--db",
  store,
];

async function connect() {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: command,
    env: { PATH: process.env.PATH ?? "", HOME: home },
    stderr: "inherit",
  });
  const client = new Client({ name: "loci-bench", version: "1.0.0" });
  const began = performance.now();
  await client.connect(transport);
  return { client, took: performance.now() - began };
}

const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
const shown = (value) => `${value.toFixed(1).padStart(7)} ms`;
const result = { count, load: loadavg()[0] };

const times = [];
for (let round = -1; round < starts; round++) {
  const { client, took } = await connect();
  if (round >= 0) times.push(took);
  await client.close();
}
result.initialize = { p50: at(times, 0.5), best: at(times, 0) };
console.log("initialize".padEnd(26), shown(result.initialize.p50), shown(result.initialize.best));

const { client } = await connect();
async function call(name, given) {
  const { isError, content, structuredContent } = await client.callTool({ name, arguments: given });
  if (isError) throw new Error(`${name}: ${content[0]?.text}`);
  return structuredContent;
}
const began = performance.now();
const { sessions } = await call("list_sessions", { project: "*" });
result.firstCall = performance.now() - began;
const ids = sessions.map(({ id }) => id);
if (ids.length === 0) throw new Error("The store has no sessions.");
const words = ["timeout", "migration", "cache", "retry", "parser", "index", "token", "lock"];
const tools = {
  list_sessions: () => ({ project: "*" }),
  get_session: (round) => ({ id: ids[round % ids.length] }),
  get_conversations: (round) => ({ session_id: ids[round % ids.length], limit: 20 }),
  search_sessions: (round) => ({
    project: "*",
    query: `${words[round % words.length]} ${words[(round * 3 + 1) % words.length]}`,
  }),
  search_knowledge: (round) => ({ query: words[round % words.length] }),
  list_decisions: () => ({}),
  list_tasks: () => ({}),
  describe_table: () => ({ table: "messages" }),
  execute_read_only_query: (round) => ({
    query: "SELECT title FROM sessions WHERE id = ?",
    params: [ids[round % ids.length]],
  }),
};
result.tools = {};
for (const [name, given] of Object.entries(tools)) {
  const took = [];
  for (let round = -5; round < calls; round++) {
    const start = performance.now();
    await call(name, given(round + 5));
    if (round >= 0) took.push(performance.now() - start);
  }
  result.tools[name] = { p50: at(took, 0.5), p95: at(took, 0.95), best: at(took, 0) };
  console.log(name.padEnd(26), shown(at(took, 0.5)), shown(at(took, 0.95)), shown(at(took, 0)));
}
await client.close();
rmSync(home, { recursive: true, force: true });
console.log(JSON.stringify(result));
