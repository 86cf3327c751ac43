import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { importedFiles, rawEvents } from "../../dist/model/raw-event.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { exportTranscripts } from "../../dist/record/export.js";
import { explainCost } from "../../dist/record/explain.js";
import { counts, testFolder, testStore } from "./support/store.ts";
import { answer, at, prompt, sessionId, text, toolCall, toolResult } from "./support/transcript.ts";

const samples = fileURLToPath(new URL("../../samples/projects/", import.meta.url));
const fixtures = fileURLToPath(new URL("../fixtures/claude-code/", import.meta.url));

interface Truth {
  lines: number;
  modelCalls: number;
  toolCalls: number;
  tokens: { input: number; output: number; cacheWrite: number; cacheRead: number };
}

const truth = JSON.parse(readFileSync(join(fixtures, "truth.json"), "utf8")) as Record<string, Truth>;
const files = Object.values(truth);
const sumOf = (pick: (file: Truth) => number): number => files.reduce((sum, file) => sum + pick(file), 0);

function transcripts(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => join(folder, name));
}

describe("real sessions", () => {
  test("have the true counts in the store, and importing them again changes nothing", async () => {
    using folder = testFolder();
    await using store = await testStore(folder.at("store.db"));
    const first = await store.run({ paths: [samples] });
    expect(counts(first)).toMatchObject({
      files: files.length,
      lines: sumOf((file) => file.lines),
      unreadable: 0,
      sessions: files.length,
      toolExecutions: sumOf((file) => file.toolCalls),
      modelCalls: sumOf((file) => file.modelCalls),
      rawEvents: sumOf((file) => file.lines),
    });
    const [totals] = await store.engine.rollup(sessions, {
      by: [],
      measures: {
        input: { sum: "inputTokens" },
        output: { sum: "outputTokens" },
        cacheRead: { sum: "cacheReadTokens" },
        cacheWrite: { sum: "cacheWriteTokens" },
      },
    });
    expect(totals).toEqual({
      input: sumOf((file) => file.tokens.input),
      output: sumOf((file) => file.tokens.output),
      cacheRead: sumOf((file) => file.tokens.cacheRead),
      cacheWrite: sumOf((file) => file.tokens.cacheWrite),
    });
    const before = await store.lines();
    expect(counts(await store.run({ paths: [samples] }))).toEqual(counts(first));
    expect(await store.lines()).toEqual(before);
  });

  test("come back byte for byte, one by one and all in their layout", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    await store.run({ paths: [samples] });
    for (const file of transcripts(samples)) {
      const row = await store.engine.find(importedFiles, { where: { path: file } });
      expect((await store.raw(row[0]?.id ?? "")).equals(readFileSync(file))).toBe(true);
    }
    const written = await exportTranscripts(store.engine, folder.path);
    expect(written.map((path) => relative(folder.path, path)).sort()).toEqual(
      transcripts(samples)
        .map((path) => relative(samples, path))
        .sort(),
    );
    for (const path of written) {
      expect(readFileSync(path).equals(readFileSync(join(samples, relative(folder.path, path))))).toBe(true);
    }
  });

  test("of one case cost what the program itself counted, with their sub-agents", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [fixtures] });
    const told = JSON.parse(readFileSync(join(fixtures, "usage.json"), "utf8")) as Record<
      string,
      { costUsd: number }
    >;
    for (const [name, { costUsd }] of Object.entries(told)) {
      const main =
        readFileSync(join(fixtures, `claude-code-transcript-${name}.jsonl`), "utf8").match(
          /"sessionId":"([^"]+)"/,
        )?.[1] ?? "";
      const rows = await store.engine.find(sessions, { where: { id: { startsWith: main } } });
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.reduce((sum, row) => sum + row.costUsd, 0)).toBeCloseTo(costUsd, 8);
      expect(rows.every((row) => row.costComplete)).toBe(true);
    }
  });

  test("say which lines made the cost", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [samples, fixtures] });
    const long = await explainCost(store.engine, "fa812bfe-b295-4cca-9c2f-fdf01028cb46");
    const [row] = await store.engine.find(sessions, { where: { id: long.sessionId } });
    expect(long.counted).toHaveLength(157);
    expect(long.counted.every(({ takenFrom }) => takenFrom !== null)).toBe(true);
    expect(long.costUsd).toBeCloseTo(row?.costUsd ?? 0, 9);
    const assistants = readFileSync(join(samples, "-workspace-spotter", `${long.sessionId}.jsonl`), "utf8")
      .split("\n")
      .filter((line) => line.includes('"usage"')).length;
    expect(long.counted.length + long.rejected.length).toBe(assistants);
    const fork = await explainCost(store.engine, "601fb54a-f6b0-4b21-9a98-bdcaff222fc9");
    expect([fork.counted.length, fork.inherited.length]).toEqual([1, 2]);
    expect(fork.rejected.map(({ reason }) => reason)).toContain(
      "copied from session de05951a-979a-4066-8c1a-ccf74d212907",
    );
  });
});

