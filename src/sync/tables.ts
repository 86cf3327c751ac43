import { agentMetrics } from "../model/agent-metric.ts";
import { checkpoints } from "../model/checkpoint.ts";
import type { AnyCollection, Collection } from "../model/collection.ts";
import { knowledge } from "../model/knowledge.ts";
import { agentMemory } from "../model/memory.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { rawEvents } from "../model/raw-event.ts";
import { sessions } from "../model/session.ts";
import type { SyncedTable } from "../model/sync.ts";
import { toolExecutions } from "../model/tool-execution.ts";

/** A row, or some of its fields, of any collection. */
export type Fields = Readonly<Record<string, unknown>>;

export interface SyncTable extends SyncedTable {
  /** What a row that comes in has in the fields that are not synced. */
  readonly blank: (row: Fields) => Fields;
}

function table<Row extends object>(
  collection: Collection<Row>,
  { session, own = {} }: { readonly session: keyof Row & string; readonly own?: Own<Row> },
): SyncTable {
  const fields = Object.keys(collection.fields).filter((name) => name !== collection.key && !(name in own));
  return {
    collection,
    fields,
    session,
    blank: (row) =>
      Object.fromEntries(
        Object.entries<Made | undefined>(own).map(([name, made]) => [
          name,
          typeof made === "function" ? made(row) : made,
        ]),
      ),
  };
}

type Made = number | boolean | ((row: Fields) => unknown);
type Own<Row> = { readonly [Name in keyof Row]?: Made };

/**
 * What is synced, parents first. A session's totals are not: each store sets them from the rows that it has. How often
 * knowledge was used is each store's own. Tasks, locks, letters, the blackboard and the cache are not here: they need one
 * authority, and the ledger, the queries and the regions are about one machine.
 */
export const syncTables: readonly SyncTable[] = [
  table(sessions, {
    session: "id",
    own: {
      messageCount: 0,
      toolCount: 0,
      errorCount: 0,
      inputTokens: 0,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      costUsd: 0,
      costComplete: true,
      updatedAt: (row) => row["endedAt"] ?? row["startedAt"],
    },
  }),
  table(messages, { session: "sessionId" }),
  table(toolExecutions, { session: "sessionId" }),
  table(modelCalls, { session: "sessionId" }),
  table(rawEvents, { session: "sessionId" }),
  table(checkpoints, { session: "sessionId" }),
  table(agentMemory, { session: "sessionId" }),
  table(knowledge, { session: "sessionId", own: { uses: 0, updatedAt: (row) => row["createdAt"] } }),
  table(agentMetrics, { session: "sessionId" }),
];

export const syncNames: readonly string[] = syncTables.map(({ collection }) => collection.name);

const byName = new Map(syncTables.map((one) => [one.collection.name, one]));

/** Undefined for a collection that this version does not sync. */
export function tableOf(name: string): SyncTable | undefined {
  return byName.get(name);
}

/** The fields of a row that are synced. */
export function syncedFields({ fields }: SyncTable, row: Fields): Fields {
  return Object.fromEntries(fields.map((name) => [name, row[name] ?? null]));
}

export function keyOf(collection: AnyCollection, row: Fields): string {
  return String(row[collection.key]);
}
