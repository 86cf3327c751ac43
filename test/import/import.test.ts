import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { importedFiles } from "../../dist/model/raw-event.js";
import { sessions } from "../../dist/model/session.js";
import { exportTranscripts } from "../../dist/record/export.js";
import { explainCost } from "../../dist/record/explain.js";
import { counts, testFolder, testStore } from "./support/store.ts";

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

test("a session copied into another folder with its sub-agents is found once", async () => {
  using folder = testFolder();
  await using store = await testStore("memory:");
  cpSync(join(fixtures, "claude-code-projects"), folder.at("copy"), { recursive: true });
  const once = await store.run({ paths: [join(fixtures, "claude-code-projects")] });
  const both = await store.run({ paths: [join(fixtures, "claude-code-projects"), folder.path] });
  expect({ ...counts(both), files: 0 }).toEqual({ ...counts(once), files: 0 });
});