describe("a file that changes", () => {
  test("is read from where it was left", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    writeFileSync(path, text(prompt(1, "first"), answer(2, "one")));
    await store.run({ paths: [path] });
    appendFileSync(path, text(prompt(3, "second"), answer(4, "two")));
    const report = await store.run({ paths: [path] });
    expect(counts(report)).toMatchObject({
      lines: 4,
      messages: 4,
      modelCalls: 2,
      rawEvents: 4,
      unreadable: 0,
    });
    const blocks = await store.engine.find(rawEvents, { orderBy: [["position", "up"]] });
    expect(blocks.map(({ position, lines, generation }) => [position, lines, generation])).toEqual([
      [1, 2, 1],
      [3, 2, 1],
    ]);
    const rows = await store.engine.find(messages, { orderBy: [["sequence", "up"]] });
    expect(rows.map((row) => row.content)).toEqual(["first", "one", "second", "two"]);
    expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
  });

  test("with an unfinished last line keeps it, counts it, and reads it again when it is whole", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    const last = answer(2, "the whole answer");
    writeFileSync(path, text(prompt(1, "first")) + last.slice(0, 100));
    expect(counts(await store.run({ paths: [path] }))).toMatchObject({
      lines: 2,
      unreadable: 1,
      messages: 1,
      rawEvents: 2,
    });
    expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
    appendFileSync(path, `${last.slice(100)}\n`);
    expect(counts(await store.run({ paths: [path] }))).toMatchObject({
      lines: 2,
      unreadable: 0,
      messages: 2,
      rawEvents: 2,
    });
    expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
  });

  test("pairs a tool's call and its result over two imports", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    writeFileSync(path, text(prompt(1, "go"), toolCall(2, "toolu_1", { command: "ls" })));
    await store.run({ paths: [path] });
    expect((await store.engine.find(toolExecutions))[0]?.status).toBe("running");
    appendFileSync(path, text(toolResult(3, "toolu_1", "a.txt")));
    await store.run({ paths: [path] });
    expect(await store.engine.find(toolExecutions)).toMatchObject([
      { status: "completed", input: { command: "ls" }, output: "a.txt", durationMs: 1_000 },
    ]);
  });

  test.each(["truncated", "rewritten"])(
    "that was %s is read anew, and nothing stored is lost",
    async (how) => {
      using folder = testFolder();
      await using store = await testStore("memory:");
      const path = folder.at("a.jsonl");
      const start = text(prompt(1, "first"), answer(2, "one"));
      const gone = text(prompt(3, "this will be gone"), answer(4, "two"));
      writeFileSync(path, start + gone);
      await store.run({ paths: [path] });
      writeFileSync(
        path,
        how === "truncated"
          ? start
          : start + text(prompt(5, "another"), answer(6, "three"), answer(7, "four")),
      );
      const report = await store.run({ paths: [path] });
      const rows = await store.engine.find(messages);
      expect(rows).toHaveLength(how === "truncated" ? 4 : 7);
      expect(rows.map((row) => row.content)).toContain("this will be gone");
      expect(report.lines).toBe(how === "truncated" ? 2 : 5);
      expect((await store.raw(sessionId)).equals(readFileSync(path))).toBe(true);
      expect(new Set((await store.engine.find(rawEvents)).map((row) => row.generation))).toEqual(
        new Set([1, 2]),
      );
    },
  );

  test("that was moved, or lies there twice, is one session", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    mkdirSync(folder.at("a"));
    mkdirSync(folder.at("b"));
    writeFileSync(folder.at("a", "x.jsonl"), text(prompt(1, "first"), answer(2, "one")));
    await store.run({ paths: [folder.path] });
    const before = await store.lines();
    copyFileSync(folder.at("a", "x.jsonl"), folder.at("b", "y.jsonl"));
    expect(counts(await store.run({ paths: [folder.path] }))).toMatchObject({
      files: 2,
      sessions: 1,
      messages: 2,
    });
    expect(await store.lines()).toEqual(before);
    renameSync(folder.at("a", "x.jsonl"), folder.at("a", "z.jsonl"));
    appendFileSync(folder.at("a", "z.jsonl"), text(prompt(3, "second")));
    expect(counts(await store.run({ paths: [folder.path] }))).toMatchObject({ sessions: 1, messages: 3 });
  });
});

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
    const result = toolResult(3, "toolu_1", "back in time", "1999-12-31T23:59:59.000Z");
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

describe("secrets", () => {
  test("are replaced in the rows and in the kept lines", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    writeFileSync(path, text(prompt(1, `use ${secret} please`), answer(2, "ok")));
    await store.run({ paths: [path], redact: {} });
    expect((await store.lines()).join("\n")).not.toContain(secret);
    expect((await store.raw(sessionId)).toString()).not.toContain(secret);
    expect((await store.raw(sessionId)).toString()).toContain("[redacted:");
    // Appending still works: what was read is compared with the file's own bytes.
    appendFileSync(path, text(prompt(3, `again ${secret}`)));
    expect(counts(await store.run({ paths: [path], redact: {} }))).toMatchObject({ lines: 3, messages: 3 });
    expect((await store.raw(sessionId)).toString().split("\n")).toHaveLength(4);
  });
});

test("a session copied into another folder with its sub-agents is found once", async () => {
  using folder = testFolder();
  await using store = await testStore("memory:");
  cpSync(join(fixtures, "claude-code-projects"), folder.at("copy"), { recursive: true });
  const once = await store.run({ paths: [join(fixtures, "claude-code-projects")] });
  const both = await store.run({ paths: [join(fixtures, "claude-code-projects"), folder.path] });
  expect({ ...counts(both), files: 0 }).toEqual({ ...counts(once), files: 0 });
});
