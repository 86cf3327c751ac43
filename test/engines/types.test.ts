import { expect, test } from "vitest";
import { type Engine, insert, update } from "../../dist/engine/engine.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import type { Collection } from "../../dist/model/collection.js";
import { id, integer, optional, text } from "../../dist/model/collection.js";
import { type Job, job, jobs, suiteSchema, things } from "../../dist/testing/index.js";

// Programs that must not compile; `tsc -p tsconfig.test.json` fails where one of them does.

const wrongPrograms: ReadonlyArray<(engine: Engine) => unknown> = [
  // @ts-expect-error a field that is not there
  (engine) => engine.find(jobs, { where: { color: "red" } }),
  // @ts-expect-error text for a number
  (engine) => engine.find(jobs, { where: { priority: "high" } }),
  // @ts-expect-error only text starts with something
  (engine) => engine.find(jobs, { where: { priority: { startsWith: "1" } } }),
  // @ts-expect-error null has a different place in every database's order
  (engine) => engine.find(jobs, { orderBy: [["by", "up"]] }),
  // @ts-expect-error a claim says how many
  (engine) => engine.take(jobs, { where: { state: "ready" } }, { state: "taken" }),
  // @ts-expect-error a field that was not asked for
  async (engine) => (await engine.find(jobs, { fields: ["state"] }))[0]?.priority,
  // @ts-expect-error a group has the fields it was made by
  async (engine) => (await engine.rollup(jobs, { by: ["state"], measures: { n: "count" } }))[0]?.priority,
  // @ts-expect-error adding to a text
  () => update(jobs, {}, { state: { add: 1 } }),
  // @ts-expect-error a row that lacks fields
  () => insert(jobs, [{ id: "a" }]),
  // @ts-expect-error a row of another collection
  () => insert(things, [job({ id: "a" })]),
];

const wrongCollections: ReadonlyArray<Pick<Collection<Job>, "fields">> = [
  // @ts-expect-error a number is no text
  { fields: { id, state: text, priority: text, runAt: integer, by: optional(text), attempts: integer } },
  // @ts-expect-error what may be null says so
  { fields: { id, state: text, priority: integer, runAt: integer, by: text, attempts: integer } },
  // @ts-expect-error every field of the row
  { fields: { id, state: text, priority: integer, runAt: integer, by: optional(text) } },
];

test("what the types refuse, the checks refuse or answer with nothing", async () => {
  expect(wrongPrograms.length + wrongCollections.length).toBe(13);
  await using engine = createMemoryEngine();
  await engine.prepare(suiteSchema);
  for (const program of wrongPrograms.slice(0, 4)) {
    await expect(program(engine)).rejects.toMatchObject({ code: "invalid" });
  }
});
