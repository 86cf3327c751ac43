import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCheckpoints } from "../../dist/domains/checkpoints.js";
import { createKnowledge } from "../../dist/domains/knowledge.js";
import { createMemory } from "../../dist/domains/memory.js";
import { checkpoints as saves } from "../../dist/model/checkpoint.js";
import { knowledge as rows } from "../../dist/model/knowledge.js";
import { agentMemory } from "../../dist/model/memory.js";
import { importedFiles } from "../../dist/model/raw-event.js";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { counts, difference, testFolder, testStore } from "./support/store.ts";
import { answer, prompt, sessionId, text } from "./support/transcript.ts";

const samples = fileURLToPath(new URL("../../samples/projects/", import.meta.url));

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

test("real sessions are the same in PostgreSQL as in a file, and come back", async ({ skip }) => {
  if (server.missing !== undefined) skip(server.missing);
  using folder = testFolder();
  await using file = await testStore(folder.at("store.db"));
  await using store = await testStore(await server.database());
  const want = counts(await file.run({ paths: [samples] }));
  expect(counts(await store.run({ paths: [samples] }))).toEqual(want);
  expect(counts(await store.run({ paths: [samples] }))).toEqual(want);
  const sorted = (lines: string[]): string[] => lines.map(inOrder);
  expect(difference(sorted(await store.lines()), sorted(await file.lines()))).toEqual([]);
  for (const row of await file.engine.find(importedFiles)) {
    expect((await store.raw(row.id)).equals(await file.raw(row.id))).toBe(true);
  }
});

test("an export goes through PostgreSQL and comes back as it was", async ({ skip }) => {
  if (server.missing !== undefined) skip(server.missing);
  using folder = testFolder();
  writeFileSync(
    folder.at("a.jsonl"),
    text(
      prompt(1, "x").replace('"content":"x"', '"content":"nul \\u0000 lone \\ud800 \\u001a"'),
      answer(2, "fine"),
    ),
  );
  await using store = await testStore(await server.database());
  await store.run({ paths: [folder.at("a.jsonl")] });
  const lines = await store.lines();
  expect(lines.some((line) => line.includes("nul \\u0000 lone \\ud800 \\u001a"))).toBe(true);
  writeFileSync(folder.at("export.jsonl"), lines.map((line) => `${line}\n`).join(""));
  await using other = await testStore(await server.database());
  await other.run({ paths: [folder.at("export.jsonl")] });
  expect(difference(await other.lines(), lines)).toEqual([]);
  expect(lines.some((line) => line.includes(sessionId))).toBe(true);
});

/** PostgreSQL keeps the names of a small JSON value in an order of its own. */
function inOrder(line: string): string {
  return JSON.stringify(JSON.parse(line), (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}

test("decisions, knowledge and checkpoints go from a file into PostgreSQL and back, row for row", async ({
  skip,
}) => {
  if (server.missing !== undefined) skip(server.missing);
  using folder = testFolder();
  await using file = await testStore(folder.at("store.db"));
  const now = (): number => Date.parse("2026-11-20T10:00:00.123Z");
  const memory = createMemory(file.engine, { now });
  const first = await memory.add({
    agentId: "a",
    decisionType: "db",
    decisionData: { z: 1, a: ["nul \u0000"] },
  });
  await memory.supersede(first.id, { decisionData: "libSQL", context: null, sessionId: "s1" });
  const knowledge = createKnowledge(file.engine, { now });
  const known = await knowledge.add({ category: "c", topic: "region", content: "é\ud800", tags: ["x"] });
  await knowledge.supersede(known.id, { content: "cache per region", sessionId: "s1", metadata: { n: [1] } });
  const checkpoints = createCheckpoints(file.engine, { now });
  const saved = await checkpoints.save({ data: null, sessionId: "s1" });
  await checkpoints.fork(saved.id, { data: { large: "x".repeat(100_000) } });
  const lines = await file.lines();
  expect(lines.map((line) => JSON.parse(line).kind)).toEqual([
    ...["memory", "memory", "knowledge", "knowledge", "checkpoint", "checkpoint"],
  ]);
  writeFileSync(folder.at("kept.jsonl"), `${lines.join("\n")}\n{"kind":"spaceship"}\n`);
  await using store = await testStore(await server.database());
  for (let times = 0; times < 2; times++) {
    const report = await store.run({ paths: [folder.at("kept.jsonl")] });
    expect(report).toMatchObject({ remembered: 6, unreadable: 1, lines: 7 });
  }
  for (const collection of [agentMemory, rows, saves]) {
    // The three have nothing in common but that they are rows.
    const of = collection as typeof agentMemory;
    expect(await store.engine.find(of)).toEqual(await file.engine.find(of));
  }
  const found = await createKnowledge(store.engine, { now }).search("caches regions");
  expect(found.items.map(({ content }) => content)).toEqual(["cache per region"]);
  writeFileSync(folder.at("back.jsonl"), (await store.lines()).join("\n"));
  await using again = await testStore(folder.at("again.db"));
  await again.run({ paths: [folder.at("back.jsonl")] });
  expect((await again.lines()).map(inOrder)).toEqual(lines.map(inOrder));
});
