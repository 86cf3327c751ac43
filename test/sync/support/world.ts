import { createIngest, type Ingest } from "../../../dist/domains/ingest.js";
import { createKnowledge } from "../../../dist/domains/knowledge.js";
import { createMemory } from "../../../dist/domains/memory.js";
import { insert, remove, update } from "../../../dist/engine/engine.js";
import { createMemoryEngine } from "../../../dist/engine/memory.js";
import { errorCode } from "../../../dist/index.js";
import { checkpoints } from "../../../dist/model/checkpoint.js";
import { knowledge } from "../../../dist/model/knowledge.js";
import { agentMemory } from "../../../dist/model/memory.js";
import { messages } from "../../../dist/model/message.js";
import { storeSchema, syncSchema } from "../../../dist/model/schema.js";
import { sessions } from "../../../dist/model/session.js";
import { type RowVersion, syncVersions } from "../../../dist/model/sync.js";
import { toolExecutions } from "../../../dist/model/tool-execution.js";
import { createRedactor } from "../../../dist/record/redact.js";
import { canonicalRow } from "../../../dist/sync/canonical.js";
import type { SyncEngine } from "../../../dist/sync/land.js";
import { createLink, type Link, type SyncReport, syncing } from "../../../dist/sync/run.js";
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
  readonly spokes: readonly Spoke[];
  readonly truth: Truth;
  readonly seen: { syncs: number; failed: number; crashes: number; conflicts: number; faults: number };
}

const newWay = (): Way => ({ weather: calm, underWay: [], faults: 0, calls: 0 });

