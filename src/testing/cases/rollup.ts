import assert from "node:assert/strict";
import { type Engine, insert } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import type { Cases } from "../opened.ts";
import { thing, things } from "../things.ts";

const hour = 3_600_000;

async function fill(engine: Engine): Promise<void> {
  await engine.write([
    insert(things, [
      thing({ id: "a", name: "x", count: 1, least: 4, weight: 0.5, madeAt: -1, done: true, goneAt: 10 }),
      thing({ id: "b", name: "x", count: 2, weight: 0.25, madeAt: 0, note: "n" }),
      thing({ id: "c", name: "y", count: 4, weight: 8, madeAt: hour, note: "n" }),
      thing({ id: "d", name: "y", count: 8, weight: 16, madeAt: hour + 1, goneAt: hour + 5 }),
    ]),
  ]);
}

/** Groups come in no order. */
function sorted(groups: readonly object[]): string[] {
  return groups
    .map((group) => JSON.stringify(Object.entries(group).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort();
}

export const rollupCases: Cases = {
  "numbers over all rows": async ({ engine }) => {
    await fill(engine);
    const groups = await engine.rollup(things, {
      by: [],
      measures: {
        rows: "count",
        sum: { sum: "count" },
        least: { min: "weight" },
        most: { max: "count" },
        mean: { avg: "count" },
        meanWeight: { avg: "weight" },
        first: { min: "madeAt" },
        last: { max: "madeAt" },
        sparse: { sum: "least" },
      },
    });
    assert.deepEqual(groups, [
      {
        rows: 4,
        sum: 15,
        least: 0.25,
        most: 8,
        mean: 3.75,
        meanWeight: 6.1875,
        first: -1,
        last: hour + 1,
        sparse: 4,
      },
    ]);
  },

  "numbers over nothing are null, and one group": async ({ engine }) => {
    const measures = {
      rows: "count",
      sum: { sum: "count" },
      mean: { avg: "weight" },
      last: { max: "madeAt" },
    } as const;
    assert.deepEqual(await engine.rollup(things, { by: [], measures }), [
      { rows: 0, sum: null, mean: null, last: null },
    ]);
    assert.deepEqual(await engine.rollup(things, { by: ["name"], measures }), []);
  },

  "groups by fields, null among them": async ({ engine }) => {
    await fill(engine);
    const groups = await engine.rollup(things, {
      by: ["name", "note"],
      measures: { n: "count", s: { sum: "count" } },
    });
    assert.deepEqual(
      sorted(groups),
      sorted([
        { name: "x", note: null, n: 1, s: 1 },
        { name: "x", note: "n", n: 1, s: 2 },
        { name: "y", note: null, n: 1, s: 8 },
        { name: "y", note: "n", n: 1, s: 4 },
      ]),
    );
  },

  "groups by every kind that can be compared": async ({ engine }) => {
    await fill(engine);
    const where = { id: "a" };
    const by = ["id", "name", "count", "weight", "done", "madeAt", "goneAt"] as const;
    assert.deepEqual(await engine.rollup(things, { by, where, measures: { n: "count" } }), [
      { id: "a", name: "x", count: 1, weight: 0.5, done: true, madeAt: -1, goneAt: 10, n: 1 },
    ]);
  },

  "buckets of time, also before 1970": async ({ engine }) => {
    await fill(engine);
    const groups = await engine.rollup(things, {
      by: [],
      measures: { n: "count" },
      bucket: { field: "madeAt", size: hour },
    });
    assert.deepEqual(
      sorted(groups),
      sorted([
        { bucket: -hour, n: 1 },
        { bucket: 0, n: 1 },
        { bucket: hour, n: 2 },
      ]),
    );
    const gone = await engine.rollup(things, {
      by: ["name"],
      where: { count: { above: 0 } },
      measures: { n: "count" },
      bucket: { field: "goneAt", size: hour },
    });
    assert.deepEqual(
      sorted(gone),
      sorted([
        { name: "x", bucket: 0, n: 1 },
        { name: "y", bucket: hour, n: 1 },
      ]),
    );
  },

  "numbers that cannot be are refused": async ({ engine }) => {
    const wrong = [
      { by: ["labels"], measures: { n: "count" } },
      { by: ["nothing"], measures: { n: "count" } },
      { by: [], measures: { n: { sum: "name" } } },
      { by: [], measures: { n: { sum: "madeAt" } } },
      { by: [], measures: { n: { median: "count" } } },
      { by: ["name"], measures: { name: "count" } },
      { by: [], measures: {}, bucket: { field: "count", size: 1 } },
      { by: [], measures: {}, bucket: { field: "madeAt", size: 0 } },
    ];
    for (const spec of wrong) {
      // The types refuse most of these already.
      const ask = async (): Promise<unknown> => Reflect.apply(engine.rollup, engine, [things, spec]);
      await assert.rejects(ask, (error) => errorCode(error) === "invalid", JSON.stringify(spec));
    }
  },
};
