// npm run test:agents [-- FILE…]: the real agent programs against a scripted model. They stand in a folder of their own
// (1.3 GB; LOCI_TEST_AGENTS names another node_modules folder), are installed when they are not there, and run in a
// network namespace that has a loopback and nothing else, where the machine lets us make one.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(dirname(import.meta.dirname));
const given = process.env.LOCI_TEST_AGENTS;
const folder = given || join(import.meta.dirname, "node_modules");
const there = join(folder, "@anthropic-ai", "claude-agent-sdk");
if (!existsSync(there)) {
  if (given) {
    console.error(`LOCI_TEST_AGENTS is ${given}, and there is no ${there}.`);
    process.exit(2);
  }
  console.log("Installing the agent programs (1.3 GB, once) …");
  const installed = run("npm", ["ci", "--no-progress", "--ignore-scripts", "--prefix", import.meta.dirname]);
  if (installed !== 0) process.exit(installed);
}

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const args = [vitest, "run", "--config", join(root, "vitest.agents.config.ts"), ...process.argv.slice(2)];
const alone = namespace();
if (alone === undefined) console.log("No network namespace can be made here: the programs keep the network.");
const [program, ...before] = alone ?? [process.execPath];
process.exitCode = run(program, [...before, ...args], {
  ...process.env,
  LOCI_TEST_AGENTS: folder,
  LOCI_TEST_ALONE: alone === undefined ? "" : "1",
});

/** What stands before a command so that it sees a loopback and nothing else; undefined where that cannot be made. */
function namespace() {
  const up = 'ip link set lo up && exec "$0" "$@"';
  for (const flags of [["--net"], ["--map-root-user", "--net"]]) {
    const way = ["unshare", ...flags, "sh", "-c", up];
    if (spawnSync(way[0], [...way.slice(1), "true"], { stdio: "ignore" }).status === 0)
      return [...way, process.execPath];
  }
  return undefined;
}

function run(program, args, env = process.env) {
  const { status, error } = spawnSync(program, args, { cwd: root, env, stdio: "inherit" });
  if (error) console.error(error.message);
  return status ?? 1;
}
