import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  alone,
  box,
  claudeEnv,
  codexEnv,
  geminiEnv,
  jsonLines,
  model,
  opencodeEnv,
  program,
  started,
} from "../support/agents.ts";

// Each program does its tour: it reads, writes, fails twice and ends, with the scripted model and nothing else.
const tour = "run the tool tour please";

test("there is no network but the loopback, wherever the machine can make such a place", async () => {
  if (!alone) {
    expect(spawnSync("unshare", ["--map-root-user", "--net", "ip", "link"]).status).not.toBe(0);
    return;
  }
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  expect(addresses.length).toBeGreaterThan(0);
  expect(addresses.filter(({ internal }) => !internal)).toEqual([]);
  const socket = connect(443, "192.0.2.1");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ENETUNREACH");
});

test("Claude Code runs against the scripted model", async (context) => {
  const claude = program(context, "claude");
  using here = box();
  const llm = await model("claude-tools", { CWD: here.workspace });
  try {
    const args = ["-p", tour, "--output-format", "stream-json", "--verbose"]
      .concat("--permission-mode", "acceptEdits")
      .concat("--allowedTools", "Bash", "Read", "Write", "Edit");
    const ran = await started(claude, args, { cwd: here.workspace, env: claudeEnv(here, llm) }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    expect(jsonLines(ran.stdout).at(-1)).toMatchObject({ type: "result", is_error: false });
    wrote(here.workspace);
    expect(llm.requests.filter(({ conversation }) => conversation === "tools").length).toBe(5);
  } finally {
    await llm.close();
  }
});

test("Codex runs against the scripted model", async (context) => {
  const codex = program(context, "codex");
  using here = box();
  const llm = await model("codex-tools", { CWD: here.workspace });
  try {
    const args = ["exec", "--skip-git-repo-check", "--json", tour];
    const ran = await started(codex, args, { cwd: here.workspace, env: codexEnv(here, llm) }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    expect(jsonLines(ran.stdout).map(({ type }) => type)).toContain("turn.completed");
    wrote(here.workspace);
  } finally {
    await llm.close();
  }
});

test("Gemini CLI runs against the scripted model", async (context) => {
  const gemini = program(context, "gemini");
  using here = box();
  const llm = await model("gemini-tools", { CWD: here.workspace });
  try {
    const args = ["-p", tour, "-m", "gemini-2.5-flash", "--output-format", "stream-json"]
      .concat("--approval-mode", "yolo")
      .concat("--skip-trust");
    const ran = await started(gemini, args, { cwd: here.workspace, env: geminiEnv(here, llm) }).ended;
    expect(ran.code, ran.stderr).toBe(0);
    expect(jsonLines(ran.stdout).at(-1)).toMatchObject({ status: "success" });
    wrote(here.workspace);
  } finally {
    await llm.close();
  }
});

test("OpenCode runs against the scripted model", async (context) => {
  const opencode = program(context, "opencode");
  using here = box();
  const llm = await model("opencode-tools", { CWD: here.workspace });
  const env = opencodeEnv(here, llm);
  const args = ["serve", "--port", "0", "--hostname", "127.0.0.1"];
  const server = spawn(opencode, args, { cwd: here.workspace, env, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const url = await listening(server);
    const call = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
      return (await answer.json()) as Record<string, unknown>;
    };
    const { id } = await call("/session", {});
    const parts = [{ type: "text", text: tour }];
    expect(JSON.stringify(await call(`/session/${id}/message`, { parts }))).toContain("All done");
    wrote(here.workspace);
  } finally {
    const gone = once(server, "exit");
    server.kill("SIGKILL");
    await gone;
    await llm.close();
  }
});

function wrote(workspace: string): void {
  expect(readFileSync(join(workspace, "notes.txt"), "utf8")).toContain("line one");
}

/** Where a server says that it listens. */
function listening(server: ChildProcess): Promise<string> {
  return new Promise((found, fail) => {
    let seen = "";
    const look = (data: Buffer): void => {
      seen += data;
      const url = /listening on (http:\S+)/.exec(seen)?.[1];
      if (url !== undefined) found(url);
    };
    server.stdout?.on("data", look);
    server.stderr?.on("data", look);
    server.once("exit", (code) => fail(new Error(`It ended with ${code}: ${seen.slice(-400)}`)));
  });
}
