import assert from "node:assert/strict";
import { insert } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import { type Collection, id, integer } from "../../model/collection.ts";
import type { Cases } from "../opened.ts";
import { cards, firstCards, firstSchema, secondSchema, thirdSchema } from "../steps.ts";
import { suiteSchema, thing, things } from "../things.ts";

export const prepareCases: Cases = {
  "preparing twice changes nothing": async ({ engine }) => {
    await engine.write([insert(things, [thing({ id: "a" })])]);
    await engine.prepare(suiteSchema);
    assert.equal((await engine.find(things)).length, 1);
  },

  "two schemas live side by side": async ({ engine }) => {
    await engine.prepare(firstSchema);
    await engine.prepare(suiteSchema);
    assert.deepEqual(await engine.find(things), []);
  },

  "a step adds a field and keeps the rows": async ({ engine }) => {
    await engine.prepare(firstSchema);
    await engine.write([{ kind: "insert", into: firstCards, rows: [{ id: "a", title: "one" }] }]);
    await engine.prepare(secondSchema);
    await engine.write([insert(cards, [{ id: "b", title: "two", color: "red" }])]);
    assert.deepEqual(await engine.find(cards), [
      { id: "a", title: "one", color: null },
      { id: "b", title: "two", color: "red" },
    ]);
  },

  "a step that rewrites keeps the rows": async ({ engine }) => {
    await engine.prepare(secondSchema);
    await engine.write([insert(cards, [{ id: "a", title: "one", color: "red" }])]);
    await engine.prepare(thirdSchema);
    assert.deepEqual(await engine.find(cards), [{ id: "a", title: "one", color: "red" }]);
    assert.deepEqual(await engine.write([insert(cards, [{ id: "a", title: "again", color: null }])]), [0]);
  },

  "all steps at once come to the same": async ({ engine }) => {
    await engine.prepare(thirdSchema);
    await engine.write([insert(cards, [{ id: "a", title: "one", color: "red" }])]);
    assert.equal((await engine.find(cards, { where: { color: "red" } })).length, 1);
  },

  "a newer schema is refused and the rows stay": async ({ engine }) => {
    await engine.prepare(secondSchema);
    await engine.write([insert(cards, [{ id: "a", title: "one", color: null }])]);
    await assert.rejects(engine.prepare(firstSchema), (error) => {
      assert.equal(errorCode(error), "schema");
      assert.match(String(error), /2.*1/);
      return true;
    });
    assert.equal((await engine.find(cards)).length, 1);
  },

  "a collection that was not prepared is an error": async ({ engine }) => {
    const unknown: Collection<{ readonly id: string; readonly n: number }> = {
      name: "suite_nowhere",
      key: "id",
      fields: { id, n: integer },
      unique: [],
      indexes: [],
    };
    await assert.rejects(engine.find(unknown), (error) => errorCode(error) === "schema");
    await assert.rejects(
      engine.write([insert(unknown, [{ id: "a", n: 1 }])]),
      (error) => errorCode(error) === "schema",
    );
  },
};
