import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert";
import { messages } from "../../../dist/model/message.js";
import { sessions } from "../../../dist/model/session.js";
import { act } from "./deeds.ts";
import { deliver } from "./faulty.ts";
import { createRandom } from "./random.ts";
import { createWorld, dump, emptyHub, heal, type Opening, storm, sync, type World } from "./world.ts";

export interface Told {
  readonly world: World;
  readonly dumps: string[][];
}

/** One schedule: what programs do, when they sync, what their ways do meanwhile; then calm, until all come to rest. */
export async function run(seed: number, openOne?: Opening): Promise<Told> {
  const random = createRandom(seed);
  const world = await createWorld(random, 3, openOne);
  for (let step = 0; step < 60; step++) {
    const spoke = random.pick(world.spokes);
    if (random.chance(0.05)) for (const one of world.spokes) one.toHub.weather = storm(random);
    if (random.chance(0.05)) spoke.toHub.weather = { ...spoke.toHub.weather, lost: 1 };
    if (random.chance(0.05))
      spoke.toSelf.weather = { ...storm(random), lost: 0, replayed: 0, late: 0, answerLost: 0 };
    if (random.chance(0.3)) await deliver(spoke.toHub, random, 0.5);
    if (random.chance(0.005)) await emptyHub(world);
    // Then the versions of both sides are compared again, a piece with each sync.
    if (step % 20 === 19) world.now += 3_600_000;
    if (random.chance(0.25)) await sync(world, spoke, random.pick(["full", "full", "full", "push", "pull"]));
    else await act(world, spoke);
  }
  await heal(world);
  let quiet = 0;
  for (let round = 0; quiet < 2; round++) {
    if (round > 12) throw new Error("They do not come to rest.");
    let moved = 0;
    for (const spoke of world.spokes) {
      const report = await sync(world, spoke, "full");
      moved += report === undefined ? 1 : report.sent + report.received;
      ok([undefined, "ok"].includes(report?.state), `${spoke.name}: ${report?.state}`);
    }
    quiet = moved === 0 ? quiet + 1 : 0;
  }
  const stores = [world.hub, ...world.spokes.map(({ engine }) => engine)];
  return { world, dumps: await Promise.all(stores.map(dump)) };
}

/** Runs it and compares what all hold: with each other, and with what was said to be stored and removed. */
export async function check(seed: number, openOne?: Opening): Promise<Told> {
  const told = await run(seed, openOne);
  const { world, dumps } = told;
  const [hub = [], ...spokes] = dumps;
  for (const own of spokes) deepEqual(own, hub);
  const living = new Set(hub.map((line) => line.split(" ")[0]));
  const { made, removed } = world.truth;
  const lost = [...made.keys()].filter((id) => !removed.has(id) && !living.has(id));
  const resurrected = [...removed].filter((id) => living.has(id));
  deepEqual({ lost, resurrected }, { lost: [], resurrected: [] });
  for (const spoke of world.spokes) {
    const rows = await spoke.engine.find(messages);
    const ids = new Map(rows.map((row) => [`messages/${row.id}`, row.content]));
    for (const [id, text] of made) if (ids.has(id)) equal(ids.get(id), text);
    equal(new Set(rows.map((row) => `${row.sessionId} ${row.sequence}`)).size, rows.length);
    for (const session of await spoke.engine.find(sessions)) {
      const own = rows.filter(({ sessionId }) => sessionId === session.id);
      if (own.length > 0) equal(session.messageCount, own.length);
    }
  }
  return told;
}
