import { blackboard, blackboardHistory } from "./blackboard.ts";
import { agentMetrics } from "./agent-metric.ts";
import { checkpoints } from "./checkpoint.ts";
import { agents, swarmMembers } from "./agent.ts";
import { cacheLoads, cacheMarks, cachePatterns, edgeCache } from "./cache.ts";
import type { AnyCollection } from "./collection.ts";
import { edgeLatencies, edgeReplicas } from "./edge.ts";
import { knowledge } from "./knowledge.ts";
import { knowledgeIndex, knowledgeSegments, knowledgeTerms } from "./knowledge-index.ts";
import { ledger } from "./ledger.ts";
import { agentMemory } from "./memory.ts";
import { locks } from "./lock.ts";
import { mailbox, subscriptions } from "./mailbox.ts";
import { messages } from "./message.ts";
import { modelCalls } from "./model-call.ts";
import { queryLog, queryPerformance } from "./query.ts";
import { importedFiles, rawEvents } from "./raw-event.ts";
import { rawStreams } from "./raw-stream.ts";
import { pendingSearch, searchBlocks, searchSegments, searchState } from "./search.ts";
import { sessions } from "./session.ts";
import { syncSelf, syncVersions } from "./sync.ts";
import { syncConflicts, syncLocal, syncPeers, syncQuarantine, syncRuns, syncSpokes } from "./sync-state.ts";
import { taskAssignments, taskDependencies, taskLanes, tasks } from "./task.ts";
import { toolExecutions } from "./tool-execution.ts";

/** One step from a version of the schema to the next. Steps are only ever added. */
export interface Migration {
  readonly version: number;
  readonly summary: string;
  /** Collections that begin with this version, with their fields as they were then. */
  readonly create?: readonly AnyCollection[];
  /** Fields that a collection gains; they are optional, so that no row has to be rewritten. */
  readonly add?: ReadonlyArray<{ readonly to: AnyCollection; readonly fields: readonly string[] }>;
  /** Collections whose columns gain the defaults that `bySql` says, and the types that their fields have by now. */
  readonly defaults?: readonly AnyCollection[];
  /** Collections whose table is made anew from its rows: a backup is taken first. */
  readonly rewrite?: readonly AnyCollection[];
}

/** What an engine prepares. */
export interface Schema {
  /** The table that holds the version: `(version, applied_at)`, the engine's own. Two schemas may share a database. */
  readonly table: string;
  readonly migrations: readonly Migration[];
}

/** What the store holds. */
export const storeSchema: Schema = {
  table: "schema_version",
  migrations: [
    {
      version: 1,
      summary: "sessions, messages, tool executions, model calls, raw events, ledger",
      create: [
        sessions,
        messages,
        toolExecutions,
        modelCalls,
        without(rawEvents, ["stream", "keys"]),
        importedFiles,
        ledger,
        pendingSearch,
      ],
    },
    {
      version: 2,
      summary: "agents, swarms, tasks, locks, mailbox",
      create: [
        agents,
        swarmMembers,
        tasks,
        taskLanes,
        taskDependencies,
        taskAssignments,
        locks,
        mailbox,
        subscriptions,
      ],
    },
    {
      version: 3,
      summary: "agent memory, knowledge, checkpoints",
      create: [agentMemory, knowledge, checkpoints],
    },
    {
      version: 4,
      summary: "metrics, queries, edge, cache, blackboard",
      defaults: [agentMemory, knowledge],
      create: [
        agentMetrics,
        queryPerformance,
        queryLog,
        edgeReplicas,
        edgeLatencies,
        edgeCache,
        cacheMarks,
        cacheLoads,
        cachePatterns,
        knowledgeIndex,
        knowledgeSegments,
        knowledgeTerms,
        blackboard,
        blackboardHistory,
      ],
    },
    {
      version: 5,
      summary: "raw streams",
      create: [rawStreams],
      add: [{ to: rawEvents, fields: ["stream", "keys"] }],
    },
  ],
};

/** A collection as it was before it gained these fields. */
function without(collection: AnyCollection, names: readonly string[]): AnyCollection {
  const fields = Object.entries(collection.fields).filter(([name]) => !names.includes(name));
  return { ...collection, fields: Object.fromEntries(fields) };
}

/** What the search index holds: in a file of its own beside a file store, in the same database elsewhere. */
export const searchSchema: Schema = {
  table: "search_schema_version",
  migrations: [{ version: 1, summary: "search index", create: [searchSegments, searchBlocks, searchState] }],
};

const syncGrowth = ["comparedAt", "comparedTo", "runs"];

/** What a store holds that takes part in sync: made when sync is switched on. */
export const syncSchema: Schema = {
  table: "sync_schema_version",
  migrations: [
    {
      version: 1,
      summary: "versions of rows, hubs and spokes",
      create: [
        syncVersions,
        syncSelf,
        without(syncPeers, syncGrowth),
        syncSpokes,
        syncQuarantine,
        syncConflicts,
        syncLocal,
      ],
    },
    {
      version: 2,
      summary: "history of syncs, comparison of versions",
      create: [syncRuns],
      add: [{ to: syncPeers, fields: syncGrowth }],
    },
  ],
};

/** The collections of a schema, as they are now. */
export function collectionsOf({ migrations }: Schema): AnyCollection[] {
  const grown = migrations.flatMap(({ add = [] }) => add.map(({ to }) => to));
  return migrations.flatMap(({ create = [] }) =>
    create.map((one) => grown.find(({ name }) => name === one.name) ?? one),
  );
}

/** Every collection of the store, as it is now. */
export const storeCollections: readonly AnyCollection[] = collectionsOf(storeSchema);

/** What is there where sync was switched on. */
export const syncCollections: readonly AnyCollection[] = collectionsOf(syncSchema);

/** Every collection that Loci has a table for. */
export const ownCollections: readonly AnyCollection[] = [
  ...storeCollections,
  ...collectionsOf(searchSchema),
  ...syncCollections,
];
