import { querySql, type SqlAnswer } from "../../operations/sql.ts";
import {
  type ColumnItem,
  type DatabaseInfo,
  databaseInfo,
  describeTable,
  listTables,
  type TableItem,
} from "../../operations/tables.ts";
import { type Entry, shortList } from "./fit.ts";
import { clipped, named } from "./recalled.ts";
import { checkedValues, rowsAnswer } from "./sql-rows.ts";
import { ask, databaseParam, quietDatabase, maxTokens, quietMaxTokens, type Tool } from "./tool.ts";

const listTablesTool: Tool = {
  name: "list_tables",
  description:
    "Tables and views that SQL can name; the v_ ones are made for questions. Next: describe_table.",
  toolset: "sql",
  operation: listTables,
  onDatabase: true,
  params: { database: quietDatabase, max_tokens: quietMaxTokens },
  async run(call) {
    const { input, room } = call;
    const { tables } = await ask<{ tables: readonly TableItem[] }>(listTables, call, input);
    const entries = tables.map(({ name, kind }): Entry => {
      return { text: `> ${kind} ${clipped(name, 200)}`, data: { name, kind } };
    });
    return shortList({ head: `${tables.length} tables and views`, list: "tables", entries }, room);
  },
};

const describeTableTool: Tool = {
  name: "describe_table",
  description: "Columns of a table or view, with types.",
  toolset: "sql",
  operation: describeTable,
  aliases: { table_name: "table" },
  onDatabase: true,
  params: {
    database: quietDatabase,
    table: { kind: "string", required: true, summary: "name" },
    max_tokens: quietMaxTokens,
  },
  async run(call) {
    const { input, room } = call;
    const asked = { table: input["table"] };
    const { table, columns } = await ask<{
      table: string;
      columns: readonly ColumnItem[];
    }>(describeTable, call, asked);
    const entries = columns.map((column): Entry => {
      const about = `${column.type}${column.nullable ? "" : " not null"}${column.key ? " key" : ""}`;
      return { text: `> ${clipped(column.name, 200)} ${clipped(about, 100)}`.trimEnd(), data: column };
    });
    return shortList(
      {
        head: `${named(table, 200)} has ${columns.length} columns`,
        list: "columns",
        entries,
        data: { table },
      },
      room,
    );
  },
};

const executeReadOnlyQueryTool: Tool = {
  name: "execute_read_only_query",
  description:
    "Answer one SQL statement that only reads, params for its ?. Stops after 5 s, at most 1,000 rows. list_tables says what there is.",
  toolset: "sql",
  operation: querySql,
  aliases: { sql: "query" },
  onDatabase: true,
  params: {
    database: databaseParam,
    query: { kind: "string", required: true, summary: "the statement" },
    params: { kind: "json", of: "list", summary: "" },
    max_tokens: maxTokens,
  },
  async run(call) {
    const { input, room } = call;
    const params = checkedValues(input["params"]);
    const asked = { query: input["query"], params, limit: 1000, timeout: 5 };
    const { columns, rows, truncated } = await ask<SqlAnswer>(querySql, call, asked);
    return rowsAnswer({ columns, rows, truncated }, room);
  },
};

const databaseInfoTool: Tool = {
  name: "get_database_info",
  description: "Which store this is and how much it holds: sessions, tools, errors, cost.",
  toolset: "sql",
  operation: databaseInfo,
  onDatabase: true,
  params: { database: quietDatabase },
  async run(call) {
    const info = await ask<DatabaseInfo>(databaseInfo, call, call.input);
    const data = {
      engine: info.engine,
      place: info.place,
      answers_sql: info.answersSql,
      sessions: info.sessions,
      tool_executions: info.toolExecutions,
      errors: info.errors,
      cost_usd: info.costUsd,
      cost_complete: info.costComplete,
      not_yet_searchable: info.notYetSearchable,
    };
    return {
      text: Object.entries(data)
        .map(([name, value]) => `${name}: ${clipped(String(value), 500)}`)
        .join("\n"),
      data,
    };
  },
};

export const sqlTools: readonly Tool[] = [
  listTablesTool,
  describeTableTool,
  executeReadOnlyQueryTool,
  databaseInfoTool,
];
