import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { explainCost } from "../../dist/record/explain.js";
import { counts, testFolder, testStore } from "./support/store.ts";

const fixture = fileURLToPath(new URL("../fixtures/gemini/gemini-chat-session.jsonl", import.meta.url));
const lines = readFileSync(fixture, "utf8").split("\n").filter(Boolean);
const id = "dcc154d5-aa7f-4b17-a2b9-e2085db05a09";
const text = (...all: readonly (string | object)[]): string =>
  all.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");

describe("a chat of Gemini CLI", () => {
  test("becomes a session whose tokens are the totals of its answers", async () => {
    await using store = await testStore("memory:");
    const report = await store.run({ paths: [fixture] });
    expect(counts(report)).toMatchObject({
      ...{ files: 1, lines: 16, unreadable: 0, sessions: 1, rawEvents: 16 },
      ...{ messages: 7, toolExecutions: 2, modelCalls: 3 },
    });
    const [session] = await store.engine.find(sessions);
    // 1253 + 6020 + 1210: thoughts are output, what came from the cache is no input.
    expect(session).toMatchObject({
      ...{ id, agentType: "gemini", source: "gemini", provider: "google", model: "gemini-2.5-flash" },
      ...{ inputTokens: 8_197, cacheReadTokens: 200, outputTokens: 86, status: "completed" },
      ...{ title: "run the tool tour please", costComplete: true },
    });
    expect(8_197 + 200 + 86).toBe(1_253 + 6_020 + 1_210);
    const said = await store.engine.find(messages, { orderBy: [["sequence", "up"]] });
    expect(said.map(({ role, content }) => [role, content])).toEqual([
      ["user", expect.stringContaining("<session_context>")],
      ["user", "run the tool tour please"],
      ["assistant", "Let me look."],
      ["tool", null],
      ["assistant", null],
      ["tool", null],
      ["assistant", "All done."],
    ]);
  });

  test("has its calls of tools with input and result; each call of a model says its line", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [fixture] });
    expect(await store.engine.find(toolExecutions, { orderBy: [["startedAt", "up"]] })).toMatchObject([
      {
        ...{ toolName: "run_shell_command", status: "completed", durationMs: 138 },
        input: { command: "echo hello; ls" },
        output: expect.stringContaining("README.md"),
      },
      { toolName: "read_file", status: "error", error: "File not found: /workspace/nope.txt", output: null },
    ]);
    const { counted, rejected } = await explainCost(store.engine, id);
    expect(counted.map(({ takenFrom }) => takenFrom)).toEqual([7, 12, 15]);
    expect(rejected).toEqual([]);
  });

  test("is the same whether it is read at once or line by line, and when it is read again", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("session.jsonl");
    for (let end = 1; end <= lines.length; end++) {
      writeFileSync(path, text(...lines.slice(0, end)));
      await store.run({ paths: [path] });
    }
    expect(await store.run({ paths: [path] })).toMatchObject({
      messages: 7,
      toolExecutions: 2,
      modelCalls: 3,
    });
    expect(await store.engine.find(sessions)).toMatchObject([{ inputTokens: 8_197, outputTokens: 86 }]);
    expect((await store.raw(id)).equals(readFileSync(path))).toBe(true);
    writeFileSync(path, text(...lines).slice(0, -30));
    expect(await store.run({ paths: [path] })).toMatchObject({ messages: 7, modelCalls: 3 });
  });

  test("stands in a folder that tells its project, and its parent where it is a sub-agent's", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    mkdirSync(folder.at("tmp", "app", "chats", id), { recursive: true });
    writeFileSync(folder.at("tmp", "app", ".project_root"), "/home/user/app\n");
    writeFileSync(folder.at("tmp", "app", "chats", "session-1.jsonl"), text(...lines));
    writeFileSync(
      folder.at("tmp", "app", "chats", id, "child.jsonl"),
      text(
        { sessionId: "child", projectHash: "x", kind: "subagent", startTime: "2026-11-20T19:51:42.000Z" },
        {
          ...{ id: "m", type: "gemini", timestamp: "2026-11-20T19:51:42.100Z", content: "Found." },
          thoughts: [{ subject: "Plan", description: "Look.", timestamp: "2026-11-20T19:51:42.100Z" }],
        },
        { id: "e", type: "error", timestamp: "2026-11-20T19:51:43.100Z", content: "Quota exceeded." },
        { $set: { summary: "Searching" } },
        { $rewindTo: "m" },
      ),
    );
    await store.run({ paths: [folder.path] });
    expect(await store.engine.find(sessions, { orderBy: [["startedAt", "up"]] })).toMatchObject([
      { id, projectPath: "/home/user/app", parentSessionId: null },
      {
        ...{ id: "child", parentSessionId: id, agentType: "subagent", title: "Searching", messageCount: 3 },
        ...{ projectPath: "/home/user/app", status: "error", errorMessage: "Quota exceeded." },
      },
    ]);
    const thought = (await store.engine.find(messages)).find(({ content }) => content === "Plan\n\nLook.");
    expect(thought?.metadata).toMatchObject({ thinking: true });
  });
});

test("odd types, foreign and torn lines pass through; bytes stay as they are", async () => {
  using folder = testFolder();
  await using store = await testStore("memory:");
  const path = folder.at("s.jsonl");
  const bytes = Buffer.concat([
    Buffer.from(
      text(
        { sessionId: "s1", projectHash: "x", startTime: 7 },
        '{"torn":',
        "[1]",
        { $set: { messages: [null, 5, { id: "a", type: "user", content: "in $set" }], directories: 7 } },
        {
          id: "constructor",
          type: "gemini",
          content: 5,
          toolCalls: [null, {}, { id: "__proto__", args: 5, status: 7 }],
        },
        {
          id: "c",
          type: "gemini",
          content: [{ text: "nul \u0000 \ud800" }, { inlineData: {} }],
          tokens: { input: -1, output: "x" },
        },
        { id: "d", type: "from-the-future", content: {} },
        {
          id: "e",
          type: "gemini",
          content: "cancelled",
          toolCalls: [{ id: "t", name: "x", status: "cancelled" }],
        },
      ),
    ),
    Buffer.from([0xff, 0, 10]),
    Buffer.from(`{"id":"long","type":"user","content":"${"0123456789".repeat(20_000)}"}\n`),
  ]);
  writeFileSync(path, bytes);
  const limits = { line: 100_000, piece: 30_000, chunk: 8_192 };
  const report = await store.run({ paths: [path], limits });
  expect(report).toMatchObject({ lines: 10, unreadable: 4, rawEvents: 10, sessions: 1 });
  expect((await store.raw("s1")).equals(bytes)).toBe(true);
  const said = await store.engine.find(messages);
  expect(said.map(({ content }) => content)).toEqual(
    expect.arrayContaining(["in $set", "nul \u0000 \ud800", "cancelled"]),
  );
  const tools = await store.engine.find(toolExecutions);
  expect(tools.find(({ callId }) => callId === "t")).toMatchObject({
    status: "error",
    metadata: { cancelled: true },
  });
  expect((await store.engine.find(modelCalls)).every(({ inputTokens }) => inputTokens === 0)).toBe(true);
});
