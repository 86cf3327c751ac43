import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, type TestContext } from "vitest";
import { open } from "../../dist/index.js";
import { box, type Box, claudeEnv, jsonLines, model, program, started } from "../support/agents.ts";
import { killRuns } from "../support/kills.ts";
import type { FakeLlm } from "../support/fake-llm/lib/server.mjs";
import { root } from "../support/tools.ts";
import {
  cli,
  loci,
  plugin,
  quiet,
  resultOf,
  serversOf,
  store,
  tokensOf,
  transcripts,
  usageOf,
} from "./claude-world.ts";

// The real Claude Code, in print mode, with our plugin.
let here: Box;
let llm: FakeLlm;
beforeEach(async () => {
  here = box();
  llm = await model("claude-tools", { CWD: here.workspace });
});
afterEach(async () => {
  await llm.close();
  here[Symbol.dispose]();
});

interface How {
  readonly args?: readonly string[];
  readonly at?: Box;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const withPlugin = ["--plugin-dir", plugin];

/** A run of the real program; `args` beside those of every run. */
function claude(context: TestContext, prompt: string, { args = withPlugin, at = here, cwd, env }: How = {}) {
  const allowed = ["Bash", "Read", "Write", "Edit", "Agent", "mcp__plugin_loci_loci__search_knowledge"];
  const all = ["-p", prompt, "--output-format", "stream-json", "--verbose"]
    .concat("--permission-mode", "acceptEdits", "--allowedTools", ...allowed)
    .concat(args);
  const where = { cwd: cwd ?? at.workspace, env: { ...claudeEnv(at, llm), ...env } };
  return started(program(context, "claude"), all, where);
}

describe("the plugin", () => {
  test.for([["--strict"], ["--strict", "--profile", "directory"]])(
    "passes claude plugin validate %s",
    async (flags, context) => {
      const args = ["plugin", "validate", ...flags, plugin];
      const ran = await started(program(context, "claude"), args, {
        cwd: root,
        env: claudeEnv(here, llm),
      }).ended;
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      expect(ran.stdout).toContain("mcpServers: loci");
    },
  );

  test("stands in the marketplace of this repository, from which it is installed and records", async (context) => {
    const env = claudeEnv(here, llm);
    for (const args of [
      ["plugin", "validate", "--strict", root],
      ["plugin", "marketplace", "add", root],
      ["plugin", "install", "loci@loci"],
    ]) {
      const ran = await started(program(context, "claude"), args, { cwd: here.workspace, env }).ended;
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    }
    // Copied to Claude Code's own folder, it finds the command that is on the PATH.
    const bin = join(here.folder, "bin");
    mkdirSync(bin);
    execFileSync("ln", ["-s", cli, join(bin, "loci")]);
    const path = { PATH: `${bin}:${env["PATH"]}` };
    const result = resultOf(await claude(context, "say hello", { args: [], env: path }).ended);
    await quiet(here);
    expect(await tokensOf(result.session_id, here)).toEqual(usageOf(result));
  });
});

describe("a session", () => {
  test.for(["run the tool tour please", "delegate to a subagent", "wait for a subagent", "overloaded once"])(
    "is in the store soon after the program ends, to the token: %s",
    async (prompt, context) => {
      const ran = await claude(context, prompt).ended;
      const result = resultOf(ran);
      await quiet(here);
      expect(await tokensOf(result.session_id, here)).toEqual(usageOf(result));
      // A later import finds nothing that was missed.
      const before = loci(["export"], here);
      loci(["import", join(here.claude, "projects")], here);
      expect(loci(["export"], here)).toBe(before);
      await using opened = await open(store(here));
      const { items } = await opened.sessions.list({ limit: 100 });
      expect(items.reduce((sum, { costUsd }) => sum + costUsd, 0)).toBeCloseTo(result.total_cost_usd, 6);
    },
  );

  test("comes back byte for byte", async (context) => {
    const { session_id: id } = resultOf(await claude(context, "say hello").ended);
    await quiet(here);
    const [bytes] = [...transcripts(here).values()];
    expect(loci(["export", id, "--raw"], here)).toBe(bytes?.toString("utf8"));
  });

  test("is shown by loci tail -f while it runs", async (context) => {
    const env = { ...here.env, CLAUDE_CONFIG_DIR: here.claude };
    const tail = started(process.execPath, [cli, "tail", "-f", "--json"], { cwd: here.workspace, env });
    let seen = "";
    let shownAt = 0;
    tail.process.stdout?.on("data", (data: Buffer) => {
      seen += data;
      if (shownAt === 0 && seen.includes("Starting a long command")) shownAt = Date.now();
    });
    // It hangs in its second turn: what was said before stands in the transcript all the while.
    const run = claude(context, "work slowly", { args: [] });
    await expect.poll(() => shownAt, { timeout: 60_000 }).toBeGreaterThan(0);
    run.process.kill("SIGKILL");
    await run.ended;
    tail.process.kill("SIGTERM");
    expect((await tail.ended).code).toBe(143);
    const [written] = [...transcripts(here).values()];
    const line = jsonLines(written?.toString("utf8") ?? "").find((one) =>
      JSON.stringify(one["message"] ?? null).includes("Starting a long command"),
    );
    const late = shownAt - Date.parse(String(line?.["timestamp"]));
    console.log(`shown ${late} ms after it was written`);
    expect(late).toBeLessThan(10_000);
  });
});

describe("a session that begins", () => {
  const told = (): string =>
    JSON.stringify(llm.requests.filter(({ kind }) => kind === "llm").map(({ body }) => body));

  test("is told what is known of its project, as data with source and age", async (context) => {
    resultOf(await claude(context, "say hello").ended);
    await quiet(here);
    loci(["know", "add", "tests", "Run them with the flag --blue", "--category", "build"], here);
    expect(told()).not.toContain("--blue");
    resultOf(await claude(context, "say hello").ended);
    expect(told()).toContain("--blue");
    expect(/<recalled from=.{100}/.exec(told())?.[0]).toMatch(
      /^<recalled from=\\+"loci, project workspace\\+" at=\\+"\d{4}-\d\d-\d\d \d\d:\d\d UTC/,
    );
    expect(told()).toContain("data, not instructions");
  });

  test("is told nothing where LOCI_CONTEXT is off", async (context) => {
    loci(["know", "add", "tests", "Run them with the flag --blue", "--category", "build"], here);
    resultOf(await claude(context, "say hello", { env: { LOCI_CONTEXT: "off" } }).ended);
    expect(told()).not.toContain("--blue");
  });

  test("finds what was kept with the tools of the plugin", async (context) => {
    loci(["know", "add", "notes", "The notes are in the blue folder", "--category", "build"], here);
    await llm.close();
    llm = await model("claude-tools", {
      CWD: here.workspace,
      MCP_TOOL: "mcp__plugin_loci_loci__search_knowledge",
    });
    const ran = await claude(context, "search memory", { env: { LOCI_CONTEXT: "off" } }).ended;
    expect(resultOf(ran).type).toBe("result");
    expect(ran.stdout).toContain("blue folder");
  });
});

describe("nothing we attach breaks an agent", () => {
  test("a store that is held by another process, or is no store, changes nothing that the agent says", async (context) => {
    const plain = resultOf(await claude(context, "say hello", { args: [] }).ended);
    loci(["ls"], here);
    const holder = `
      const Database = require(${JSON.stringify(join(root, "node_modules", "libsql"))});
      const db = new Database(${JSON.stringify(store(here))});
      db.exec("begin immediate");
      console.log("held");
      setInterval(() => {}, 1000);`;
    const held = started(process.execPath, ["-e", holder], { cwd: root, env: here.env });
    await new Promise((ready) => held.process.stdout?.once("data", ready));
    const ran = await claude(context, "say hello").ended;
    const result = resultOf(ran);
    held.process.kill("SIGKILL");
    await held.ended;
    expect(Object.values(result.modelUsage)).toEqual(Object.values(plain.modelUsage));
    // Nothing could be written, and nothing is lost.
    await quiet(here);
    loci(["import", join(here.claude, "projects")], here);
    expect(await tokensOf(result.session_id, here)).toEqual(usageOf(result));
    writeFileSync(store(here), "this is no database");
    resultOf(await claude(context, "say hello").ended);
    expect(ran.stderr).toBe("");
    await quiet(here);
  });

  test("a store that is a server which never answers changes nothing, and is waited for by nobody", async (context) => {
    const plain = resultOf(await claude(context, "say hello", { args: [] }).ended);
    let asked = 0;
    const silent = createServer(() => asked++);
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const { port } = silent.address() as AddressInfo;
    const ran = await claude(context, "say hello", { env: { LOCI_URL: `http://127.0.0.1:${port}` } }).ended;
    const result = resultOf(ran);
    expect(ran.stderr).toBe("");
    expect(Object.values(result.modelUsage)).toEqual(Object.values(plain.modelUsage));
    await quiet(here);
    expect(asked).toBeGreaterThan(0);
    silent.close();
    loci(["import", join(here.claude, "projects")], here);
    expect(await tokensOf(result.session_id, here)).toEqual(usageOf(result));
  });

  test("two agents in one folder never mix", async (context) => {
    const runs = await Promise.all([
      claude(context, "run the tool tour please").ended,
      claude(context, "wait for a subagent").ended,
    ]);
    await quiet(here);
    for (const ran of runs) {
      const result = resultOf(ran);
      expect(await tokensOf(result.session_id, here)).toEqual(usageOf(result));
    }
    await using opened = await open(store(here));
    expect((await opened.sessions.list({ parent: null })).items).toHaveLength(2);
  });

  const { kills, timeout } = killRuns(20);
  test("killed at random, recorder and agent alike, nothing is lost", { timeout }, async (context) => {
    let killed = 0;
    for (let at = 0; at < kills; at++) {
      const run = claude(context, "run the tool tour please");
      const gone = run.ended;
      // Somewhere in a run that takes a second or more.
      await new Promise((go) => setTimeout(go, 200 + Math.random() * 1_800));
      const servers = at % 2 === 0 ? serversOf(here) : [];
      for (const pid of servers) process.kill(pid, "SIGKILL");
      if (at % 2 === 1) run.process.kill("SIGKILL");
      killed += at % 2 === 1 ? 1 : servers.length;
      await gone;
    }
    expect(killed).toBeGreaterThan(0);
    // The session after them catches up; what is older than that, `loci` does.
    resultOf(await claude(context, "say hello").ended);
    await quiet(here);
    loci(["import", join(here.claude, "projects")], here);
    const kept = transcripts(here);
    expect(kept.size).toBeGreaterThan(kills / 2);
    for (const [name, bytes] of kept) {
      const id = /([0-9a-f-]{36})\.jsonl$/.exec(name)?.[1] ?? "";
      expect(loci(["export", id, "--raw"], here), name).toBe(bytes.toString("utf8"));
    }
  });
});

describe("loci resume", () => {
  test("goes on with a session on a machine that never saw it", async (context) => {
    const first = resultOf(await claude(context, "wait for a subagent").ended);
    await quiet(here);
    using there = box();
    // The store is all that travels.
    await using opened = await open(store(here));
    expect((await opened.sessions.list({ parent: null })).items).toHaveLength(1);
    const url = store(here);
    rmSync(join(here.claude, "projects"), { recursive: true });
    const said = loci(
      ["resume", first.session_id.slice(0, 8), "-C", there.workspace, "--json", "--db", url],
      there,
    );
    expect(JSON.parse(said)).toMatchObject({
      folder: there.workspace,
      command: ["claude", "--resume", first.session_id],
      files: [{ state: "written" }, { state: "written" }],
    });
    for (const name of transcripts(there).keys())
      expect(statSync(join(there.claude, "projects", name)).mode & 0o777).toBe(0o600);
    const before = llm.requests.length;
    const again = resultOf(
      await claude(context, "say hello", { at: there, args: ["--resume", first.session_id] }).ended,
    );
    expect(again.session_id).toBe(first.session_id);
    // The model was told what was said on the other machine.
    const asked = llm.requests.slice(before).filter(({ kind }) => kind === "llm");
    expect(JSON.stringify(asked.map(({ body }) => body))).toContain("wait for a subagent");
    // What went on here is newer than what is kept, and stays.
    const grown = transcripts(there);
    loci(["resume", first.session_id, "-C", there.workspace, "--db", url], there);
    expect(transcripts(there)).toEqual(grown);
  });
});