export async function createWorld(random: Random, count: number): Promise<World> {
  const world: World = {
    random,
    now: 1_800_000_000_000,
    hub: await openMemory(random, () => world.now),
    spokes: [],
    truth: { made: new Map(), removed: new Set() },
    seen: { syncs: 0, failed: 0, crashes: 0, conflicts: 0, faults: 0 },
  };
  const spokes: Spoke[] = [];
  for (let place = 0; place < count; place++) {
    const spoke = { name: `spoke-${place}`, toHub: newWay(), toSelf: newWay(), skew: 0, link: undefined } as unknown as Spoke;
    const clock = (): number => world.now + spoke.skew;
    spoke.engine = await openMemory(random, clock);
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
  world.hub = await openMemory(world.random, () => world.now);
  for (const spoke of world.spokes) {
    spoke.link = undefined;
    spoke.toHub.underWay.length = 0;
  }
}

function linkOf(world: World, spoke: Spoke): Link {
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
    limits: { rows: 7, bytes: 3_000 },
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
    return report;
  } catch (error) {
    world.seen.failed++;
    if (error instanceof Crash) {
      world.seen.crashes++;
      spoke.link = undefined;
      return undefined;
    }
    if (errorCode(error) === "unreachable" || errorCode(error) === "busy" || errorCode(error) === "lease-lost") return undefined;
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
  return `version ${JSON.stringify([id, born, clock, removed, Object.entries(clocks ?? {}).sort()])}`;
}

/** One thing that a program does in its own store. What it answered is kept in mind. */
export async function act(world: World, spoke: Spoke): Promise<void> {
  const { random, truth } = world;
  const { engine, ingest } = spoke;
  world.now += random.below(50);
  if (random.chance(0.03)) spoke.skew = random.pick([0, -3_600_000, 3_600_000, random.below(2_000) - 1_000]);
  const session = `session-${random.below(5)}`;
  const deed = random.pick(deeds);
  const made = await deed({ world, spoke, session });
  for (const [id, text] of made) truth.made.set(id, text);
  await ingest.settle([session]);
  void engine;
}

interface Doing {
  readonly world: World;
  readonly spoke: Spoke;
  readonly session: string;
}

type Deed = (doing: Doing) => Promise<ReadonlyArray<readonly [id: string, text: string]>>;

const say: Deed = async ({ world: { random }, spoke: { ingest }, session }) => {
  const said = Array.from({ length: 1 + random.below(4) }, () => {
    const id = random.id();
    return { kind: "message", id, sessionId: session, role: "user", content: `said ${id}` } as const;
  });
  await ingest.write(said);
  return said.map(({ id, content }) => [`messages/${id}`, content] as const);
};

const deeds: readonly Deed[] = [
  say,
  say,
  async ({ world: { random, now }, spoke: { ingest }, session }) => {
    const id = random.id();
    const call = { kind: "toolExecution", id, sessionId: session, toolName: "Bash" } as const;
    await ingest.write([{ ...call, status: "running", input: { run: id } }]);
    if (random.chance(0.7)) {
      await ingest.write([{ ...call, status: "completed", output: `done ${id}`, endedAt: now + 5 }]);
    }
    return [[`tool_executions/${id}`, ""]];
  },
  async ({ world: { random }, spoke: { ingest }, session }) => {
    const id = random.id();
    await ingest.write([
      { kind: "modelCall", id, sessionId: session, model: "m", inputTokens: random.below(100), outputTokens: 3 },
    ]);
    return [[`model_calls/${id}`, ""]];
  },
  async ({ world: { random }, spoke: { ingest }, session }) => {
    const title = random.chance(0.5) ? { title: `title ${random.id()}` } : { gitBranch: random.id() };
    const status = random.pick(["running", "completed", "error"] as const);
    await ingest.write([{ kind: "session", id: session, status, metadata: { by: random.id() }, ...title }]);
    return [];
  },
  async ({ world, spoke: { engine } }) => {
    const [row] = await anyOf(world, engine, messages);
    if (row === undefined) return [];
    await engine.write([update(messages, { id: row.id }, { metadata: { edited: world.random.id() } })]);
    return [];
  },
  async ({ world, spoke: { engine } }) => {
    const [row] = await anyOf(world, engine, messages);
    if (row === undefined) return [];
    await engine.write([remove(messages, { id: row.id })]);
    world.truth.removed.add(`messages/${row.id}`);
    return [];
  },
  async ({ world, spoke: { engine } }) => {
    const [row] = await anyOf(world, engine, toolExecutions);
    if (row === undefined) return [];
    await engine.write([update(toolExecutions, { id: row.id }, { output: world.random.id() })]);
    return [];
  },
  async ({ world: { random, now }, spoke: { engine }, session }) => {
    const id = random.id();
    await engine.write([
      insert(checkpoints, [
        { id, sessionId: session, type: "plan", data: { at: id }, createdAt: now, projectId: null, parentId: null },
      ]),
    ]);
    return [[`checkpoints/${id}`, ""]];
  },
  async ({ world, spoke: { engine } }) => {
    const memory = createMemory(engine, { now: () => world.now });
    const current = await memory.list({ limit: 20 });
    const old = current.items.length > 0 && world.random.chance(0.5) ? world.random.pick(current.items) : undefined;
    if (old !== undefined && world.random.chance(0.2)) {
      await memory.remove(old.id);
      world.truth.removed.add(`agent_memory/${old.id}`);
      return [];
    }
    const given = { agentId: "a", decisionType: "d", decisionData: { chosen: world.random.id() } };
    const row = old === undefined ? await memory.add(given) : await memory.supersede(old.id, given);
    return [[`${agentMemory.name}/${row.id}`, ""]];
  },
  async ({ world, spoke: { engine } }) => {
    const know = createKnowledge(engine, { now: () => world.now });
    const { items } = await know.list({ limit: 20 });
    const old = items.length > 0 && world.random.chance(0.5) ? world.random.pick(items) : undefined;
    if (old !== undefined && world.random.chance(0.2)) {
      await know.remove(old.id);
      world.truth.removed.add(`knowledge/${old.id}`);
      return [];
    }
    const given = { category: "c", topic: "t", content: `found ${world.random.id()}` };
    const row = old === undefined ? await know.add(given) : await know.supersede(old.id, given);
    return [[`${knowledge.name}/${row.id}`, ""]];
  },
  async ({ world, spoke: { engine }, session }) => {
    if (!world.random.chance(0.1)) return [];
    await engine.write([remove(sessions, { id: session })]);
    return [];
  },
];

async function anyOf<Row extends { readonly id: string }>(
  { random }: World,
  engine: SyncEngine,
  from: Parameters<SyncEngine["find"]>[0],
): Promise<Row[]> {
  const rows = (await engine.find(from)) as unknown as Row[];
  return rows.length === 0 ? [] : [random.pick(rows)];
}
