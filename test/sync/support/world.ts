import { createIngest, type Ingest } from "../../../dist/domains/ingest.js";
import { createMemoryEngine } from "../../../dist/engine/memory.js";
import { errorCode } from "../../../dist/index.js";
import { storeSchema, syncSchema } from "../../../dist/model/schema.js";
import { type RowVersion, syncVersions } from "../../../dist/model/sync.js";
import { createRedactor } from "../../../dist/record/redact.js";
import { canonicalRow } from "../../../dist/sync/link/canonical.js";
import type { SyncEngine } from "../../../dist/sync/link/land.js";
import { createLink, type Link, syncing } from "../../../dist/sync/link/run.js";
import type { SyncReport } from "../../../dist/sync/report.js";
import { syncTables } from "../../../dist/sync/tables.js";
import { calm, Crash, deliver, faulty, type Way, type Weather } from "./faulty.ts";
import type { Random } from "./random.ts";

export interface Spoke {
  readonly name: string;
  engine: SyncEngine;
  ingest: Ingest;
  readonly toHub: Way;
  readonly toSelf: Way;
  /** How far its clock is off. */
  skew: number;
  link: Link | undefined;
}

/** What was said to be stored, and what was said to be gone. */
export interface Truth {
  /** Row by version id: every value that a field of it ever had. */
  readonly made: Map<string, string>;
  readonly removed: Set<string>;
}

export interface World {
  readonly random: Random;
  now: number;
  hub: SyncEngine;
  readonly openOne: Opening;
  readonly spokes: readonly Spoke[];
  readonly truth: Truth;
  readonly seen: {
    syncs: number;
    failed: number;
    crashes: number;
    conflicts: number;
    faults: number;
    /** Versions that were compared by themselves, and what was made the same by that. */
    compared: number;
    repaired: number;
  };
}

const newWay = (): Way => ({ weather: calm, underWay: [], faults: 0, calls: 0 });

/** How the stores of a world are opened, by a number; in memory unless said otherwise. */
export type Opening = (random: Random, now: () => number) => Promise<SyncEngine>;

export async function createWorld(
  random: Random,
  count: number,
  openOne: Opening = openMemory,
): Promise<World> {
  const world: World = {
    random,
    now: 1_800_000_000_000,
    hub: await openOne(random, () => world.now),
    openOne,
    spokes: [],
    truth: { made: new Map(), removed: new Set() },
    seen: { syncs: 0, failed: 0, crashes: 0, conflicts: 0, faults: 0, compared: 0, repaired: 0 },
  };
  const spokes: Spoke[] = [];
  for (let place = 0; place < count; place++) {
    const spoke = {
      name: `spoke-${place}`,
      toHub: newWay(),
      toSelf: newWay(),
      skew: 0,
      link: undefined,
    } as unknown as Spoke;
    const clock = (): number => world.now + spoke.skew;
    spoke.engine = await openOne(random, clock);
    spoke.ingest = createIngest(spoke.engine, { now: clock, costOf: () => 0.25 });
    spokes.push(spoke);
  }
  return Object.assign(world, { spokes });
}

async function openMemory(random: Random, now: () => number): Promise<SyncEngine> {
  const engine = createMemoryEngine({ now, makeStoreId: () => random.id().slice(0, 12) });
  await engine.prepare(storeSchema);
  await engine.prepare(syncSchema);
  return syncing(engine);
}

/** The hub lost everything, or all that came after a copy of it was made. */
export async function emptyHub(world: World): Promise<void> {
  world.hub = await world.openOne(world.random, () => world.now);
  for (const spoke of world.spokes) {
    spoke.link = undefined;
    spoke.toHub.underWay.length = 0;
  }
}

export function linkOf(world: World, spoke: Spoke): Link {
  const { random } = world;
  return (spoke.link ??= createLink({
    own: faulty(spoke.engine, spoke.toSelf, random),
    openHub: async () => faulty(world.hub, spoke.toHub, random),
    place: "hub",
    name: spoke.name,
    redactor: createRedactor(),
    now: () => world.now + spoke.skew,
    elapsed: () => world.now,
    // Only the wait for the turn is ever over: nothing here takes time.
    after(ms, run) {
      if (ms > 100) return () => undefined;
      world.now += ms * 20;
      queueMicrotask(run);
      return () => undefined;
    },
    makeId: random.id,
    limits: { rows: 7, bytes: 3_000, compared: 20 },
  }));
}

export async function sync(
  world: World,
  spoke: Spoke,
  mode: "push" | "pull" | "full",
): Promise<SyncReport | undefined> {
  world.seen.syncs++;
  try {
    const report = await linkOf(world, spoke).run(mode);
    world.seen.conflicts += report.conflicts;
    world.seen.compared += report.compared?.rows ?? 0;
    world.seen.repaired += report.compared?.repaired ?? 0;
    return report;
  } catch (error) {
    world.seen.failed++;
    if (error instanceof Crash) {
      world.seen.crashes++;
      spoke.link = undefined;
      return undefined;
    }
    if (
      errorCode(error) === "unreachable" ||
      errorCode(error) === "busy" ||
      errorCode(error) === "lease-lost"
    )
      return undefined;
    throw error;
  }
}

export async function heal(world: World): Promise<void> {
  for (const { toHub, toSelf } of world.spokes) {
    for (const way of [toHub, toSelf]) {
      world.seen.faults += way.faults;
      way.weather = calm;
      // A request of a connection that is no more does not arrive any more.
      await deliver(way, world.random, 0.5);
      way.underWay.length = 0;
    }
  }
}

export function storm(random: Random): Weather {
  const share = random.pick([0, 0.01, 0.05, 0.15]);
  const part = (): number => share * random();
  return { lost: part(), answerLost: part(), replayed: part(), late: part(), crash: part() / 2 };
}

export type { Weather };

/** Everything that is synced, in a form that can be compared; with the clocks it must be the same to the letter. */
export async function dump(engine: SyncEngine): Promise<string[]> {
  const lines: string[] = [];
  for (const table of syncTables) {
    const { collection } = table;
    const find = engine.find.bind(engine) as unknown as (
      from: unknown,
    ) => Promise<Array<Record<string, unknown>>>;
    for (const row of await find(collection)) {
      lines.push(`${collection.name}/${String(row[collection.key])} ${canonicalRow(table, row)}`);
    }
  }
  for (const version of await engine.find(syncVersions)) lines.push(versionLine(version));
  return lines.sort();
}

function versionLine({ id, born, clock, clocks, removed }: RowVersion): string {
  return `version ${JSON.stringify([
    id,
    born,
    clock,
    removed,
    Object.keys(clocks ?? {})
      .sort()
      .map((field) => [field, clocks?.[field]]),
  ])}`;
}
