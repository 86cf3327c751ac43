import assert from "node:assert/strict";
import { type Engine, insert, type Query, type Where } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import type { Cases } from "../opened.ts";
import { type Thing, thing, things } from "../things.ts";

async function idsOf(engine: Engine, query: Query<Thing>): Promise<string[]> {
  return (await engine.find(things, query)).map(({ id }) => id);
}

/** All pages of that size, one after the other; between two pages, `meanwhile` happens. */
async function pages(
  engine: Engine,
  query: Query<Thing> & { readonly limit: number },
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const ids: string[] = [];
  for (let after: Thing | undefined; ; ) {
    const page: Thing[] = await engine.find(things, { ...query, ...(after && { after }) });
    ids.push(...page.map(({ id }) => id));
    after = page.at(-1);
    if (page.length < query.limit) return ids;
    await meanwhile();
  }
}

const filters: ReadonlyArray<readonly [title: string, where: Where<Thing>, ids: string]> = [
  ["everything", {}, "a b c d"],
  ["equal", { name: "beta" }, "b"],
  ["equal number", { count: 3 }, "c"],
  ["equal time", { madeAt: 2000 }, "b"],
  ["equal real", { weight: 0.5 }, "b"],
  ["true", { done: true }, "a c"],
  ["null", { note: null }, "c d"],
  ["not null", { note: { not: null } }, "a b"],
  ["JSON is null", { labels: null }, "b c d"],
  ["JSON is not null", { labels: { not: null } }, "a"],
  ["bytes are not null", { blob: { not: null } }, "d"],
  ["not, where null is something else", { note: { not: "x" } }, "b c d"],
  ["not, of a required field", { name: { not: "beta" } }, "a c d"],
  ["any of", { name: { anyOf: ["beta", "alpha", "gone"] } }, "a b"],
  ["any of numbers", { count: { anyOf: [1, 4] } }, "a d"],
  ["any of times", { madeAt: { anyOf: [3000] } }, "c"],
  ["any of booleans", { done: { anyOf: [false] } }, "b d"],
  ["any of reals", { weight: { anyOf: [0.5, -1] } }, "b d"],
  ["any of nothing", { name: { anyOf: [] } }, ""],
  ["from", { count: { from: 2 } }, "b c d"],
  ["up to", { count: { upTo: 2 } }, "a b"],
  ["above", { madeAt: { above: 2000 } }, "c d"],
  ["below", { weight: { below: 0 } }, "d"],
  ["between", { count: { from: 2, below: 4 } }, "b c"],
  ["null is in no range", { least: { from: -100 } }, "a"],
  ["text in a range", { name: { from: "b", below: "c" } }, "b"],
  ["starts with", { name: { startsWith: "al" } }, "a"],
  ["starts with nothing", { name: { startsWith: "" } }, "a b c d"],
  ["starts with signs of patterns", { name: { startsWith: "%" } }, "d"],
  ["starts with, null is not", { note: { startsWith: "" } }, "a b"],
  ["starts with, in capitals", { name: { startsWith: "AL" } }, ""],
  ["all of several", { done: true, count: { above: 1 } }, "c"],
];

const rows: readonly Thing[] = [
  thing({
    id: "a",
    name: "alpha",
    note: "x",
    count: 1,
    madeAt: 1000,
    done: true,
    least: 5,
    labels: { t: 1 },
  }),
  thing({ id: "b", name: "beta", note: "y", count: 2, madeAt: 2000, weight: 0.5 }),
  thing({ id: "c", name: "äther", count: 3, madeAt: 3000, done: true }),
  thing({ id: "d", name: "%", count: 4, madeAt: 4000, weight: -1, blob: new Uint8Array(1) }),
];

