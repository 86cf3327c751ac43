import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { hasTerminal } from "../doors/world.ts";
import { box, type Box, claudeEnv, jsonLines, model, program } from "../support/agents.ts";
import type { FakeLlm } from "../support/fake-llm/lib/server.mjs";
import { needs } from "../support/needs.ts";
import { plugin, quiet, type Result, store, tokensOf, transcripts, usageOf } from "./claude-world.ts";

// The real Claude Code as a person sits before it: in a terminal, for several turns. It keeps other files than in print mode.
let here: Box;
let llm: FakeLlm;
let child: ChildProcess | undefined;
beforeEach(async () => {
  here = box();
  llm = await model("claude-tools", { CWD: here.workspace });
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await llm.close();
  here[Symbol.dispose]();
});

/** What a person has answered already who used it before. */
function settle({ claude, workspace }: Box): void {
  mkdirSync(claude, { recursive: true });
  const trusted = { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true };
  const known = {
    hasCompletedOnboarding: true,
    theme: "dark",
    customApiKeyResponses: { approved: ["sk-ant-dummy"], rejected: [] },
    projects: { [workspace]: trusted },
  };
  writeFileSync(join(claude, ".claude.json"), JSON.stringify(known));
}

test("a session in a terminal is recorded turn by turn, to the token", async (context) => {
  needs(context, hasTerminal, "There is no script (bsdutils) that makes a terminal.");
  settle(here);
  const command = `stty cols 120 rows 40; exec ${program(context, "claude")} --plugin-dir ${plugin}`;
  const env = { ...claudeEnv(here, llm), TERM: "xterm-256color" };
  child = spawn("script", ["-qfec", command, "/dev/null"], { cwd: here.workspace, env });
  const gone = once(child, "exit");
  let screen = "";
  child.stdout?.on("data", (data: Buffer) => (screen += data));
  /** Typed as one types: the words, and then the key. */
  const say = async (words: string): Promise<void> => {
    child?.stdin?.write(words);
    await new Promise((go) => setTimeout(go, 300));
    child?.stdin?.write("\r");
  };
  const recorded = async (): Promise<unknown[]> => {
    await using opened = await open(store(here));
    const { items } = await opened.sessions.list({ limit: 100 });
    return items.map(({ title, messageCount }) => [title, messageCount]);
  };
  await expect.poll(() => screen, { timeout: 60_000 }).toContain("❯");
  for (const [turn, words] of ["say hello", "say hello again"].entries()) {
    await say(words);
    // While the program waits for the next turn.
    await expect.poll(recorded, { timeout: 60_000 }).toEqual([["say hello", 2 * (turn + 1)]]);
  }
  await say("/exit");
  await gone;
  await quiet(here);
  expect(await recorded()).toEqual([["say hello", 4]]);
  const [[name, bytes] = ["", Buffer.alloc(0)], ...more] = transcripts(here);
  expect(more).toEqual([]);
  // What it says itself of the session, in the end.
  const cost = jsonLines(bytes.toString("utf8")).findLast(({ type }) => type === "cost-state");
  const id = /([0-9a-f-]{36})\.jsonl$/.exec(name)?.[1] ?? "";
  expect(await tokensOf(id, here)).toEqual(usageOf(cost as unknown as Pick<Result, "modelUsage">));
  await using opened = await open(store(here));
  expect((await opened.sessions.get(id))?.costUsd).toBeCloseTo(Number(cost?.["totalCostUSD"]), 6);
});
