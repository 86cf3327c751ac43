import { expect, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { createMemoryEngine } from "../../dist/engine/memory.js";
import { type Fault, flaky, suiteSchema, thing, things } from "../../dist/testing/index.js";

test.each<[Fault, code: string, rows: number]>([
  ["busy", "busy", 0],
  ["not sent", "unreachable", 0],
  ["answer lost", "unreachable", 1],
])("the fault %s is the error %s, and %i rows are there", async (fault, code, rows) => {
  await using engine = createMemoryEngine();
  const faulty = flaky(engine, ({ verb, number }) => (verb === "write" && number === 2 ? fault : undefined));
  await faulty.prepare(suiteSchema);
  await expect(faulty.write([insert(things, [thing({ id: "a" })])])).rejects.toMatchObject({ code });
  expect(await faulty.find(things)).toHaveLength(rows);
  expect(await faulty.write([insert(things, [thing({ id: "a" })])])).toEqual([1 - rows]);
});
