import { LociError } from "../../errors.ts";
import { executeSql, searchVectors, type SqlAnswer, type SqlExecuted } from "../../operations/sql.ts";
import {
  databaseUsage,
  type MemoryTables,
  memoryTables,
  periods,
  type PlatformUsage,
  platformUsage,
  type Usage,
} from "../../operations/usage.ts";
import { checkedValues, rowsAnswer } from "./sql-rows.ts";
import { ask, databaseParam, quietDatabase, type Tool, type ToolAnswer, type ToolCall } from "./tool.ts";

const executeQueryTool: Tool = {
  name: "execute_query",
  description: "Run one SQL statement that writes: your own tables, INSERT into agent_memory or knowledge.",
  toolset: "sql",
  flag: "--allow-write-sql",
  operation: executeSql,
  writes: { destructive: true },
  aliases: { sql: "query" },
  onDatabase: true,
  params: {
    database: databaseParam,
    query: { kind: "string", required: true, summary: "" },
    params: { kind: "json", of: "list", summary: "" },
  },
  async run(call) {
    const params = checkedValues(call.input["params"]);
    const asked = { query: call.input["query"], params, timeout: 5, maxChanges: 1000 };
    const { rowsAffected, lastInsertRowid, ...answer } = await ask<SqlExecuted>(executeSql, call, asked);
    const shown = rowsAnswer(answer, call.room);
    const done = `${rowsAffected} row${rowsAffected === 1 ? "" : "s"} changed.`;
    return {
      text: answer.columns.length > 0 ? `${done}\n${shown.text}` : done,
      data: { ...shown.data, rowsAffected, lastInsertRowid },
    };
  },
};

const vectorSearchTool: Tool = {
  name: "vector_search",
  description: "Rows of a table nearest to a vector by cosine.",
  toolset: "sql",
  operation: searchVectors,
  onDatabase: true,
  params: {
    database: quietDatabase,
    table: { kind: "string", required: true, summary: "" },
    vector_column: { kind: "string", required: true, summary: "" },
    query_vector: { kind: "json", of: "list", required: true, summary: "" },
    limit: { kind: "integer", default: 10, min: 1, max: 1000, summary: "how many" },
  },
  async run(call) {
    const { table, vector_column: column, query_vector: vector, limit } = call.input;
    if (!Array.isArray(vector) || !vector.every((value) => typeof value === "number"))
      throw new LociError("invalid", "query_vector is a list of numbers, such as [0.1, 0.7].");
    return rowsAnswer(await ask<SqlAnswer>(searchVectors, call, { table, column, vector, limit }), call.room);
  },
};

const setupTool: Tool = {
  name: "setup_memory_tables",
  description: "Make sure of the memory tables; conversations and knowledge_base are views.",
  toolset: "admin",
  operation: memoryTables,
  writes: { idempotent: true },
  params: {},
  async run(call) {
    const { tables } = await ask<MemoryTables>(memoryTables, call, {});
    return {
      text: ["All are there:", ...tables.map(({ name, kind, rows }) => `${kind} ${name}: ${rows} rows`)].join(
        "\n",
      ),
      data: { ready: true, tables },
    };
  },
};

const usageTool: Tool = {
  name: "get_database_usage",
  description: "Rows written in a period, and bytes stored.",
  toolset: "admin",
  operation: databaseUsage,
  params: {
    period: { kind: "enum", choices: periods, default: "24h", summary: "how far back" },
    database: quietDatabase,
  },
  async run(call) {
    const { period, database = call.database } = call.input;
    if (typeof database !== "string" || database === "main") return usageAnswer(call, period);
    const { usage } = await ask<{ readonly usage: PlatformUsage | null }>(platformUsage, call, {
      database,
      period,
    });
    if (usage === null) return usageAnswer({ ...call, loci: await call.at(database) }, period);
    const { rowsRead, rowsWritten, storageBytes, since } = usage;
    return {
      text: `${rowsWritten} rows written and ${rowsRead} read in ${usage.period}, ${storageBytes} bytes stored`,
      data: { period, since, rows_read: rowsRead, rows_written: rowsWritten, storage_bytes: storageBytes },
    };
  },
};

async function usageAnswer(call: ToolCall, period: unknown): Promise<ToolAnswer> {
  const usage = await ask<Usage>(databaseUsage, call, { period });
  const rows = Object.entries(usage.rows).map(([name, count]) => `${name}: ${count}`);
  const stored = `${usage.storageBytes ?? "an unknown number of"} bytes stored`;
  return {
    text: [`${usage.rowsWritten} rows in ${usage.period}, ${stored}`, ...rows].join("\n"),
    data: {
      period: usage.period,
      since: usage.since,
      rows_written: usage.rowsWritten,
      rows: usage.rows,
      storage_bytes: usage.storageBytes,
    },
  };
}

/** SQL that writes and finds by vectors, and what the store holds. */
export const writeTools: readonly Tool[] = [executeQueryTool, vectorSearchTool, setupTool, usageTool];
