import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
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
