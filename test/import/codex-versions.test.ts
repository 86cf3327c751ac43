import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { testFolder, testStore, type TestStore } from "./support/store.ts";

const text = (...all: readonly (string | object)[]): string =>
  all.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");

async function session(store: TestStore): Promise<Record<string, unknown>> {
  const [row] = await store.engine.find(sessions);
  return { ...row };
}

const head = (id: string, more: object = {}): object => ({
  timestamp: "2026-05-01T10:00:00.000Z",
  type: "session_meta",
  payload: { id, cwd: "/srv", cli_version: "0.60.0", model_provider: "openai", ...more },
});
const at = (second: number): string => `2026-05-01T10:00:${String(second).padStart(2, "0")}.000Z`;
const item = (second: number, payload: object): object => ({
  timestamp: at(second),
  type: "response_item",
  payload,
});
const event = (second: number, payload: object): object => ({
  timestamp: at(second),
  type: "event_msg",
  payload,
});
const turn = (second: number, turn_id: string): object => ({
  timestamp: at(second),
  type: "turn_context",
  payload: { turn_id, model: "gpt-5", cwd: "/srv" },
});
const usage = (input: number, cached: number, output: number): object => ({
  input_tokens: input,
  cached_input_tokens: cached,
  output_tokens: output,
  reasoning_output_tokens: 0,
  total_tokens: input + output,
});
const count = (second: number, total: object, last: object): object =>
  event(second, { type: "token_count", info: { total_token_usage: total, last_token_usage: last } });
const prompt = (second: number, said: string): object =>
  item(second, { type: "message", role: "user", content: [{ type: "input_text", text: said }] });

describe("other versions and turns of Codex", () => {
  test("without records of usage, the growing total is taken, its repetitions not", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("r.jsonl");
    const [one, two] = [usage(100, 40, 10), usage(300, 140, 25)];
    writeFileSync(
      path,
      text(
        head("s1", { git: { branch: "main", commit_hash: "abc" } }),
        turn(1, "t1"),
        prompt(1, "go"),
        count(2, one, one),
        count(3, one, one),
        count(4, two, usage(200, 100, 15)),
        event(5, { type: "token_count", info: null }),
      ),
    );
    await store.run({ paths: [path] });
    expect(await session(store)).toMatchObject({
      ...{ inputTokens: 160, cacheReadTokens: 140, outputTokens: 25, gitBranch: "main", provider: "openai" },
      ...{ costComplete: true, costUsd: (160 * 1.25 + 140 * 0.125 + 25 * 10) / 1e6 },
    });
    expect(await store.engine.find(modelCalls)).toHaveLength(2);
  });

  test("a fork has its parent's lines, and not its tokens", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("r.jsonl");
    const fork = "01900000-0000-7000-8000-00000000000b";
    const parent = "01800000-0000-7000-8000-00000000000a";
    writeFileSync(
      path,
      text(
        head(fork, { forked_from_id: parent }),
        head(parent),
        turn(1, "01800000-0000-7000-8000-00000000000c"),
        prompt(1, "before"),
        count(2, usage(100, 0, 10), usage(100, 0, 10)),
        turn(3, "01a00000-0000-7000-8000-00000000000d"),
        prompt(3, "after"),
        count(4, usage(250, 0, 30), usage(150, 0, 20)),
      ),
    );
    await store.run({ paths: [path] });
    expect(await session(store)).toMatchObject({
      ...{ id: fork, inputTokens: 150, outputTokens: 20, metadata: { forkedFrom: parent } },
    });
    const calls = await store.engine.find(modelCalls, { orderBy: [["startedAt", "up"]] });
    expect(calls.map(({ inherited }) => inherited)).toEqual([true, false]);
  });

  test("a turn that was aborted, a sub-agent, a custom tool, an older output", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const spawn = { parent_thread_id: "s1", depth: 1, agent_nickname: "Ada", agent_role: "explorer" };
    writeFileSync(
      folder.at("r.jsonl"),
      text(
        head("s2", { source: { subagent: { thread_spawn: spawn } } }),
        turn(1, "t1"),
        prompt(1, "go"),
        item(2, { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: "*** Begin Patch" }),
        item(3, {
          type: "custom_tool_call_output",
          call_id: "c1",
          output: '{"output":"Done","metadata":{"exit_code":0,"duration_seconds":1.5}}',
        }),
        item(4, { type: "local_shell_call", call_id: "c2", action: { type: "exec", command: ["ls"] } }),
        item(4, { type: "web_search_call", id: "ws1", status: "completed", action: { query: "x" } }),
        event(5, { type: "turn_aborted", reason: "interrupted" }),
        event(6, {
          type: "exec_command_end",
          call_id: "c9",
          command: ["bash", "-lc", "date"],
          exit_code: 1,
          aggregated_output: "no",
          duration: { secs: 2, nanos: 5e8 },
        }),
      ),
    );
    await store.run({ paths: [folder.path] });
    expect(await session(store)).toMatchObject({
      ...{ status: "interrupted", errorMessage: "The turn was aborted: interrupted." },
      ...{ parentSessionId: "s1", agentType: "explorer", agentId: "Ada" },
    });
    const tools = await store.engine.find(toolExecutions);
    expect(Object.fromEntries(tools.map((tool) => [tool.callId, tool]))).toMatchObject({
      c1: {
        toolName: "apply_patch",
        input: "*** Begin Patch",
        output: "Done",
        durationMs: 1_500,
        status: "completed",
      },
      c2: { toolName: "local_shell", status: "error", error: "No result was recorded." },
      ws1: { toolName: "web_search", status: "completed" },
      c9: { toolName: "shell", status: "error", error: "no", durationMs: 2_500, messageId: null },
    });
  });

  test("lines without an envelope, of the first versions, are read too", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    writeFileSync(
      folder.at("r.jsonl"),
      text(
        { id: "old", timestamp: at(0), instructions: null },
        { record_type: "state" },
        { type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "hi" }] },
      ),
    );
    await store.run({ paths: [folder.path] });
    expect(await session(store)).toMatchObject({
      id: "old",
      source: "codex",
      title: "hello",
      messageCount: 2,
    });
  });
});
