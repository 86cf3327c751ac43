import { LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { Schema } from "../model/schema.ts";
import { planChange, type PlannedChange, settingsOf } from "./change.ts";
import type { Engine } from "./engine.ts";
import { createTable, type MemoryTable } from "./memory-table.ts";
import { rollUp } from "./memory-rollup.ts";
import { type Plan, planQuery } from "./query.ts";
import { planRollup } from "./rollup.ts";
import { fieldOf, fromStored, type StoredRow } from "./stored.ts";

/** The reference: the contract in the plainest form, which every backend must agree with. It keeps nothing. */
export function createMemoryEngine(): Engine {
  const tables = new Map<string, MemoryTable>();
  const versions = new Map<string, number>();
  let closed = false;

  const tableOf = (collection: AnyCollection): MemoryTable => {
    if (closed) throw new LociError("closed", "The memory engine was closed.");
    const table = tables.get(collection.name);
    if (table) return table;
    throw new LociError("schema", `memory has no table ${collection.name}: prepare its schema first.`);
  };

  const engine: Omit<Engine, "find"> & { find(from: AnyCollection, query?: object): Promise<unknown[]> } = {
    name: "memory",
    place: "memory",

    async prepare(schema) {
      if (closed) throw new LociError("closed", "The memory engine was closed.");
      prepareTables(schema, tables, versions);
    },

    async write(changes) {
      return applyAll(changes.map(planChange), tableOf);
    },

    async take(from, query, patch) {
      const settings = settingsOf(from, { ...patch });
      const table = tableOf(from);
      const undo: Array<() => void> = [];
      const plan = planQuery(from, { ...query });
      const taken = table.find(plan);
      try {
        for (const row of taken) table.change(row, settings, undo);
      } catch (error) {
        for (const step of undo.reverse()) step();
        throw error;
      }
      return answer(from, plan, taken.map(table.current));
    },

    async find(from, query = {}) {
      const plan = planQuery(from, query);
      return answer(from, plan, tableOf(from).find(plan));
    },

    async rollup(from, spec) {
      const plan = planRollup(from, spec);
      // The plan was made from these very names: the group has them.
      return rollUp(plan, tableOf(from).matching(plan.terms)) as never;
    },

    async close() {
      closed = true;
      tables.clear();
    },

    async [Symbol.asyncDispose]() {
      await engine.close();
    },
  };
  // `find` is overloaded for callers; the rows are of the type that the collection says.
  return engine as Engine;
}

function prepareTables(
  schema: Schema,
  tables: Map<string, MemoryTable>,
  versions: Map<string, number>,
): void {
  const has = versions.get(schema.table) ?? 0;
  const knows = Math.max(0, ...schema.migrations.map(({ version }) => version));
  if (has > knows) {
    throw new LociError(
      "schema",
      `memory has ${schema.table} ${has}; this Loci knows ${knows}. Data untouched.`,
    );
  }
  for (const { version, create = [], add = [] } of schema.migrations) {
    if (version <= has) continue;
    for (const collection of create) tables.set(collection.name, createTable(collection));
    for (const { to, fields } of add) tables.get(to.name)?.extend(fields);
  }
  versions.set(schema.table, knows);
}

function applyAll(
  planned: readonly PlannedChange[],
  tableOf: (collection: AnyCollection) => MemoryTable,
): number[] {
  const undo: Array<() => void> = [];
  const touched: number[] = [];
  try {
    for (const change of planned) {
      const rows = apply(tableOf(change.collection), change, undo);
      if (rows < change.least) {
        for (const step of undo.reverse()) step();
        return planned.map(() => 0);
      }
      touched.push(rows);
    }
    return touched;
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
}

function apply(table: MemoryTable, change: PlannedChange, undo: Array<() => void>): number {
  switch (change.kind) {
    case "insert":
      return change.rows.filter((row) => table.insert(row, undo)).length;
    case "update": {
      const rows = table.matching(change.terms);
      for (const row of rows) table.change(row, change.settings, undo);
      return rows.length;
    }
    case "remove": {
      const rows = table.matching(change.terms);
      for (const row of rows) table.remove(row, undo);
      return rows.length;
    }
  }
}

/** Erased: the collection's type says what the rows are. */
function answer<Row>(from: AnyCollection, plan: Plan, rows: readonly StoredRow[]): Row[] {
  return rows.map(
    (row) =>
      Object.fromEntries(
        plan.fields.map((name) => [name, fromStored(fieldOf(from, name), row[name] ?? null)]),
      ) as Row,
  );
}
