import { appendFileSync, cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { messages } from "../../dist/model/message.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { counts, testFolder, testStore, type TestStore } from "./support/store.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/codex/codex-rollout-${name}.jsonl`, import.meta.url));
const lines = readFileSync(fixture("tools"), "utf8").split("\n").filter(Boolean);
const tour = "01a1fa82-f881-79f2-b828-b3b69595972b";

interface Line {
  type: string;
  payload: Record<string, unknown>;
}

const parsed = (line: string): Line => JSON.parse(line) as Line;
const text = (...all: readonly (string | object)[]): string =>
  all.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");

async function session(store: TestStore): Promise<Record<string, unknown>> {
  const [row] = await store.engine.find(sessions);
  return { ...row };
}

describe("a rollout file of Codex", () => {
  test("becomes a session with the tokens that Codex itself counted, each once", async () => {
    await using store = await testStore("memory:");
    const report = await store.run({ paths: [fixture("tools")] });
    expect(counts(report)).toMatchObject({
      ...{ files: 1, lines: 28, unreadable: 0, sessions: 1, rawEvents: 28 },
      ...{ messages: 10, toolExecutions: 2, modelCalls: 3 },
    });
    // thread_token_usage: 7721 in, 200 of them from the cache, 73 out.
    expect(await session(store)).toMatchObject({
      ...{ id: tour, agentType: "codex", source: "codex", model: "fake-model", provider: "fake" },
      ...{ inputTokens: 7_521, cacheReadTokens: 200, cacheWriteTokens: 0, outputTokens: 73 },
      ...{ status: "completed", title: "run the tool tour please", projectPath: "/workspace" },
      metadata: { version: "0.169.0", originator: "codex_exec" },
      costComplete: false,
    });
    const said = await store.engine.find(messages, { orderBy: [["sequence", "up"]] });
    expect(said.map(({ role, content, metadata }) => [role, content, metadata])).toMatchObject([
      ["system", expect.any(String), { meta: true }],
      ["user", expect.stringContaining("<environment_context>"), { meta: true }],
      ["user", "run the tool tour please", {}],
      ["assistant", "Look first.", { thinking: true }],
      ["assistant", "Let me look.", {}],
      ["assistant", null, {}],
      ["tool", null, {}],
      ["assistant", null, {}],
      ["tool", null, {}],
      ["assistant", "All done.", {}],
    ]);
  });

  test("has its calls of tools with input, output, exit code and duration", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [fixture("tools")] });
    const tools = await store.engine.find(toolExecutions, { orderBy: [["startedAt", "up"]] });
    expect(tools).toMatchObject([
      {
        ...{ toolName: "exec_command", status: "completed", callId: "call_fake00000000000000000005" },
        input: { cmd: "echo hello; ls" },
        ...{
          output: expect.stringContaining("README.md"),
          error: null,
          durationMs: 0,
          metadata: { exitCode: 0 },
        },
      },
      {
        ...{ toolName: "exec_command", status: "error", output: null, metadata: { exitCode: 3 } },
        error: expect.stringContaining("Process exited with code 3"),
      },
    ]);
    expect(
      tools.every(({ messageId, resultMessageId }) => messageId !== null && resultMessageId !== null),
    ).toBe(true);
  });

  test("of a turn that failed says so", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [fixture("error")] });
    expect(await session(store)).toMatchObject({
      ...{
        status: "error",
        errorMessage: expect.stringContaining("high demand"),
        inputTokens: 0,
        errorCount: 1,
      },
      title: "always fail please",
    });
    const [error] = await store.engine.find(messages, {
      where: { role: "system" },
      orderBy: [["sequence", "down"]],
    });
    expect(error).toMatchObject({
      content: expect.stringContaining("high demand"),
      metadata: { subtype: "error" },
    });
  });

  test("is the same again, and only what was appended is read", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    await using whole = await testStore("memory:");
    const path = folder.at("rollout.jsonl");
    for (const end of [1, 7, 14, 15, 16, 17, 22, 28]) {
      writeFileSync(path, text(...lines.slice(0, end)));
      await store.run({ paths: [path] });
      expect((await store.raw(tour)).equals(readFileSync(path))).toBe(true);
    }
    const before = await store.lines();
    const again = await store.run({ paths: [path] });
    expect(again).toMatchObject({ lines: 28, messages: 10, modelCalls: 3, toolExecutions: 2 });
    expect(await store.lines()).toEqual(before);
    await whole.run({ paths: [path] });
    const facts = async (one: TestStore): Promise<unknown> => {
      const { updatedAt: _, ...row } = await session(one);
      return [row, (await one.lines()).filter((line) => !line.includes('"kind":"session"')).sort()];
    };
    expect(await facts(store)).toEqual(await facts(whole));
  });

  test("whose last line is cut waits for the rest of it", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("rollout.jsonl");
    writeFileSync(path, text(...lines));
    truncateSync(path, readFileSync(path).length - 60);
    expect(await store.run({ paths: [path] })).toMatchObject({ lines: 28, unreadable: 1, messages: 10 });
    writeFileSync(path, text(...lines));
    expect(await store.run({ paths: [path] })).toMatchObject({ lines: 28, unreadable: 0, messages: 10 });
    expect((await store.raw(tour)).equals(readFileSync(path))).toBe(true);
  });
});

const head = (id: string, more: object = {}): object => ({
  timestamp: "2026-05-01T10:00:00.000Z",
  type: "session_meta",
  payload: { id, cwd: "/srv", cli_version: "0.60.0", model_provider: "openai", ...more },
});
describe("hostile rollout files", () => {
  test("odd types, foreign and torn lines pass through; bytes stay as they are", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("r.jsonl");
    const odd = [
      '{"torn":',
      "[1,2]",
      "",
      '{"type":"from-the-future","payload":{"deep":[[[]]]}}',
      '{"type":"response_item","payload":null}',
      '{"type":"response_item","payload":{"type":"function_call","call_id":"constructor","name":5,"arguments":7}}',
      '{"type":"response_item","payload":{"type":"function_call_output","call_id":"__proto__","output":[null,5,{"type":"input_image"}]}}',
      '{"type":"response_item","payload":{"type":"message","role":"user","content":[null,7,{"type":"input_text","text":"nul \\u0000 lone \\ud800"}]}}',
      '{"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":-5,"output_tokens":"x"}}}}',
      '{"type":"token_usage_record","payload":{"usage":[]}}',
      '{"type":"event_msg","timestamp":"not a time","payload":{"type":"turn_aborted","reason":{}}}',
      `{"type":"response_item","payload":{"type":"function_call","call_id":"d","name":"n","arguments":${JSON.stringify(`${"[".repeat(20_000)}${"]".repeat(20_000)}`)}}}`,
    ];
    const bytes = Buffer.concat([Buffer.from(text(head("s1"), ...odd)), Buffer.from([0xff, 0, 0xfe, 10])]);
    writeFileSync(path, bytes);
    const report = await store.run({ paths: [path] });
    expect(report).toMatchObject({ lines: 14, unreadable: 3, rawEvents: 14, sessions: 1 });
    expect((await store.engine.find(messages)).map(({ content }) => content)).toContain(
      "nul \u0000 lone \ud800",
    );
    expect((await store.raw("s1")).equals(bytes)).toBe(true);
    expect(await session(store)).toMatchObject({ inputTokens: 0, status: "interrupted" });
  });

  test("a line of 50 MB is kept, counted and not looked into", async () => {
    using folder = testFolder();
    await using store = await testStore(folder.at("store.db"));
    const path = folder.at("rollout.jsonl");
    writeFileSync(path, text(...lines.slice(0, 8)));
    appendFileSync(path, '{"type":"response_item","payload":{"x":"');
    for (let i = 0; i < 50; i++) appendFileSync(path, Buffer.alloc(1024 * 1024, 120 + (i % 2)));
    appendFileSync(path, `"}}\n${text(...lines.slice(8))}`);
    expect(await store.run({ paths: [path] })).toMatchObject({ lines: 29, unreadable: 1, messages: 10 });
    expect((await store.raw(tour)).equals(readFileSync(path))).toBe(true);
  });

  test("what was read as another source is read again as what it is", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [fixture("tools")], source: "claude-code" });
    expect(await store.engine.find(sessions)).toHaveLength(0);
    await store.run({ paths: [fixture("tools")], source: "codex" });
    expect(await session(store)).toMatchObject({ id: tour, outputTokens: 73 });
    expect(parsed(lines[0] ?? "").type).toBe("session_meta");
  });
});

test("a folder of Codex is read with everything below it", async () => {
  using folder = testFolder();
  await using store = await testStore("memory:");
  mkdirSync(folder.at("sessions", "2026", "11", "20"), { recursive: true });
  for (const name of ["tools", "error"]) {
    cpSync(fixture(name), folder.at("sessions", "2026", "11", "20", `rollout-${name}.jsonl`));
  }
  expect(await store.run({ paths: [folder.path] })).toMatchObject({ files: 2, sessions: 2, problems: [] });
});
