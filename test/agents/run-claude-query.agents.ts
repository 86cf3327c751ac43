import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { agents, box, claudeEnv, jsonLines, model } from "../support/agents.ts";
import { needs } from "../support/needs.ts";
import { root, run } from "../support/tools.ts";

// A program that has this package and the Claude Agent SDK, and gives runClaudeQuery a prompt and nothing of the SDK's.

const host = `
import { ConversationLogger, createTursoClient, runClaudeQuery } from "loci/compat";
const { db, prompt, logged, options } = JSON.parse(process.argv[2]);
const store = createTursoClient({ url: db, authToken: "" });
const logger = logged ? new ConversationLogger(store) : undefined;
await logger?.startSession({ id: "plan-1", agentType: "planning", model: "fake-model" });
try {
  for await (const message of runClaudeQuery(prompt, { ...options, logger })) console.log(JSON.stringify(message));
} catch (error) {
  console.log(JSON.stringify({ type: "thrown", message: error.message }));
}
await logger?.endSession("completed");
await store.close();
`;

const script = {
  conversations: [
    {
      id: "tools",
      match: { prompt: "^use tools" },
      turns: [
        { text: "Looking.", tools: [{ tool: "Bash", input: { command: "echo hi" } }], usage: usage(500, 50) },
        { text: "All done.", usage: usage(700, 30) },
      ],
    },
    {
      id: "refused",
      match: { prompt: "^be refused" },
      turns: [{ error: { status: 400, message: "fake invalid request" } }],
    },
  ],
  fallback: { text: "OK.", usage: usage(200, 5) },
};

function usage(input: number, output: number) {
  return { input, output };
}

test("runs the SDK's own query, and logs all of it below the logger's session", async (context) => {
  const there = join(agents, "@anthropic-ai/claude-agent-sdk");
  needs(context, existsSync(there), `There is no ${there}: npm run test:agents installs it.`);
  using here = box();
  const llm = await model(script, {});
  const modules = join(here.folder, "node_modules");
  mkdirSync(modules);
  symlinkSync(root, join(modules, "loci"));
  symlinkSync(join(agents, "@anthropic-ai"), join(modules, "@anthropic-ai"));
  const program = join(here.folder, "program.mjs");
  writeFileSync(program, host);
  const db = join(here.folder, "loci.db");
  const env = { ...claudeEnv(here, llm), LOCI_HOME: here.folder };
  const asked = async (prompt: string, logged: boolean) => {
    const options = { cwd: here.workspace, env, allowedTools: ["Bash"], settingSources: [] };
    // As in a program's own folder: what it imports stands beside what imports it.
    const args = ["--preserve-symlinks", "--preserve-symlinks-main", program];
    const given = JSON.stringify({ db, prompt, logged, options });
    const ran = await run(process.execPath, [...args, given], { env, cwd: here.folder });
    expect(ran.code, ran.stderr).toBe(0);
    return jsonLines(ran.stdout);
  };

  const told = await asked("use tools", true);
  const refused = await asked("be refused", true);
  const alone = await asked("use tools", false);
  await llm.close();
  const kinds = (all: typeof told) => all.map(({ type, subtype }) => `${String(type)} ${String(subtype)}`);
  expect(kinds(alone)).toEqual(kinds(told));
  const result = told.findLast(({ type }) => type === "result");
  expect(result).toMatchObject({ subtype: "success", result: "All done." });
  expect(refused.at(-1)).toMatchObject({
    type: "thrown",
    message: expect.stringContaining("fake invalid request") as string,
  });

  await using loci = await open(db);
  const { items } = await loci.sessions.list();
  const id = String(result?.["session_id"]);
  const of = (wanted: string) => items.find((session) => session.id === wanted);
  expect(items.length).toBe(3);
  expect(of("plan-1")).toMatchObject({ parentSessionId: null, status: "completed" });
  expect(of(id)).toMatchObject({ parentSessionId: "plan-1", status: "completed", toolCount: 1 });
  expect(of(String(refused[0]?.["session_id"]))).toMatchObject({
    parentSessionId: "plan-1",
    status: "error",
  });
  const said = await loci.engine.find(messages, { where: { sessionId: id }, orderBy: [["sequence", "up"]] });
  expect(said.map(({ role }) => role)).toEqual("user assistant assistant tool assistant system".split(" "));
  const calls = await loci.engine.find(modelCalls, { where: { sessionId: id, inherited: false } });
  const counted = Object.values(result?.["modelUsage"] as Record<string, Record<string, number>>);
  const sum = (numbers: Array<number | undefined>) =>
    numbers.reduce<number>((all, one) => all + (one ?? 0), 0);
  expect(sum(calls.map(({ outputTokens }) => outputTokens))).toBe(
    sum(counted.map((one) => one["outputTokens"])),
  );
  expect(sum(calls.map(({ inputTokens }) => inputTokens))).toBe(
    sum(counted.map((one) => one["inputTokens"])),
  );
});
