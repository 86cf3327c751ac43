import { describe, expect, test } from "vitest";
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

describe("the feed", () => {
  const tables = [{ collection: things, fields: ["name"], session: null }];

  test.each<[Fault, code: string, rows: number]>([
    ["busy", "busy", 0],
    ["not sent", "unreachable", 0],
    ["answer lost", "unreachable", 1],
  ])("meets the fault %s too: the error %s, and %i rows are there", async (fault, code, rows) => {
    await using engine = createMemoryEngine();
    const asked: string[] = [];
    const faulty = flaky(engine, ({ verb }) => {
      asked.push(verb);
      return asked.filter((one) => one === verb).length === 1 && verb.startsWith("feed.") ? fault : undefined;
    });
    await faulty.prepare(suiteSchema);
    const { feed } = faulty;
    if (feed === undefined) throw new Error("The engine in memory has a feed.");
    await expect(feed.start(tables)).rejects.toMatchObject({ code });
    const store = await feed.start(tables);
    const change = insert(things, [thing({ id: "a" })]);
    await expect(feed.apply([change], [])).rejects.toMatchObject({ code });
    expect(await faulty.find(things)).toHaveLength(rows);
    expect((await feed.apply([change], [])).counts).toEqual([1 - rows]);
    await faulty.write([insert(things, [thing({ id: "b" })])]);
    await expect(feed.read({ after: null, limit: 10 })).rejects.toMatchObject({ code });
    const page = await feed.read({ after: null, limit: 10 });
    expect([page.store, page.versions.map(({ rowKey }) => rowKey)]).toEqual([store, ["b"]]);
    expect(asked).toEqual(expect.arrayContaining(["feed.start", "feed.apply", "feed.read"]));
  });

  test("is absent where the engine has none", async () => {
    await using engine = createMemoryEngine();
    const { feed: _, ...without } = engine;
    expect(flaky(without, () => undefined).feed).toBeUndefined();
  });
});
