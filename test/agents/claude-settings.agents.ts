import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, type TestContext } from "vitest";
import { box, type Box, claudeEnv, jsonLines, model, program, started } from "../support/agents.ts";
import type { FakeLlm } from "../support/fake-llm/lib/server.mjs";
import { loci, plugin, quiet, resultOf, tokensOf, usageOf } from "./claude-world.ts";

// The real Claude Code, with the plugin that loci connect wrote into its settings, and nothing else of ours.
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

/** Where each plugin was loaded from, by name, and whether the session was recorded, to the token. */
async function hello(context: TestContext) {
  const args = ["-p", "say hello", "--output-format", "stream-json", "--verbose"];
  const where = { cwd: here.workspace, env: claudeEnv(here, llm) };
  const ran = await started(program(context, "claude"), args, where).ended;
  const result = resultOf(ran);
  const told = jsonLines(ran.stdout).find(({ subtype }) => subtype === "init");
  const plugins = told?.["plugins"] as ReadonlyArray<{ name: string; path: string }>;
  await quiet(here);
  const { inputTokens } = await tokensOf(result.session_id, here);
  if (inputTokens !== 0) expect(await tokensOf(result.session_id, here)).toEqual(usageOf(result));
  return { from: plugins.find(({ name }) => name === "loci")?.path, recorded: inputTokens !== 0 };
}

const connect = (...more: string[]) => loci(["connect", "claude-code", "--plugin", "--yes", ...more], here);
const loaded = { from: plugin, recorded: true };
const absent = { from: undefined, recorded: false };

test("loci connect claude-code --plugin: the next session is recorded, from where the package is, until --undo", async (context) => {
  connect();
  expect(await hello(context)).toEqual(loaded);
  expect(await hello(context)).toEqual(loaded);
  connect("--undo");
  expect(existsSync(join(here.claude, "settings.json"))).toBe(false);
  expect(await hello(context)).toEqual(absent);
});

test("with --project it is loaded once the person trusts the folder", async (context) => {
  connect("--project");
  expect(await hello(context)).toEqual(absent);
  const projects = { [here.workspace]: { hasTrustDialogAccepted: true } };
  mkdirSync(here.claude, { recursive: true });
  writeFileSync(join(here.claude, ".claude.json"), JSON.stringify({ projects }));
  expect(await hello(context)).toEqual(loaded);
});
