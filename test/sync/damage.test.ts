import { describe, expect, test } from "vitest";
import { insert, update } from "../../dist/engine/engine.js";
import { LociError } from "../../dist/index.js";
import { checkpoints } from "../../dist/model/checkpoint.js";
import { messages } from "../../dist/model/message.js";
import { syncQuarantine } from "../../dist/model/sync-state.js";
import type { SyncEngine } from "../../dist/sync/link/land.js";
import { createRandom } from "./support/random.ts";
import { createWorld, dump, linkOf, type Spoke, sync, type World } from "./support/world.ts";

interface Two {
  readonly world: World;
  readonly spoke: Spoke;
  readonly other: Spoke;
}

async function two(): Promise<Two> {
  const world = await createWorld(createRandom(5), 2);
  const [spoke, other] = world.spokes;
  if (spoke === undefined || other === undefined) throw new Error("There are two.");
  return { world, spoke, other };
}

const checkpoint = (id: string) => ({
  ...{ id, sessionId: null, type: "plan", data: { of: id }, createdAt: 1, projectId: null, parentId: null },
});

/** A store in which something goes wrong with what is written, and nobody says so. */
function lying(engine: SyncEngine, lie: (engine: SyncEngine) => Promise<unknown>): SyncEngine {
  const { feed } = engine;
  return {
    ...engine,
    feed: {
      ...feed,
      async apply(changes, finds) {
        const applied = await feed.apply(changes, []);
        if (changes.length > 0) await feed.apply([], []).then(() => lie(engine));
        const { found } = await feed.apply([], finds);
        return { ...applied, found };
      },
    },
  };
}

describe("a row that does not stand as it was sent", () => {
  test("is quarantined with both digests, told, and written again", async () => {
    const { world, spoke, other } = await two();
    await spoke.engine.write([insert(checkpoints, [checkpoint("c1"), checkpoint("c2")])]);
    const hub = world.hub;
    let lies = 2;
    world.hub = lying(hub, async (engine) => {
      if (lies-- <= 0) return;
      await engine.feed.apply([update(checkpoints, { id: "c1" }, { type: "changed" })], []);
    });
    const report = await sync(world, spoke, "push");
    expect(report).toMatchObject({ sent: 3, quarantined: 2 });
    expect(await spoke.engine.find(syncQuarantine)).toMatchObject([
      {
        collection: "checkpoints",
        rowKey: "c1",
        direction: "push",
        reason: "It does not stand as it was sent.",
      },
    ]);
    const [row] = await spoke.engine.find(syncQuarantine);
    expect(row?.sent).not.toBe(row?.found);
    world.hub = hub;
    spoke.link = undefined;
    await sync(world, spoke, "push");
    expect(await spoke.engine.find(syncQuarantine)).toEqual([]);
    await sync(world, other, "full");
    await sync(world, spoke, "full");
    expect(await dump(other.engine)).toEqual(await dump(spoke.engine));
    expect(await other.engine.find(checkpoints)).toMatchObject([{ type: "plan" }, { type: "plan" }]);
  });

  test("is found by verify where it was damaged later, and mended by its own store", async () => {
    const { world, spoke } = await two();
    await spoke.engine.write([insert(checkpoints, [checkpoint("c1"), checkpoint("c2"), checkpoint("c3")])]);
    await sync(world, spoke, "full");
    // Behind the triggers' back: as a broken disk would do it.
    await world.hub.feed.apply(
      [
        update(checkpoints, { id: "c1" }, { type: "zzz" }),
        { kind: "remove", from: checkpoints, where: { id: "c2" } },
      ],
      [],
    );
    const link = linkOf(world, spoke);
    const compared = await link.verify("full");
    expect(compared).toMatchObject({
      rows: 3,
      different: 2,
      differences: [
        { collection: "checkpoints", rowKey: "c1", what: "content" },
        { collection: "checkpoints", rowKey: "c2", what: "lost there" },
      ],
    });
    expect((await link.repair("full")).repaired).toBe(2);
    expect((await link.verify("full")).different).toBe(0);
    expect(await dump(world.hub)).toEqual(await dump(spoke.engine));
    expect((await world.hub.find(checkpoints)).map(({ type }) => type)).toEqual(["plan", "plan", "plan"]);
  });
});

describe("a row that the hub refuses", () => {
  test("is quarantined alone, and arrives when it is taken", async () => {
    const { world, spoke } = await two();
    const rows = Array.from({ length: 20 }, (_, i) => checkpoint(`c${String(i).padStart(2, "0")}`));
    await spoke.engine.write([insert(checkpoints, rows)]);
    const hub = world.hub;
    const { feed } = hub;
    world.hub = {
      ...hub,
      feed: {
        ...feed,
        apply: async (changes, finds) => {
          if (JSON.stringify(changes).includes('"c07"'))
            throw new LociError("too-large", "One row is too large.");
          return feed.apply(changes, finds);
        },
      },
    };
    const report = await sync(world, spoke, "push");
    expect(report).toMatchObject({ sent: 19 });
    expect(await hub.find(checkpoints)).toHaveLength(19);
    expect(await spoke.engine.find(syncQuarantine)).toMatchObject([
      { rowKey: "c07", reason: "One row is too large." },
    ]);
    world.hub = hub;
    spoke.link = undefined;
    await sync(world, spoke, "push");
    expect(await hub.find(checkpoints)).toHaveLength(20);
    expect(await spoke.engine.find(syncQuarantine)).toEqual([]);
  });
});

test("fifty spokes on one hub come to the same", async () => {
  const world = await createWorld(createRandom(11), 50);
  for (const [place, spoke] of world.spokes.entries()) {
    await spoke.ingest.write([
      { kind: "message", id: `m${place}`, sessionId: "shared", role: "user", content: `from ${spoke.name}` },
      { kind: "session", id: `own-${place}`, title: spoke.name },
    ]);
  }
  for (const spoke of world.spokes) await sync(world, spoke, "full");
  for (const spoke of world.spokes) expect((await sync(world, spoke, "full"))?.state).toBe("ok");
  for (const spoke of world.spokes) await sync(world, spoke, "full");
  const hub = await dump(world.hub);
  for (const spoke of world.spokes) expect(await dump(spoke.engine)).toEqual(hub);
  const rows = await world.hub.find(messages, { where: { sessionId: "shared" } });
  expect(new Set(rows.map(({ sequence }) => sequence)).size).toBe(50);
}, 120_000);
