import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sessions } from "../../dist/model/session.js";
import { counts, difference, testFolder, testStore } from "./support/store.ts";

const samples = fileURLToPath(new URL("../../samples/projects/", import.meta.url));

async function again(lines: readonly string[], url = "memory:"): Promise<string[]> {
  using folder = testFolder();
  writeFileSync(folder.at("export.jsonl"), lines.map((line) => `${line}\n`).join(""));
  await using store = await testStore(url === "memory:" ? url : folder.at(url));
  const report = await store.run({ paths: [folder.at("export.jsonl")] });
  expect([report.unreadable, report.problems]).toEqual([0, []]);
  return await store.lines();
}

const moment = fc.integer({ min: 0, max: 4_000_000_000_000 });
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "\u0000", "\ud800", "a\udc00b", '\u2028\n\r\t"\\'),
);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
const tokens = fc.integer({ min: 0, max: 2 ** 40 });
const name = fc
  .string({ minLength: 1, maxLength: 12, unit: "grapheme-ascii" })
  .filter((id) => id.trim() !== "");

const session = fc.record({
  title: maybe(orNull(anyText)),
  startedAt: maybe(moment),
  endedAt: maybe(orNull(moment)),
  status: maybe(fc.constantFrom("running", "completed", "error", "interrupted")),
  metadata: maybe(json),
  data: maybe(json),
  model: maybe(orNull(name)),
  messageCount: maybe(fc.nat()),
  inputTokens: maybe(tokens),
  costUsd: maybe(fc.double({ min: 0, max: 1e6, noNaN: true })),
  costComplete: maybe(fc.boolean()),
});
const message = fc.record({
  role: fc.constantFrom("user", "assistant", "tool", "narrator"),
  content: maybe(orNull(anyText)),
  createdAt: moment,
  toolInput: maybe(json),
  metadata: maybe(json),
  tokenCount: maybe(orNull(fc.nat())),
});
const tool = fc.record({
  toolName: name,
  status: maybe(fc.constantFrom("running", "completed", "error")),
  input: maybe(json),
  output: maybe(orNull(fc.oneof(anyText, json))),
  error: maybe(orNull(anyText)),
  startedAt: moment,
  endedAt: maybe(orNull(moment)),
});
const call = fc.record({
  model: fc.constantFrom("claude-opus-4-5", "someone-elses-model"),
  inputTokens: maybe(tokens),
  outputTokens: maybe(tokens),
  startedAt: moment,
  inherited: maybe(fc.boolean()),
  metadata: maybe(json),
});

const family = fc.record({
  session,
  messages: fc.array(message, { maxLength: 5 }),
  tools: fc.array(tool, { maxLength: 3 }),
  calls: fc.array(call, { maxLength: 3 }),
});

describe("the interchange format", () => {
  test("exported, imported into an empty store and exported again is the same bytes", async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(family, { minLength: 1, maxLength: 4 }), async (families) => {
        const lines = families.flatMap((given, at) => {
          const sessionId = `s${at}`;
          return [
            { kind: "session", id: sessionId, ...given.session },
            ...given.messages.map((row, n) => ({
              kind: "message",
              id: `${sessionId}-m${n}`,
              sessionId,
              ...row,
            })),
            ...given.tools.map((row, n) => ({
              kind: "toolExecution",
              id: `${sessionId}-t${n}`,
              sessionId,
              ...row,
            })),
            ...given.calls.map((row, n) => ({
              kind: "modelCall",
              id: `${sessionId}-c${n}`,
              sessionId,
              ...row,
            })),
          ].map((line) => JSON.stringify(line));
        });
        seen += lines.length;
        const first = await again(lines);
        expect(difference(await again(first), first)).toEqual([]);
      }),
      { numRuns: 40 },
    );
    expect(seen).toBeGreaterThan(100);
  });

  test("takes real sessions from one store to another, also to a file", async () => {
    await using store = await testStore("memory:");
    await store.run({ paths: [samples] });
    const lines = await store.lines();
    expect(lines.length).toBeGreaterThan(1_000);
    expect(difference(await again(lines, "other.db"), lines)).toEqual([]);
  });

  test("keeps the ids and the totals that were given", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    writeFileSync(
      folder.at("x.jsonl"),
      [
        {
          kind: "session",
          id: "my-id",
          messageCount: 7,
          costUsd: 1.5,
          updatedAt: "2026-01-02T03:04:05.678Z",
          model: null,
        },
        { kind: "message", id: "m1", sessionId: "my-id", role: "user", content: "hi", createdAt: 1 },
        {
          kind: "modelCall",
          id: "c1",
          sessionId: "my-id",
          model: "claude-opus-4-5",
          inputTokens: 10,
          startedAt: 2,
        },
      ]
        .map((line) => JSON.stringify(line))
        .join("\n"),
    );
    const report = await store.run({ paths: [folder.path] });
    expect(counts(report)).toEqual({
      files: 1,
      lines: 3,
      unreadable: 0,
      sessions: 1,
      messages: 1,
      toolExecutions: 0,
      modelCalls: 1,
      rawEvents: 0,
      remembered: 0,
    });
    expect(await store.engine.find(sessions)).toMatchObject([
      {
        id: "my-id",
        messageCount: 7,
        costUsd: 1.5,
        inputTokens: 10,
        model: null,
        updatedAt: Date.parse("2026-01-02T03:04:05.678Z"),
      },
    ]);
  });

  test("a bad line is counted with its number and its reason, and the rest goes on", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    writeFileSync(
      folder.at("x.jsonl"),
      [
        '{"kind":"session","id":"s"}',
        '{"kind":"spaceship","id":"s"}',
        '{"kind":"message","sessionId":"s"}',
        '{"kind":"message","sessionId":"s","role":"user","sequence":1.5}',
        '{"kind":"message","sessionId":"s","role":"user","createdAt":"tomorrow"}',
        '{"kind":"modelCall","sessionId":"s","model":"m","costUsd":NaN}',
        '{"kind":"session","id":"s","status":"asleep"}',
        '{"kind":"session","id":"s","startedAt":null}',
        '{"kind":"message","sessionId":"s","role":"user","content":"fine","later":"field"}',
      ].join("\n"),
    );
    const report = await store.run({ paths: [folder.path] });
    expect(counts(report)).toMatchObject({ lines: 9, unreadable: 7, sessions: 1, messages: 1 });
    expect(report.problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(report.problems[0]?.problem).toBe(
      'kind is session, message, toolExecution, modelCall, memory, knowledge, checkpoint, not "spaceship".',
    );
    // Lines without an id get the same one each time.
    expect(counts(await store.run({ paths: [folder.path] }))).toMatchObject({ messages: 1 });
    expect((await store.lines()).filter((line) => line.includes('"fine"'))).toHaveLength(1);
  });

  test("is told by its content, whatever the file is called", async () => {
    using folder = testFolder();
    await using store = await testStore("memory:");
    writeFileSync(folder.at("whatever.txt"), '{"kind":"session","id":"s","title":"given"}\n');
    await store.run({ paths: [folder.at("whatever.txt")] });
    expect(await store.engine.find(sessions)).toMatchObject([{ id: "s", title: "given" }]);
    expect(readFileSync(folder.at("whatever.txt"), "utf8")).toContain("given");
  });
});
