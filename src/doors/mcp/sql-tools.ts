import { querySql, type SqlAnswer } from "../../operations/sql.ts";
import {
  type ColumnItem,
  type DatabaseInfo,
  databaseInfo,
  describeTable,
  listTables,
  type TableItem,
} from "../../operations/tables.ts";
import { answerOf, type Entry, mostThatFits } from "./fit.ts";
import { clipped } from "./recalled.ts";
import { checkedValues, rowsAnswer } from "./sql-rows.ts";
import { ask, maxTokens, type Tool, type ToolAnswer } from "./tool.ts";

const listTablesTool: Tool = {
  name: "list_tables",
  description:
    "The tables and views that SQL can name; v_sessions, v_messages, v_tool_calls, v_errors, v_costs_daily are made for questions. Next: describe_table.",
  toolset: "sql",
  operation: listTables,
  params: { max_tokens: maxTokens },
  async run(call) {
    const { input, room } = call;
    const { tables } = await ask<{ tables: readonly TableItem[] }>(listTables, call, input);
    const entries = tables.map(({ name, kind }): Entry => {
      return { text: `> ${kind} ${clipped(name, 200)}`, data: { name, kind } };
    });
    return short({ head: `${tables.length} tables and views`, list: "tables", entries }, room);
  },
};

const describeTableTool: Tool = {
  name: "describe_table",
  description:
    "The columns of one table or view, with their types. Not its rows: execute_read_only_query answers those.",
  toolset: "sql",
  operation: describeTable,
  aliases: { table_name: "table" },
  params: {
    table: { kind: "string", required: true, summary: "its name" },
    max_tokens: maxTokens,
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
    return short(
      {
        head: `${clipped(table, 200)} has ${columns.length} columns`,
        list: "columns",
        entries,
        data: { table },
      },
      room,
    );
  },
};

/** A list that is short by nature; where it is not, it says what was left out. */
function short(listing: Parameters<typeof answerOf>[0], room: number): ToolAnswer {
  const make = (count: number): ToolAnswer => {
    const left = listing.entries.length - count;
    const rest = { said: `${left} more: ask with a larger max_tokens`, data: { left_out: left } };
    return answerOf({ ...listing, entries: listing.entries.slice(0, count), ...(left > 0 ? { rest } : {}) });
  };
  return make(mostThatFits({ least: 0, most: listing.entries.length }, room, make));
}

const executeReadOnlyQueryTool: Tool = {
  name: "execute_read_only_query",
  description:
    "Answer one SQL statement that only reads, with params for its ?. Changes nothing, stops after 5 s, at most 1,000 rows. list_tables says what there is.",
  toolset: "sql",
  operation: querySql,
  aliases: { sql: "query" },
  params: {
    query: { kind: "string", required: true, summary: "the statement" },
    params: { kind: "json", of: "list", summary: "values of the ?" },
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
  description:
    "Which store this is (engine, place) and how much it holds: sessions, tool executions, errors, cost. Not its tables: list_tables.",
  toolset: "sql",
  operation: databaseInfo,
  params: {},
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
