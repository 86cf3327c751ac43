// What starting the command costs, as whole processes in turn with bare Node (bar: `--version` at most 1.3 times), and
// what installing the packed package brings (bars: 30 MB, 10 packages). Prints lines and, last, one JSON object.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const rounds = process.argv.includes("--quick") ? 7 : 25;
const root = join(import.meta.dirname, "..");
const home = mkdtempSync(join(tmpdir(), "loci-start-"));
const env = { ...process.env, HOME: home, LOCI_HOME: join(home, ".loci") };
const main = join(root, "dist/doors/cli/main.js");
writeFileSync(join(home, "empty.mjs"), "");

const commands = {
  node: [join(home, "empty.mjs")],
  version: [main, "--version"],
  help: [main, "--help"],
  ls: [main, "ls", "--json"],
  search: [main, "search", "nothing", "--json"],
};
const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
for (let round = -1; round < rounds; round++) {
  for (const [name, args] of Object.entries(commands)) {
    const started = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    if (round >= 0) times[name].push(performance.now() - started);
  }
}
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const medianMs = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
const ratios = Object.fromEntries(
  Object.keys(commands).map((name) => [name, median(times[name].map((value, at) => value / times.node[at]))]),
);
for (const name of Object.keys(commands)) {
  console.log(
    name.padEnd(10),
    `${medianMs[name].toFixed(1).padStart(7)} ms`,
    `${ratios[name].toFixed(2)} × node`,
  );
}

let install = null;
try {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", home], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const into = join(home, "consumer");
  execFileSync("mkdir", [into]);
  writeFileSync(join(into, "package.json"), "{}");
  const started = performance.now();
  execFileSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", join(home, packed.filename)],
    { cwd: into, stdio: "ignore" },
  );
  const seconds = (performance.now() - started) / 1e3;
  const files = readdirSync(join(into, "node_modules"), { recursive: true, withFileTypes: true });
  const bytes = files.reduce(
    (sum, file) => sum + (file.isFile() ? statSync(join(file.parentPath, file.name)).size : 0),
    0,
  );
  const packages =
    execFileSync("npm", ["ls", "--all", "--parseable"], { cwd: into, encoding: "utf8" }).trim().split("\n")
      .length - 1;
  install = { megabytes: bytes / 1e6, packages, seconds, tarballMegabytes: packed.size / 1e6 };
  console.log(
    `install    ${install.megabytes.toFixed(1)} MB, ${packages} packages, ${seconds.toFixed(1)} s; tarball ${install.tarballMegabytes.toFixed(2)} MB`,
  );
} catch (error) {
  console.log(
    `install    not measured: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
  );
}
rmSync(home, { recursive: true, force: true });
console.log(
  JSON.stringify({
    bench: "start",
    medianMs,
    ratios,
    install,
    bars: { version: 1.3, megabytes: 30, packages: 10 },
  }),
);
