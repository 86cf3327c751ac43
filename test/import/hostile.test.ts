import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { importedFiles } from "../../dist/model/raw-event.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { counts, testFolder, testStore } from "./support/store.ts";
import { answer, at, prompt, sessionId, text, toolCall, toolResult } from "./support/transcript.ts";

describe("input that is not as it should be", () => {
  test("a binary file is kept and counted, and makes no session", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919) % 256));
    writeFileSync(folder.at("b.jsonl"), bytes);
    const report = await store.run({ paths: [folder.path] });
    const lines = bytes.filter((byte) => byte === 10).length + (bytes.at(-1) === 10 ? 0 : 1);
    expect(counts(report)).toMatchObject({ files: 1, lines, sessions: 0, messages: 0, rawEvents: lines });
    expect(report.unreadable).toBeGreaterThan(lines - 3);
    const [row] = await store.engine.find(importedFiles);
    expect((await store.raw(row?.id ?? "")).equals(bytes)).toBe(true);
  });

  test("lines over the limit are kept in pieces and counted", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    const long = `{"type":"user","x":"${"0123456789".repeat(50_000)}"}`;
    writeFileSync(path, text(prompt(1, "first"), long, answer(2, "one"), long));
    const limits = { line: 100_000, piece: 30_000, chunk: 8_192 };
    const report = await store.run({ paths: [path], limits });
    expect(counts(report)).toMatchObject({ lines: 4, unreadable: 2, messages: 2, rawEvents: 4 });
    expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
  });

  test("a line of 64 MB needs little memory and leaves the others alone", async () => {
    using folder = testFolder();
    await using store = await testStore(folder.at("store.db"));
    const path = folder.at("a.jsonl");
    writeFileSync(path, text(prompt(1, "first")));
    for (let i = 0; i < 64; i++) appendFileSync(path, Buffer.alloc(1024 * 1024, 120 + (i % 2)));
    appendFileSync(path, `\n${text(answer(2, "one"))}`);
    const report = await store.run({ paths: [path] });
    expect(counts(report)).toMatchObject({ lines: 3, unreadable: 1, messages: 2, rawEvents: 3 });
    expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
    // Two pieces, two copies of them, and the batches on their way.
    expect(process.memoryUsage().rss).toBeLessThan(900 * 1024 * 1024);
  });

  test("torn, odd and unknown lines pass through; bytes stay as they are", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    const odd = [
      prompt(1, "null \\u0000 in it").replace("null \\\\u0000", "null \\u0000"),
      '{"torn":',
      "[1,2]",
      "42",
      "",
      '{"type":"from-the-future","uuid":"u","sessionId":"s","deep":[[[[]]]]}',
      prompt(2, "lone").replace("lone", "lone \\ud800 surrogate"),
      `{"type":"user","uuid":"__proto__","parentUuid":"__proto__","sessionId":"${sessionId}","message":{"role":"user","content":[null,5,"bare",{"type":"image","source":{"media_type":"image/png","data":"x"}}]}}`,
      `{"type":"assistant","sessionId":"${sessionId}","message":{"id":"constructor","model":5,"content":[{"type":"tool_use","id":"constructor"}],"usage":{"input_tokens":-5,"output_tokens":"x"}}}`,
      `{"type":"user","sessionId":"${sessionId}","timestamp":"not a time","message":null}`,
    ];
    const bytes = Buffer.concat([
      Buffer.from("\ufeff"),
      Buffer.from(text(...odd)),
      Buffer.from(prompt(3, "bad utf8 ")).fill(0xff, 30, 31),
      Buffer.from("\r\n\n"),
    ]);
    writeFileSync(path, bytes);
    const report = await store.run({ paths: [path] });
    expect(report.unreadable).toBe(4);
    expect(report.rawEvents).toBe(report.lines);
    const rows = await store.engine.find(messages, { orderBy: [["sequence", "up"]] });
    expect(rows.map((row) => row.content)).toEqual(
      expect.arrayContaining(["null \u0000 in it", "lone \ud800 surrogate", "bare"]),
    );
    expect((await store.raw(sessionId)).equals(bytes)).toBe(true);
  });

  test("cyclic parents and a clock that jumps do no harm", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    at("2026-03-01T10:00:00Z");
    const first = prompt(1, "first").replace(
      '"parentUuid":null',
      '"parentUuid":"00000000-0000-4000-8000-000000000003"',
    );
    const call = toolCall(2, "toolu_1", { command: "date" });
    const result = toolResult(3, "toolu_1", {
      content: "back in time",
      timestamp: "1999-12-31T23:59:59.000Z",
    });
    writeFileSync(
      path,
      text(
        first,
        call,
        result,
        answer(4, "done").replace(/"timestamp":"[^"]+"/, '"timestamp":"+292278994-08-17T07:12:55.807Z"'),
      ),
    );
    await store.run({ paths: [path] });
    const [tool] = await store.engine.find(toolExecutions);
    expect(tool).toMatchObject({ status: "completed", durationMs: 0 });
    const [session] = await store.engine.find(sessions);
    expect(session?.endedAt).toBeGreaterThanOrEqual(session?.startedAt ?? Number.NaN);
    expect(session?.messageCount).toBe(4);
  });

  test("input that is nested too deep is left to the raw line", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const call = toolCall(2, "toolu_1", { command: "XXX" }).replace('"XXX"', deep);
    writeFileSync(path, text(prompt(1, "go"), call));
    const report = await store.run({ paths: [path] });
    expect(counts(report)).toMatchObject({ unreadable: 0, toolExecutions: 1 });
    expect((await store.engine.find(toolExecutions))[0]).toMatchObject({
      input: null,
      metadata: { inputTooDeep: true },
    });
    expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
  });

  test("a secret in a line over the limit is not cut in two", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    const words = Array.from({ length: 9_000 }, (_, at) => (at % 3 === 0 ? secret : `word${at}`)).join(" ");
    writeFileSync(path, text(prompt(1, "first"), `{"type":"user","x":"${words}"}`));
    await store.run({ paths: [path], redact: {}, limits: { line: 60_000, piece: 10_000, chunk: 4_096 } });
    const raw = (await store.raw(sessionId)).toString();
    expect(raw.split("[redacted:")).toHaveLength(3_001);
    expect(raw).not.toContain("ghp_");
  });

  test("a path that is not there is an error that says where we looked", async () => {
    await using store = await testStore("memory:");
    await expect(store.run({ paths: ["/nowhere/at/all"] })).rejects.toMatchObject({
      code: "not-found",
      where: "/nowhere/at/all",
      next: "loci import PATH",
    });
  });

  test("an unknown price makes the cost incomplete", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    writeFileSync(
      path,
      text(
        prompt(1, "go"),
        answer(2, "known"),
        answer(3, "unknown").replace("claude-sonnet-4-5-20250929", "claude-fable-9"),
      ),
    );
    await store.run({ paths: [path] });
    expect(await store.engine.find(sessions)).toMatchObject([{ costComplete: false, costUsd: 0.000045 }]);
    expect((await store.engine.find(modelCalls)).map((call) => call.costUsd)).toContain(null);
  });
});
