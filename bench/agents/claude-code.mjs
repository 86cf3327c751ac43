// Claude Code with the plugin and without it, and what each of its hooks takes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { startFakeLlm } from "../../test/support/fake-llm/lib/server.mjs";

const root = join(import.meta.dirname, "../..");
const plugin = join(root, "plugins/claude-code");
const cli = join(root, "dist/doors/cli/main.js");
const agents = process.env.LOCI_TEST_AGENTS || join(root, "test/agents/node_modules");
const claude = join(agents, `@anthropic-ai/claude-agent-sdk-${process.platform}-${process.arch}/claude`);
const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];

export async function measure({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "loci-bench-claude-"));
  const file = join(root, "test/support/fake-llm/scenarios/claude-tools.json");
  const scenario = JSON.parse(readFileSync(file, "utf8"));
  // A model takes its time: without it a run would be a start and an end and nothing else.
  for (const { turns } of scenario.conversations) for (const turn of turns) turn.delayMs = quick ? 0 : 1_000;
  const llm = await startFakeLlm({ scenario, keep: false });
  const silent = createServer(() => undefined);
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const LOCI_URL = `http://127.0.0.1:${silent.address().port}`;
  try {
    const sides = {
      plain: { home: homeIn(folder, "plain"), args: [], times: [] },
      recorded: { home: homeIn(folder, "recorded"), args: ["--plugin-dir", plugin], times: [] },
      // A store that another process holds, so that nothing can be written.
      held: { home: homeIn(folder, "held"), args: ["--plugin-dir", plugin], times: [] },
      // A store that is a server, and never answers.
      silent: {
        home: homeIn(folder, "silent"),
        args: ["--plugin-dir", plugin],
        times: [],
        more: { LOCI_URL },
      },
    };
    const release = await hold(sides.held.home);
    for (let round = -1; round < (quick ? 5 : 15); round++) {
      const order = Object.values(sides);
      if (round % 2 === 0) order.reverse();
      for (const { home, args, times, more } of order) {
        const took = await run(home, args, { ANTHROPIC_BASE_URL: llm.url, ...more });
        if (round >= 0) times.push(took);
        // What reads the last lines beside it is no part of the run, and none of the next one.
        while (lives(home)) await new Promise((go) => setTimeout(go, 50));
      }
    }
    release();
    const [plain, recorded, held, unanswered] = Object.values(sides).map(({ times }) => at(times, 0.5));
    const told = { recorded, "into a store that is held": held, "that never answers": unanswered };
    const texts = Object.entries(told).map(([name, took]) => `${name} ${took.toFixed(0)} ms`);
    console.log(`  a tool tour              ${plain.toFixed(0)} ms, ${texts.join(", ")} (p50)`);
    return {
      plain,
      recorded,
      added: recorded - plain,
      held,
      silent: unanswered,
      ...hooks(sides.recorded.home, quick ? 7 : 25),
    };
  } finally {
    await llm.close();
    silent.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function homeIn(folder, name) {
  const home = join(folder, name);
  mkdirSync(join(home, "workspace"), { recursive: true });
  writeFileSync(join(home, "workspace", "README.md"), "# Demo\n");
  return home;
}

function environment(home) {
  return {
    PATH: process.env.PATH,
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, ".claude"),
    ANTHROPIC_API_KEY: "sk-ant-dummy",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_ERROR_REPORTING: "1",
  };
}

/** Begins a write to the store and does not end it, until it is told to. */
async function hold(home) {
  const store = join(home, ".loci", "loci.db");
  spawnSync(process.execPath, [cli, "know", "add", "A finding", "that stands there"], {
    env: environment(home),
  });
  const code = `const db = new (require(${JSON.stringify(join(root, "node_modules/libsql"))}))(${JSON.stringify(store)});
    db.exec("begin immediate"); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return () => child.kill("SIGKILL");
}

/** Whether a program that was started in this home runs. */
function lives(home) {
  return readdirSync("/proc").some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${home}\0`);
    } catch {
      return false;
    }
  });
}

/** Milliseconds from the start of the program to its end. */
function run(home, args, more) {
  const all = ["-p", "run the tool tour please", "--permission-mode", "acceptEdits"]
    .concat("--allowedTools", "Bash", "Read", "Write", "Edit")
    .concat(args);
  const env = { ...environment(home), ...more };
  const began = performance.now();
  return new Promise((done, fail) => {
    const child = spawn(claude, all, { cwd: join(home, "workspace"), env, stdio: "ignore" });
    child.once("error", fail);
    child.once("exit", (code) => (code === 0 ? done(performance.now() - began) : fail(new Error(`${code}`))));
  });
}

/** Each hook as Claude Code starts it, beside a bare Node and a bare shell; and what the first tells a session. */
function hooks(home, rounds) {
  const cwd = join(home, "workspace");
  const env = { ...environment(home), CLAUDE_PLUGIN_ROOT: plugin };
  for (let at = 0; at < 40; at++)
    spawnSync(process.execPath, [cli, "know", "add", `Finding ${at}`, `What was found out, number ${at}`], {
      env,
    });
  const timed = (program, args, input = "{}") => {
    const began = performance.now();
    const { status, stdout } = spawnSync(program, args, { cwd, env, input, encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} ended with ${status}`);
    return { took: performance.now() - began, stdout };
  };
  mkdirSync(join(home, ".loci", "claude-code"), { recursive: true });
  // We stand for the program, and for its tool server, which lives.
  writeFileSync(join(home, ".loci", "claude-code", String(process.pid)), `${process.pid}\n`);
  const said = JSON.stringify({ hook_event_name: "SessionStart", cwd });
  const kinds = {
    "bare node": () => timed(process.execPath, ["-e", "0"]),
    "session start, read": () => {
      rmSync(join(home, ".loci", "claude-code", "told"), { recursive: true, force: true });
      return timed("/bin/sh", ["-c", '. "$CLAUDE_PLUGIN_ROOT/hooks/start.sh"'], said);
    },
    "session start, told": () => timed("/bin/sh", ["-c", '. "$CLAUDE_PLUGIN_ROOT/hooks/start.sh"'], said),
    "bare shell": () => timed("/bin/sh", ["-c", ":"]),
    turn: () => timed("/bin/sh", ["-c", '. "$CLAUDE_PLUGIN_ROOT/hooks/turn.sh"']),
    "session end": () => timed("/bin/sh", ["-c", '. "$CLAUDE_PLUGIN_ROOT/hooks/read.sh"']),
  };
  const times = {};
  let told = "";
  for (let round = 0; round < rounds; round++)
    for (const [name, go] of Object.entries(kinds)) {
      const { took, stdout } = go();
      (times[name] ??= []).push(took);
      if (name === "session start, told") told = stdout;
    }
  const characters = JSON.parse(told).hookSpecificOutput.additionalContext.length;
  for (const [name, list] of Object.entries(times))
    console.log(`  ${name.padEnd(24)} ${at(list, 0.5).toFixed(1)} ms (p50), ${at(list, 0).toFixed(1)} best`);
  console.log(`  told at the start        ${characters} characters`);
  return {
    hooks: Object.fromEntries(Object.entries(times).map(([name, list]) => [name, at(list, 0.5)])),
    characters,
  };
}
