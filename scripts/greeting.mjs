// Asks the built server what it answers to every client alike, for `start-mcp-early.js`, which answers before the server is
// loaded, and for the shell that answers before there is a Node (plugins/claude-code/server.sh). Part of `npm run build`,
// behind the bundles.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../dist/doors/cli/", import.meta.url));
const asked = ["2024-10-07", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const stateless = "2026-07-28";
const lists = ["tools/list", "prompts/list", "resources/templates/list"];

/** The results of these requests, by method. */
async function answers(requests) {
  const home = mkdtempSync(join(tmpdir(), "loci-greeting-"));
  const env = { PATH: process.env.PATH, HOME: home, LOCI_HOME: home };
  // With a flag it is the server itself that is started.
  const args = [join(folder, "main.js"), "mcp", "--db", "memory:"];
  const child = spawn(process.execPath, args, { cwd: home, env, stdio: ["pipe", "pipe", "inherit"] });
  const say = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  for (const [id, request] of requests.entries()) {
    say({ id, ...request });
    if (request.method === "initialize") say({ method: "notifications/initialized" });
  }
  const results = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const { id, result } = JSON.parse(line);
    if (result === undefined) throw new Error(`The server answers ${line}`);
    results[requests[id].method] = result;
    if (Object.keys(results).length === requests.length) break;
  }
  child.stdin.end();
  await once(child, "exit");
  rmSync(home, { recursive: true, force: true });
  return results;
}

const client = { name: "build", version: "1" };
const beginning = (protocolVersion) => ({
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo: client },
});
const versions = [];
for (const version of asked) {
  const { initialize } = await answers([beginning(version)]);
  if (initialize.protocolVersion === version) versions.push(version);
}
if (versions.length === 0) throw new Error(`The server knows none of ${asked.join(", ")}.`);
const { initialize, ...listed } = await answers([
  beginning(versions.at(-1)),
  ...lists.map((method) => ({ method, params: {} })),
]);
const { protocolVersion: _, ...greeted } = initialize;
const claims = (name, value) => [`io.modelcontextprotocol/${name}`, value];
const _meta = Object.fromEntries([
  claims("protocolVersion", stateless),
  claims("clientInfo", client),
  claims("clientCapabilities", {}),
]);
// What the store has of resources is asked for when it is wanted: an answer of this version is not kept by the client.
const methods = ["server/discover", "resources/list", ...lists];
const claimed = await answers(methods.map((method) => ({ method, params: { _meta } })));
writeFileSync(
  join(folder, "mcp-greeting.json"),
  JSON.stringify({
    versions,
    results: { initialize: greeted, ...listed },
    stateless: { version: stateless, results: claimed },
  }),
);

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const cases = Object.entries(claimed).map(
  ([method, one]) => `  ${method}) result=${quoted(JSON.stringify(one))} ;;`,
);
writeFileSync(
  join(folder, "mcp-greeting.sh"),
  [
    "# Made by the build: what the tool server answers to every client alike, by method.",
    `greetingVersion=${quoted(stateless)}`,
    "greet() {",
    "  case $1 in",
    ...cases,
    "  *) return 1 ;;",
    "  esac",
    "}",
    "",
  ].join("\n"),
);
