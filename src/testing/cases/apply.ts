import assert from "node:assert/strict";
import { guard, insert, remove, update } from "../../engine/engine.ts";
import { clockAt, millisOfClock, syncVersions } from "../../model/sync.ts";
import { all, fed, keys, ofThing, one } from "../fed.ts";
import type { Cases } from "../opened.ts";
import { type Thing, thing, things } from "../things.ts";

export const applyCases: Cases = {
  "what is applied is not noted, but numbered, and read back": fed(async ({ engine, feed }) => {
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const known = await one(feed, "a");
    const row: Thing = thing({ id: "b", name: "applied", blob: new Uint8Array([9]) });
    const version = ofThing({ rowKey: "b" });
    const { counts, found } = await feed.apply(
      [
        guard(insert(syncVersions, [version])),
        guard(insert(things, [row])),
        guard(update(syncVersions, { id: known.id, seq: known.seq }, { seq: 0, via: "elsewhere" })),
        update(things, { id: "a" }, { name: "theirs" }),
      ],
      [
        { from: things, keys: ["b", "nobody", "a"] },
        { from: syncVersions, keys: [version.id] },
      ],
    );
    assert.deepEqual(counts, [1, 1, 1, 1]);
    const stored = await one(feed, "b");
    assert.deepEqual(stored, { ...version, seq: stored.seq });
    assert.deepEqual(found, [[thing({ id: "a", name: "theirs" }), row], [stored]]);
    const taken = await one(feed, "a");
    assert.deepEqual(taken, { ...known, seq: taken.seq, via: "elsewhere" });
    assert.ok(stored.seq > known.seq && taken.seq > stored.seq);
    await engine.write([update(things, { id: "b" }, { name: "mine" })]);
    const mine = await one(feed, "b");
    assert.deepEqual([mine.via, mine.clocks, mine.born], [null, { name: mine.clock }, version.born]);
    assert.ok(mine.clock > version.clock);
  }),

  "what is applied on a state of before is not done": fed(async ({ engine, feed }) => {
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const { id, seq } = await one(feed, "a");
    const stale = guard(update(syncVersions, { id, seq: seq + 1 }, { seq: 0 }));
    const known = guard(insert(syncVersions, [ofThing({ rowKey: "a" })]));
    for (const change of [stale, known]) {
      const changes = [insert(things, [thing({ id: "b" })]), change];
      const { counts, found } = await feed.apply(changes, [{ from: things, keys: ["a"] }]);
      assert.deepEqual({ counts, found }, { counts: [0, 0], found: [[]] });
    }
    await engine.write([insert(things, [thing({ id: "c" })])]);
    assert.deepEqual(keys(await all(feed)), ["a", "c"]);
  }),

  "a row's clock only grows, whatever the machine's clock says": fed(async ({ engine, feed, store }) => {
    const ahead = clockAt(Date.now() + 86_400_000, "elsewhere");
    await feed.apply([insert(syncVersions, [ofThing({ rowKey: "a", born: ahead, clock: ahead })])], []);
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const { clock } = await one(feed, "a");
    assert.equal(clock, clockAt(millisOfClock(ahead) + 1, store));
    await engine.write([remove(things, { id: "a" })]);
    assert.equal((await one(feed, "a")).removed, clockAt(millisOfClock(ahead) + 2, store));
  }),
};
