import { insert, remove, update } from "../../../dist/engine/engine.js";
import { checkpoints } from "../../../dist/model/checkpoint.js";
import type { Collection } from "../../../dist/model/collection.js";
import { knowledge } from "../../../dist/model/knowledge.js";
import { agentMemory } from "../../../dist/model/memory.js";
import { messages } from "../../../dist/model/message.js";
import { sessions } from "../../../dist/model/session.js";
import { toolExecutions } from "../../../dist/model/tool-execution.js";
import type { SyncEngine } from "../../../dist/sync/link/land.js";
import type { Spoke, World } from "./world.ts";

/** One thing that a program does in its own store. What it answered is kept in mind. */
export async function act(world: World, spoke: Spoke): Promise<void> {
  const { random, truth } = world;
  const { ingest } = spoke;
  world.now += random.below(50);
  if (random.chance(0.03)) spoke.skew = random.pick([0, -3_600_000, 3_600_000, random.below(2_000) - 1_000]);
  const session = `session-${random.below(5)}`;
  const deed = random.pick(deeds);
  const made = await deed({ world, spoke, session });
  for (const [id, text] of made) truth.made.set(id, text);
  await ingest.settle([session]);
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
      {
        kind: "modelCall",
        id,
        sessionId: session,
        model: "m",
        inputTokens: random.below(100),
        outputTokens: 3,
      },
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
        {
          id,
          sessionId: session,
          type: "plan",
          data: { at: id },
          createdAt: now,
          projectId: null,
          parentId: null,
        },
      ]),
    ]);
    return [[`checkpoints/${id}`, ""]];
  },
  (doing) =>
    decide(doing, agentMemory, (id, at) => ({
      ...{ id, agentId: "a", decisionType: "d", decisionData: { chosen: id }, context: null, createdAt: at },
      ...{ sessionId: null, messageId: null, scope: "agent", supersedes: null },
    })),
  (doing) =>
    decide(doing, knowledge, (id, at) => ({
      ...{ id, category: "c", topic: "t", content: `found ${id}`, tags: [], metadata: null, agentId: null },
      ...{ sessionId: null, messageId: null, supersedes: null, uses: 0, createdAt: at, updatedAt: at },
    })),
  async ({ world, spoke: { engine }, session }) => {
    if (!world.random.chance(0.1)) return [];
    await engine.write([remove(sessions, { id: session })]);
    return [];
  },
];

async function anyOf<Row extends object>(
  { random }: World,
  engine: SyncEngine,
  from: Collection<Row>,
): Promise<Row[]> {
  const rows = await engine.find(from);
  return rows.length === 0 ? [] : [random.pick(rows)];
}

/** Adds one, supersedes one, or takes one away, as the domains do it; their ids are not made from a seed. */
async function decide<Row extends { readonly id: string; readonly supersedes: string | null }>(
  { world: { random, now, truth }, spoke: { engine } }: Doing,
  collection: Collection<Row>,
  make: (id: string, at: number) => Row,
): Promise<Array<[string, string]>> {
  const rows = await engine.find(collection);
  const old = rows.length > 0 && random.chance(0.6) ? random.pick(rows) : undefined;
  if (old !== undefined && random.chance(0.2)) {
    const { id, supersedes } = old;
    await engine.write([
      { kind: "remove", from: collection, where: { id } },
      { kind: "update", rows: collection, where: { supersedes: id }, patch: { supersedes } },
    ]);
    truth.removed.add(`${collection.name}/${id}`);
    return [];
  }
  const row = { ...make(random.id(), now), supersedes: old?.id ?? null };
  const [made] = await engine.write([insert(collection, [row])]);
  return made === 1 ? [[`${collection.name}/${row.id}`, ""]] : [];
}
