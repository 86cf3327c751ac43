import assert from "node:assert/strict";
import { guard, insert, remove, update } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import type { Cases } from "../opened.ts";
import { job, jobs, thing, things } from "../things.ts";

const isInvalid = (error: unknown): boolean => errorCode(error) === "invalid";

export const writeCases: Cases = {
  "what was written can be read at once": async ({ engine }) => {
    for (let n = 1; n <= 20; n++) {
      await engine.write([insert(things, [thing({ id: `t${n}`, count: n })])]);
      assert.equal((await engine.find(things, { where: { id: `t${n}` } }))[0]?.count, n);
    }
  },

  "batches of 1, 100 and 1000 rows arrive whole": async ({ engine }) => {
    for (const size of [1, 100, 1000]) {
      const rows = Array.from({ length: size }, (_, n) => thing({ id: `${size}-${n}` }));
      assert.deepEqual(await engine.write([insert(things, rows)]), [size]);
    }
    const [total] = await engine.rollup(things, { by: [], measures: { n: "count" } });
    assert.equal(total?.n, 1101);
  },

  "known keys are left as they are, and not counted": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a", name: "old" })])]);
    const rows = [thing({ id: "a", name: "new" }), thing({ id: "b" }), thing({ id: "b", name: "twice" })];
    assert.deepEqual(await engine.write([insert(things, rows)]), [1]);
    const found = await engine.find(things, { fields: ["name"] });
    assert.deepEqual(found, [
      { id: "a", name: "old" },
      { id: "b", name: "thing" },
    ]);
  },

  "no two rows share a unique set": async ({ engine }) => {
    const rows = [
      thing({ id: "a", shelf: "s", place: 1 }),
      thing({ id: "b", shelf: "s", place: 1 }),
      thing({ id: "c", shelf: "s", place: 2 }),
    ];
    assert.deepEqual(await engine.write([insert(things, rows)]), [2]);
    await assert.rejects(engine.write([update(things, { id: "c" }, { place: 1 })]), isInvalid);
    const found = await engine.find(things, { fields: ["place"] });
    assert.deepEqual(found, [
      { id: "a", place: 1 },
      { id: "c", place: 2 },
    ]);
  },

  "a write is all or none": async ({ engine }) => {
    const a = thing({ id: "a", shelf: "s", place: 1, count: 1 });
    const b = thing({ id: "b", shelf: "s", place: 2 });
    await engine.write([insert(things, [a, b])]);
    const failing = engine.write([
      insert(things, [thing({ id: "c" })]),
      update(things, { id: "a" }, { count: { add: 5 }, note: "changed" }),
      remove(things, { count: 6 }),
      update(things, { id: "b" }, { shelf: "shelf of c", place: 1 }),
    ]);
    await assert.rejects(failing, isInvalid);
    assert.deepEqual(await engine.find(things), [a, b]);
  },

  "a write whose guard does not hold does nothing, and says so by zeros": async ({ engine }) => {
    const a = thing({ id: "a", count: 1 });
    await engine.write([insert(things, [a])]);
    const more = update(things, { id: "a" }, { count: { add: 1 } });
    const stale = guard(update(things, { id: "a", count: 7 }, { done: true }));
    const known = guard(insert(things, [thing({ id: "b" }), thing({ id: "a" })]));
    assert.deepEqual(await engine.write([more, stale, insert(things, [thing({ id: "c" })])]), [0, 0, 0]);
    assert.deepEqual(await engine.write([more, known]), [0, 0]);
    assert.deepEqual(await engine.write([stale]), [0]);
    assert.deepEqual(await engine.find(things), [a]);
    const holds = guard(update(things, { id: "a", count: 2 }, { done: true }));
    assert.deepEqual(
      await engine.write([more, holds, guard(insert(things, [thing({ id: "c" })]))]),
      [1, 1, 1],
    );
  },

  "changes of one write see each other": async ({ engine }) => {
    const counts = await engine.write([
      insert(things, [thing({ id: "a", count: 1 }), thing({ id: "b", count: 5 })]),
      update(things, { count: { above: 4 } }, { count: { add: 1 }, done: true }),
      remove(things, { done: false }),
    ]);
    assert.deepEqual(counts, [2, 1, 1]);
    assert.deepEqual(await engine.find(things, { fields: ["count"] }), [{ id: "b", count: 6 }]);
  },

  "empty writes are nothing": async ({ engine }) => {
    assert.deepEqual(await engine.write([]), []);
    assert.deepEqual(await engine.write([insert(things, []), remove(things, { id: "a" })]), [0, 0]);
  },

  "adding from many sides loses nothing": async ({ engine }) => {
    await engine.write([insert(jobs, [job({ id: "a" })])]);
    const add = (): Promise<number[]> => engine.write([update(jobs, { id: "a" }, { attempts: { add: 1 } })]);
    await Promise.all(Array.from({ length: 40 }, add));
    assert.equal((await engine.find(jobs))[0]?.attempts, 40);
  },

  "fields can be set to null and from null": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a", note: "x", labels: { a: 1 }, goneAt: 5 })])]);
    await engine.write([update(things, { id: "a" }, { note: null, labels: null, goneAt: null, least: 3 })]);
    assert.deepEqual(await engine.find(things), [thing({ id: "a", least: 3 })]);
  },

  "a value of the wrong kind is refused by name, and nothing is written": async ({ engine }) => {
    const wrong: ReadonlyArray<readonly [field: string, value: unknown]> = [
      ["id", "x".repeat(501)],
      ["id", null],
      ["count", 1.5],
      ["count", 2 ** 53],
      ["count", "1"],
      ["count", true],
      ["weight", Number.NaN],
      ["weight", Number.POSITIVE_INFINITY],
      ["name", null],
      ["name", 5],
      ["name", new Date(0)],
      ["done", 1],
      ["madeAt", new Date(0)],
      ["madeAt", 0.5],
      ["madeAt", 8.64e15],
      ["labels", 1n],
      ["body", () => 1],
      ["blob", "text"],
      ["unknown", 1],
    ];
    for (const [field, value] of wrong) {
      const row = { ...thing({ id: "a" }), [field]: value };
      const write = engine.write([
        insert(things, [thing({ id: "b" })]),
        { kind: "insert", into: things, rows: [row] },
      ]);
      await assert.rejects(write, (error) => {
        assert.equal(errorCode(error), "invalid");
        assert.ok(String(error).includes(field), String(error));
        return true;
      });
    }
    assert.deepEqual(await engine.find(things), []);
  },

  "a patch that cannot be is refused": async ({ engine }) => {
    for (const patch of [{}, { id: "b" }, { name: undefined }, { madeAt: { add: 1 } }, { nothing: 1 }]) {
      const change = { kind: "update", rows: things, where: {}, patch } as const;
      await assert.rejects(engine.write([change]), isInvalid);
    }
  },

  "closing twice is fine, and a call afterwards is an error": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a" })])]);
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
    await assert.rejects(engine.find(things), (error) => errorCode(error) === "closed");
    await assert.rejects(engine.write([remove(things, {})]), (error) => errorCode(error) === "closed");
  },
};
