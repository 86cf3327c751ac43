import { statSync } from "node:fs";
import type { Engine } from "../engine/engine.ts";
import { checkpoints } from "../model/checkpoint.ts";
import { knowledge } from "../model/knowledge.ts";
import { agentMemory } from "../model/memory.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { sessions } from "../model/session.ts";
import { tasks } from "../model/task.ts";
import { toolExecutions } from "../model/tool-execution.ts";
import type { Loci } from "../open.ts";
import { isoTime, type Millis, type Operation, operation } from "./operation.ts";

export const periods = ["1h", "24h", "7d", "30d"] as const;

const hour = 3_600_000;
const lengths: Readonly<Record<(typeof periods)[number], Millis>> = {
  "1h": hour,
  "24h": 24 * hour,
  "7d": 7 * 24 * hour,
  "30d": 30 * 24 * hour,
};

export interface Usage {
  readonly period: string;
  readonly since: string;
  /** Rows that came in, by table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly rowsWritten: number;
  /** All of the store, its search index included. */
  readonly storageBytes: number | null;
}

/** How many rows of a table came in since then. */
async function countSince(engine: Engine, since: Millis): Promise<Record<string, number>> {
  const measures = { count: "count" } as const;
  const from = { from: since };
  const groups = await Promise.all([
    engine.rollup(sessions, { by: [], where: { startedAt: from }, measures }),
    engine.rollup(messages, { by: [], where: { createdAt: from }, measures }),
    engine.rollup(toolExecutions, { by: [], where: { startedAt: from }, measures }),
    engine.rollup(modelCalls, { by: [], where: { startedAt: from }, measures }),
    engine.rollup(agentMemory, { by: [], where: { createdAt: from }, measures }),
    engine.rollup(knowledge, { by: [], where: { createdAt: from }, measures }),
    engine.rollup(checkpoints, { by: [], where: { createdAt: from }, measures }),
    engine.rollup(tasks, { by: [], where: { createdAt: from }, measures }),
  ]);
  const names = [sessions, messages, toolExecutions, modelCalls, agentMemory, knowledge, checkpoints, tasks];
  return Object.fromEntries(names.map(({ name }, i) => [name, groups[i]?.[0]?.count ?? 0]));
}

async function storageOf({ engine, place, sql }: Loci): Promise<number | null> {
  if (/^(libsql|turso)$/.test(engine.name)) {
    // Looked at, never opened: a file that an engine has open is not for `fs`.
    const index = `${place.replace(/\.db$/, "")}.search.db`;
    const sizes = [place, `${place}-wal`, index, `${index}-wal`].map(
      (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
  if (engine.name !== "postgres") return null;
  const answer = await sql?.query(
    `select sum(pg_total_relation_size(c.oid)) from pg_class c
     join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema() where c.relkind = 'r'`,
  );
  return Number(answer?.rows[0]?.[0] ?? 0);
}

export const databaseUsage: Operation = operation({
  name: "database-usage",
  summary: "what came into the store in the last hour, day, week or month",
  access: "read",
  params: { period: { kind: "enum", choices: periods, default: "24h", summary: "how far back" } },
  async run(loci, { period }, { now }): Promise<Usage> {
    const since = now() - lengths[period];
    const [rows, storageBytes] = await Promise.all([countSince(loci.engine, since), storageOf(loci)]);
    const rowsWritten = Object.values(rows).reduce((sum, count) => sum + count, 0);
    return { period, since: isoTime(since), rows, rowsWritten, storageBytes };
  },
});

export interface PlatformUsage {
  readonly period: string;
  readonly since: string;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly storageBytes: number;
}

/** What a provider counts of one of its databases; null where that is for the database itself to say. */
export const platformUsage: Operation = operation({
  name: "platform-usage",
  summary: "what Turso counts of a database",
  access: "read",
  params: {
    database: { kind: "string", required: true, summary: "its name" },
    period: { kind: "enum", choices: periods, default: "24h", summary: "how far back" },
  },
  async run({ databases }, { database, period }, { now }): Promise<{ readonly usage: PlatformUsage | null }> {
    const to = now();
    const from = to - lengths[period];
    const usage = await databases.usage(database, { from, to });
    return { usage: usage === null ? null : { period, since: isoTime(from), ...usage } };
  },
});

export interface MemoryTables {
  readonly tables: ReadonlyArray<{ readonly name: string; readonly kind: string; readonly rows: number }>;
}

/** The tables that agents remember in are made with the store; this says what is there. */
export const memoryTables: Operation = operation({
  name: "setup-memory-tables",
  summary: "make sure of the tables that agents remember in, and say what they hold",
  access: "write",
  params: {},
  async run({ engine, sql }): Promise<MemoryTables> {
    const count = async (
      answer: Promise<ReadonlyArray<{ readonly count: number | null }>>,
    ): Promise<number> => (await answer)[0]?.count ?? 0;
    const measures = { count: "count" } as const;
    const said = { role: { anyOf: ["user", "assistant", "system"] } };
    const [conversations, entries, ...counts] = await Promise.all([
      count(engine.rollup(messages, { by: [], where: said, measures })),
      count(engine.rollup(knowledge, { by: [], measures })),
      count(engine.rollup(sessions, { by: [], measures })),
      count(engine.rollup(messages, { by: [], measures })),
      count(engine.rollup(agentMemory, { by: [], measures })),
      count(engine.rollup(checkpoints, { by: [], measures })),
    ]);
    const stored = ["sessions", "messages", "agent_memory", "checkpoints"];
    return {
      tables: [
        // Other servers' names for ours, where there is SQL to name them in.
        ...(sql === undefined
          ? []
          : [
              { name: "conversations", kind: "view", rows: conversations },
              { name: "knowledge_base", kind: "view", rows: entries },
            ]),
        { name: "knowledge", kind: "table", rows: entries },
        ...stored.map((name, i) => ({ name, kind: "table", rows: counts[i] ?? 0 })),
      ],
    };
  },
});
