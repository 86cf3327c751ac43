// npm run bench [-- NAME…] [--quick]: runs the benchmarks one after the other, shows what they print, and keeps their
// last lines (one JSON object each) with the machine in bench/.data/results.json.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

const all = [
  "start",
  "record",
  "sessions",
  "search",
  "knowledge",
  "import",
  "mcp",
  "cache",
  "queries",
  "feed",
  "tasks",
  "agents",
  "sync",
];
const names = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const flags = process.argv.slice(2).filter((word) => word.startsWith("-"));
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No benchmark is called ${unknown.join(", ")}. There are: ${all.join(", ")}.`);
  process.exit(2);
}

const folder = join(import.meta.dirname, ".data");
const file = join(folder, "results.json");
mkdirSync(folder, { recursive: true });
let results = {};
try {
  results = JSON.parse(readFileSync(file, "utf8"));
} catch {
  // The first run.
}
let failed = 0;
for (const name of names.length > 0 ? names : all) {
  console.log(`\n── ${name} ${"─".repeat(60 - name.length)}`);
  const { status, last } = await run(join(import.meta.dirname, `${name}.mjs`));
  if (status !== 0 || !last.startsWith("{")) {
    failed++;
    console.error(`${name} ended with ${status} and left no result.`);
    continue;
  }
  results[name] = { at: new Date().toISOString(), quick: flags.includes("--quick"), ...JSON.parse(last) };
  results.machine = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    gigabytes: Math.round(totalmem() / 2 ** 30),
  };
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;

/** Shows what a benchmark prints as it comes, and keeps its last line. */
function run(script) {
  return new Promise((done) => {
    const child = spawn(process.execPath, ["--expose-gc", script, ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let open = "";
    let last = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (open + text).split("\n");
      open = lines.pop();
      for (const line of lines) {
        if (line.startsWith("{")) last = line;
        else console.log(line);
      }
    });
    child.on("close", (status) => done({ status, last: open.startsWith("{") ? open : last }));
  });
}
