import assert from "node:assert/strict";
import { guard, insert, remove, update } from "../../engine/engine.ts";
import { errorCode } from "../../errors.ts";
import { clockAt, millisOfClock, syncVersions } from "../../model/sync.ts";
import { all, fed, keys, notedThings, ofThing, one } from "../fed.ts";
import type { Cases } from "../opened.ts";
import { cards, secondSchema, thirdSchema } from "../steps.ts";
import { thing, things } from "../things.ts";

export const feedCases: Cases = {
  "a feed that was not started is an error": async ({ engine: { feed } }) => {
    assert.ok(feed);
    await assert.rejects(feed.read({ after: null, limit: 1 }), (error) => errorCode(error) === "schema");
  },

  "an insert is noted with its clock, its session and the store": fed(async ({ engine, feed, store }) => {
    const before = Date.now() - 10_000;
    await engine.write([insert(things, [thing({ id: "a", shelf: "s" }), thing({ id: "b" })])]);
    const version = await one(feed, "a");
    const { clock } = version;
    assert.ok(millisOfClock(clock) > before && millisOfClock(clock) < Date.now() + 10_000, clock);
    assert.equal(clock, clockAt(millisOfClock(clock), store));
    assert.deepEqual(version, {
      ...ofThing({ rowKey: "a", sessionId: "s", born: clock, clock, via: null }),
      seq: version.seq,
    });
    assert.ok(version.seq > 0 && version.seq < (await one(feed, "b")).seq);
    assert.deepEqual(await engine.find(syncVersions, { where: { rowKey: "a" } }), [version]);
  }),

  "rows that were there before are noted as older than any change": async ({ engine }) => {
    const { feed } = engine;
    assert.ok(feed);
    await engine.write([insert(things, [thing({ id: "a", shelf: "s" }), thing({ id: "b" })])]);
    const store = await feed.start([notedThings]);
    const { born, clock, sessionId } = await one(feed, "a");
    assert.deepEqual({ born, clock, sessionId }, { born: clockAt(0, store), clock: born, sessionId: "s" });
    await engine.write([update(things, { id: "a" }, { name: "new" })]);
    const changed = await one(feed, "a");
    assert.deepEqual([changed.born, changed.clocks], [born, { name: changed.clock }]);
    assert.ok(changed.clock > born);
    assert.equal(await feed.start([notedThings]), store);
    assert.equal((await all(feed)).length, 2);
  },

  "an update is noted by the fields that it changed": fed(async ({ engine, feed }) => {
    const labels = { b: [1, 2], a: "x" };
    await engine.write([insert(things, [thing({ id: "a", labels, blob: new Uint8Array([1, 2]) })])]);
    const { born, seq } = await one(feed, "a");
    await engine.write([update(things, { id: "a" }, { name: "new", note: null, labels })]);
    const first = await one(feed, "a");
    assert.deepEqual({ ...first.clocks }, { name: first.clock });
    assert.ok(first.clock > born && first.seq > seq && first.born === born);
    await engine.write([
      update(things, { id: "a" }, { weight: { add: 0.5 }, body: [""], blob: new Uint8Array([1, 3]) }),
    ]);
    const second = await one(feed, "a");
    const { clock } = second;
    assert.deepEqual({ ...second.clocks }, { name: first.clock, weight: clock, body: clock, blob: clock });
    assert.ok(clock > first.clock);
  }),

  "what changes nothing that is synced is not noted": fed(async ({ engine, feed }) => {
    const row = thing({ id: "a", note: "n", labels: ["x"], blob: new Uint8Array([7]), weight: 1.5 });
    await engine.write([insert(things, [row])]);
    const { cursor } = await feed.read({ after: null, limit: 10 });
    const { id: _, shelf, place, ...same } = row;
    await engine.write([
      update(things, { id: "a" }, same),
      update(things, { id: "a" }, { count: { add: 1 }, least: 7 }),
      update(things, { id: "a" }, { shelf, place }),
      insert(things, [row, thing({ id: "z", shelf, place })]),
      remove(things, { id: "nobody" }),
    ]);
    await engine.take(things, { limit: 1 }, { count: 9 });
    assert.deepEqual(await all(feed, cursor), []);
  }),

  "a removal is noted, and a row that is made again is born again": fed(async ({ engine, feed }) => {
    await engine.write([insert(things, [thing({ id: "a" })]), update(things, { id: "a" }, { name: "x" })]);
    const before = await one(feed, "a");
    await engine.write([remove(things, {})]);
    const gone = await one(feed, "a");
    assert.deepEqual(gone, { ...before, seq: gone.seq, clock: gone.clock, removed: gone.clock });
    assert.ok(gone.clock > before.clock && gone.seq > before.seq);
    await engine.write([insert(things, [thing({ id: "a", shelf: "other" })])]);
    const again = await one(feed, "a");
    const { clock } = again;
    assert.deepEqual(again, {
      ...gone,
      seq: again.seq,
      sessionId: "other",
      born: clock,
      clock,
      clocks: null,
    });
    assert.ok(clock > gone.clock);
  }),

  "takers, exchanges and many rows at once are noted row by row": fed(async ({ engine, feed }) => {
    const rows = Array.from({ length: 300 }, (_, n) => thing({ id: `t${n}`, count: n }));
    await engine.write([
      insert(things, rows),
      update(things, { id: { anyOf: ["t1", "t2"] } }, { done: true }),
    ]);
    const { cursor } = await feed.read({ after: null, limit: 1_000 });
    assert.equal(new Set((await all(feed)).map(({ seq }) => seq)).size, 300);
    const wanted = { where: { count: { from: 10 } }, orderBy: [["count", "up"]], limit: 3 } as const;
    await engine.take(things, wanted, { name: "taken" });
    await engine.exchange([insert(things, [thing({ id: "new" })])], {
      from: things,
      query: { ...wanted, where: { count: { from: 20 } } },
      patch: { name: "exchanged" },
    });
    const noted = await all(feed, cursor);
    assert.deepEqual(keys(noted).toSorted(), ["new", "t10", "t11", "t12", "t20", "t21", "t22"]);
  }),

  "what did not happen is not noted": fed(async ({ engine, feed }) => {
    await engine.write([insert(things, [thing({ id: "a", shelf: "s", place: 1 })])]);
    const { cursor } = await feed.read({ after: null, limit: 10 });
    const stale = guard(update(things, { id: "a", name: "other" }, { done: true }));
    await engine.write([insert(things, [thing({ id: "b" })]), stale]);
    const clash = thing({ id: "c", shelf: "s", place: 2 });
    await assert.rejects(engine.write([insert(things, [clash]), update(things, { id: "c" }, { place: 1 })]));
    assert.deepEqual(await all(feed, cursor), []);
    await engine.write([insert(things, [thing({ id: "d" })])]);
    assert.deepEqual(keys(await all(feed, cursor)), ["d"]);
  }),

  "the feed is read in pages, each row at its latest change": fed(async ({ engine, feed }) => {
    const rows = Array.from({ length: 25 }, (_, n) => thing({ id: `t${String(n).padStart(2, "0")}` }));
    for (const row of rows) await engine.write([insert(things, [row])]);
    await engine.write([update(things, { id: "t03" }, { name: "late" })]);
    const seen: string[] = [];
    let after: string | null = null;
    for (let pages = 0; pages < 10; pages++) {
      const page = await feed.read({ after, limit: 4 });
      seen.push(...keys(page.versions));
      assert.equal(page.anew, false);
      after = page.cursor;
      if (page.versions.length < 4) break;
    }
    const others = rows.map(({ id }) => id).filter((id) => id !== "t03");
    assert.deepEqual(seen, [...others, "t03"]);
    assert.deepEqual(await all(feed, after), []);
  }),

  "a feed leaves out what came from a store, and other collections": fed(async ({ engine, feed }) => {
    await feed.apply(
      [insert(syncVersions, [ofThing({ rowKey: "x" }), ofThing({ rowKey: "y", via: "third" })])],
      [],
    );
    await engine.write([insert(things, [thing({ id: "own" })])]);
    const read = { after: null, limit: 10 };
    assert.deepEqual(keys((await feed.read({ ...read, notVia: "elsewhere" })).versions), ["y", "own"]);
    assert.deepEqual(keys((await feed.read({ ...read, collections: [things.name] })).versions), [
      "x",
      "y",
      "own",
    ]);
    const none = await feed.read({ ...read, collections: ["others"] });
    assert.deepEqual(none.versions, []);
    assert.deepEqual(await all(feed, none.cursor), []);
  }),

  "a page of nothing is refused": fed(async ({ feed }) => {
    for (const limit of [0, -1, 0.5]) {
      await assert.rejects(feed.read({ after: null, limit }), (error) => errorCode(error) === "invalid");
    }
  }),

  "a cursor of another feed begins anew": fed(async ({ engine, feed, store }) => {
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const page = await feed.read({ after: null, limit: 10 });
    assert.equal(page.store, store);
    const of = page.cursor.replace(store, "elsewhere");
    for (const after of [of, page.cursor.replace(/:\d+/, ":900000000"), "?"]) {
      const again = await feed.read({ after, limit: 10 });
      assert.deepEqual(again, { ...page, anew: true });
    }
  }),

  "a table that is made anew is noted on": async ({ engine }) => {
    const { feed } = engine;
    assert.ok(feed);
    await engine.prepare(secondSchema);
    await feed.start([{ collection: cards, fields: ["title", "color"], session: null }]);
    await engine.write([insert(cards, [{ id: "a", title: "one", color: "red" }])]);
    const { cursor } = await feed.read({ after: null, limit: 10 });
    await engine.prepare(thirdSchema);
    assert.deepEqual(await all(feed, cursor), []);
    await engine.write([
      update(cards, { id: "a" }, { color: "blue" }),
      insert(cards, [{ id: "b", title: "two", color: null }]),
    ]);
    assert.deepEqual(keys(await all(feed, cursor)), ["a", "b"]);
    await engine.write([remove(cards, {})]);
    assert.equal((await all(feed)).filter(({ removed }) => removed !== null).length, 2);
  },

  "a row whose id has letters that databases refuse is noted by it": fed(async ({ engine, feed }) => {
    for (const id of ["\u0000", "x\ud800", "😀'\"", "b".repeat(490)]) {
      await engine.write([insert(things, [thing({ id })])]);
      await engine.write([update(things, { id }, { note: "\u0000", shelf: `of ${id.slice(0, 9)}` })]);
      const version = await one(feed, id);
      assert.equal(version.id, `${things.name}/${id}`);
      assert.equal(version.sessionId, `of ${id.slice(0, 9)}`);
    }
  }),
};
