import type { SqlDoor } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import { ownCollections } from "../model/schema.ts";
import type { Loci } from "../open.ts";
import { nearest } from "./nearest.ts";
import { type Operation, operation } from "./operation.ts";

interface Catalog {
  /** Name and kind of every table and view. */
  readonly tables: string;
  /** Name, type, whether it may be null, and whether it is of the key, of the columns of the table `?`. */
  readonly columns: string;
}

const ofFile: Catalog = {
  tables: `select name, type from sqlite_master where type in ('table', 'view') and name not like 'sqlite%'
    union select name, type from pragma_table_list where schema = 'temp' and name not like 'sqlite%' order by 2, 1`,
  columns: `select name, type, "notnull" = 0, pk > 0 from pragma_table_xinfo(?)`,
};

/** How a database of each kind says what it holds. */
const catalogs: Readonly<Record<string, Catalog>> = {
  libsql: ofFile,
  // Questions to it are answered by libSQL.
  turso: ofFile,
  remote: {
    tables: `select name, type from sqlite_master where type in ('table', 'view') and name not like 'sqlite%'
      union values ('v_sessions', 'view'), ('v_messages', 'view'), ('v_tool_calls', 'view'),
        ('v_costs_daily', 'view'), ('v_errors', 'view'), ('conversations', 'view'),
        ('knowledge_base', 'view') order by 2, 1`,
    columns: `select name, type, "notnull" = 0, pk > 0 from pragma_table_xinfo(?)`,
  },
  postgres: {
    // The views for people are made for the one transaction that names them: the catalog does not have them.
    tables: `select table_name as name, case table_type when 'VIEW' then 'view' else 'table' end as kind
      from information_schema.tables where table_schema = current_schema()
      union values ('v_sessions', 'view'), ('v_messages', 'view'), ('v_tool_calls', 'view'),
        ('v_costs_daily', 'view'), ('v_errors', 'view'), ('conversations', 'view'),
        ('knowledge_base', 'view') order by 2, 1`,
    columns: `select a.attname, t.typname, not a.attnotnull, coalesce(a.attnum = any (i.indkey), false)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid left join pg_index i on i.indrelid = c.oid and i.indisprimary
      where c.relname = $1 order by a.attnum`,
  },
};

function catalogOf(loci: Loci): { readonly sql: SqlDoor; readonly catalog: Catalog } {
  const catalog = catalogs[loci.engine.name];
  if (loci.sql === undefined || catalog === undefined) {
    throw new LociError("unsupported", "This store answers no SQL, so it has no tables to list.", {
      where: loci.place,
      next: "list_sessions and search_sessions ask the same things of every store",
    });
  }
  return { sql: loci.sql, catalog };
}

export interface TableItem {
  readonly name: string;
  readonly kind: string;
}

async function tablesOf(loci: Loci): Promise<TableItem[]> {
  const { sql, catalog } = catalogOf(loci);
  const { rows } = await sql.query(catalog.tables);
  return rows.map(([name, kind]) => ({ name: String(name), kind: String(kind) }));
}

const own: ReadonlySet<string> = new Set(ownCollections.map(({ name }) => name));

function isOurs(name: string): boolean {
  return own.has(name) || name.endsWith("schema_version");
}

/** Tables that are not Loci's. */
export async function ownTables(loci: Loci): Promise<string[]> {
  const tables = (await tablesOf(loci)).filter(({ kind }) => kind === "table");
  return tables.map(({ name }) => name).filter((name) => !isOurs(name));
}

export const listTables: Operation = operation({
  name: "list-tables",
  summary: "the tables and views that SQL can name",
  access: "read",
  params: {},
  run: async (loci) => ({ tables: await tablesOf(loci) }),
});

export interface ColumnItem {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly key: boolean;
}

export const describeTable: Operation = operation({
  name: "describe-table",
  summary: "the columns of a table or view",
  access: "read",
  params: { table: { kind: "string", required: true, summary: "the table or view" } },
  async run(loci, { table }) {
    const { sql, catalog } = catalogOf(loci);
    const { rows } = await sql.query(catalog.columns, { params: [table] });
    const columns = rows.map(([name, type, nullable, key]): ColumnItem => {
      return { name: String(name), type: String(type), nullable: isTrue(nullable), key: isTrue(key) };
    });
    if (columns.length > 0) return { table, columns };
    const names = (await tablesOf(loci)).map(({ name }) => name);
    if (names.includes(table)) {
      // A view that the catalog does not have: its answer says what its columns are called.
      const answer = await sql.query(`select * from ${table} limit 0`);
      return {
        table,
        columns: answer.columns.map((name) => ({ name, type: "", nullable: true, key: false })),
      };
    }
    const meant = nearest(table, names);
    throw new LociError(
      "not-found",
      `There is no table ${JSON.stringify(table.slice(0, 100))}.${meant ? ` Did you mean ${meant}?` : ""}`,
      { where: loci.place, next: `Tables and views: ${names.join(", ")}` },
    );
  },
});

function isTrue(value: unknown): boolean {
  return value === true || value === 1 || value === 1n || value === "t" || value === "true";
}

export interface DatabaseInfo {
  readonly engine: string;
  readonly place: string;
  readonly answersSql: boolean;
  readonly sessions: number;
  readonly toolExecutions: number;
  readonly errors: number;
  readonly costUsd: number;
  /** False while a call has no price: the cost is then a lower bound. */
  readonly costComplete: boolean;
  /** Messages that are stored and cannot be found yet. */
  readonly notYetSearchable: number;
}

export const databaseInfo: Operation = operation({
  name: "database-info",
  summary: "which store this is and how much it holds",
  access: "read",
  params: {},
  async run(loci): Promise<DatabaseInfo> {
    const [totals, notYetSearchable] = await Promise.all([loci.reports.totals(), loci.index.lag()]);
    return {
      engine: loci.engine.name,
      place: loci.place,
      answersSql: loci.sql !== undefined,
      sessions: totals.sessions,
      toolExecutions: totals.toolCount,
      errors: totals.errorCount,
      costUsd: Number(totals.costUsd.toFixed(6)),
      costComplete: totals.costComplete,
      notYetSearchable,
    };
  },
});
