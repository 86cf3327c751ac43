import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sessions } from "../../dist/model/session.js";
import { withEnvFile } from "../../dist/record/redact-env.js";
import { testFolder, testStore } from "./support/store.ts";

const usage = (outputTokens: number): object => ({ input_tokens: 1200, output_tokens: outputTokens });

/** What `claude -p --output-format stream-json` prints: no `sessionId`, and output counts of 1 but for the result. */
const stream = [
  { type: "system", subtype: "init", session_id: "s", cwd: "/srv", uuid: "u1" },
  {
    type: "assistant",
    session_id: "s",
    uuid: "u2",
    timestamp: "2026-05-01T10:00:00.000Z",
    message: {
      id: "m1",
      model: "claude-opus-4-6",
      content: [{ type: "text", text: "Done." }],
      usage: usage(1),
    },
  },
  {
    type: "result",
    session_id: "s",
    uuid: "u3",
    usage: usage(340),
    modelUsage: { "claude-opus-4-6": { inputTokens: 1200, outputTokens: 340 } },
  },
];

describe("what is no transcript of Claude Code", () => {
  test("a saved message stream has the tokens that its result names, and a session that is said", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("stream.jsonl");
    writeFileSync(path, stream.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const { problems } = await store.run({ paths: [path] });
    expect(problems).toEqual([]);
    const [session] = await store.engine.find(sessions);
    expect(session).toMatchObject({ inputTokens: 1200, outputTokens: 340, status: "completed", title: null });
    expect(session?.costUsd).toBeGreaterThan(0);
  });

  test("a file in which no session was found is told of, every time, and kept", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("other.jsonl");
    writeFileSync(path, '{"type":"meta","payload":{"id":"x"}}\n');
    const problem = { path, problem: "No session was found in it; its lines are kept as they are." };
    expect(await store.run({ paths: [path] })).toMatchObject({ rawEvents: 1, problems: [problem] });
    expect(await store.run({ paths: [path] })).toMatchObject({ rawEvents: 1, problems: [problem] });
  });

  test("what is no plain file, and an empty path, are refused at once", async () => {
    await using store = await testStore("memory:");
    await expect(store.run({ paths: ["/dev/null"] })).rejects.toMatchObject({ code: "invalid" });
    await expect(store.run({ paths: [""] })).rejects.toMatchObject({ code: "invalid" });
  });
});

test("the values of the .env file are hidden unless the caller names others or turns it off", () => {
  using folder = testFolder();
  writeFileSync(folder.at(".env"), "KEY=my-own-value-77\n");
  expect(withEnvFile({}, folder.path)).toEqual({ literals: ["my-own-value-77"] });
  expect(withEnvFile({ literals: [] }, folder.path)).toEqual({ literals: [] });
  expect(withEnvFile({ off: true }, folder.path)).toEqual({ off: true });
  expect(withEnvFile(undefined, folder.at("nowhere"))).toEqual({});
});
