import { appendFileSync, copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { messages } from "../../dist/model/message.js";
import { rawEvents } from "../../dist/model/raw-event.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { counts, testFolder, testStore } from "./support/store.ts";
import { answer, prompt, sessionId, text, toolCall, toolResult } from "./support/transcript.ts";

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

  test("of a session that another file only names has the session's totals", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const beginning = folder.at("a.jsonl");
    writeFileSync(beginning, `${JSON.stringify({ type: "mode", mode: "normal", sessionId })}\n`);
    await store.run({ paths: [beginning] });
    mkdirSync(folder.at("other"));
    const path = folder.at("other", "a.jsonl");
    writeFileSync(path, text(prompt(1, "first"), answer(2, "one")));
    await store.run({ paths: [path] });
    const [session] = await store.engine.find(sessions);
    expect(session).toMatchObject({ id: sessionId, messageCount: 2 });
    expect(session?.outputTokens).toBeGreaterThan(0);
  });

  test("pairs a tool's call and its result over two imports", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    const path = folder.at("a.jsonl");
    writeFileSync(path, text(prompt(1, "go"), toolCall(2, "toolu_1", { command: "ls" })));
    await store.run({ paths: [path] });
    expect((await store.engine.find(toolExecutions))[0]?.status).toBe("running");
    appendFileSync(path, text(toolResult(3, "toolu_1", { content: "a.txt" })));
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