export const findCases: Cases = {
  "each test of a field finds what it says": async ({ engine }) => {
    await engine.write([insert(things, rows)]);
    for (const [title, where, ids] of filters) {
      assert.equal((await idsOf(engine, { where })).join(" "), ids, title);
    }
  },

  "a list of thousands is a list": async ({ engine }) => {
    await engine.write([insert(things, rows)]);
    const anyOf = Array.from({ length: 40_000 }, (_, n) => `id ${n}`);
    assert.deepEqual(await idsOf(engine, { where: { id: { anyOf: [...anyOf, "c"] } } }), ["c"]);
  },

  "text sorts by its bytes": async ({ engine }) => {
    const sorted = [
      "",
      "\u0001",
      " ",
      "A",
      "B",
      "Z",
      "a",
      "aa",
      "b",
      "z",
      "é",
      "ä".normalize("NFD"),
      "\ufffd",
      "😀",
    ];
    const expected = sorted.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    await engine.write([
      insert(
        things,
        sorted.map((name, n) => thing({ id: `t${n}`, name })),
      ),
    ]);
    const found = await engine.find(things, { orderBy: [["name", "up"]] });
    assert.deepEqual(
      found.map(({ name }) => name),
      expected,
    );
  },

  "without an order, the key is the order": async ({ engine }) => {
    await engine.write([
      insert(
        things,
        ["b", "ä", "a", "B"].map((id) => thing({ id })),
      ),
    ]);
    assert.deepEqual(await idsOf(engine, {}), ["B", "a", "b", "ä"]);
  },

  "rows that came out of order are found in order": async ({ engine }) => {
    for (const place of [5, 1, 9, 3]) {
      await engine.write([insert(things, [thing({ id: `t${place}`, shelf: "s", place })])]);
    }
    const query: Query<Thing> = { where: { shelf: "s" }, orderBy: [["place", "up"]] };
    assert.deepEqual(await idsOf(engine, query), ["t1", "t3", "t5", "t9"]);
    assert.deepEqual(await idsOf(engine, { ...query, limit: 2 }), ["t1", "t3"]);
    assert.deepEqual(await idsOf(engine, { ...query, limit: 0 }), []);
  },

  "pages are whole with ties, in every order": async ({ engine }) => {
    const many = Array.from({ length: 30 }, (_, n) =>
      thing({
        id: `t${n}`,
        madeAt: 1000 + (n % 3),
        count: n % 2,
        name: n % 5 ? "x" : "y",
        done: n % 4 === 0,
      }),
    );
    await engine.write([insert(things, many)]);
    for (const first of ["up", "down"] as const) {
      for (const second of ["up", "down"] as const) {
        for (const field of ["count", "name", "done", "weight"] as const) {
          const query: Query<Thing> = {
            orderBy: [
              ["madeAt", first],
              [field, second],
            ],
          };
          const whole = await idsOf(engine, query);
          assert.equal(new Set(whole).size, 30);
          assert.deepEqual(await pages(engine, { ...query, limit: 7 }), whole, `${first} ${field} ${second}`);
        }
      }
    }
  },

  "pages are stable while rows arrive": async ({ engine }) => {
    const before = Array.from({ length: 20 }, (_, n) => thing({ id: `t${n}`, madeAt: 1000 + n }));
    await engine.write([insert(things, before)]);
    let arrived = 0;
    const arrive = (): Promise<unknown> =>
      engine.write([insert(things, [thing({ id: `new${arrived++}`, madeAt: 5000 })])]);
    const found = await pages(engine, { orderBy: [["madeAt", "down"]], limit: 3 }, arrive);
    assert.deepEqual(found, before.map(({ id }) => id).reverse());
    assert.ok(arrived > 3);
  },

  "only the fields that are asked for come, and the key": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a", name: "x" })])]);
    assert.deepEqual(await engine.find(things, { fields: ["name", "note"] }), [
      { id: "a", name: "x", note: null },
    ]);
    assert.deepEqual(await engine.find(things, { fields: [] }), [{ id: "a" }]);
  },

  "a question that cannot be asked is refused": async ({ engine }) => {
    const wrong = [
      { where: { nothing: 1 } },
      { where: { name: undefined } },
      { where: { count: "1" } },
      { where: { count: { startsWith: "1" } } },
      { where: { count: { like: 1 } } },
      { where: { labels: { a: 1 } } },
      { orderBy: [["note", "up"]] },
      { orderBy: [["name", "sideways"]] },
      { orderBy: [["name", "up"]], after: { id: "a" } },
      { limit: -1 },
      { limit: 1.5 },
      { fields: ["nothing"] },
    ];
    for (const query of wrong) {
      // The types refuse these already.
      const ask = async (): Promise<unknown> => Reflect.apply(engine.find, engine, [things, query]);
      await assert.rejects(ask, (error) => errorCode(error) === "invalid", JSON.stringify(query));
    }
  },
};
