import { LociError } from "../errors.ts";
import type { AnyCollection } from "../model/collection.ts";
import type { Schema } from "../model/schema.ts";
import { planChange, type PlannedChange, type Setting, settingsOf } from "./change.ts";
import type { Engine } from "./engine.ts";
import { createEmitter } from "./emitter.ts";
import { createTable, type MemoryTable } from "./memory-table.ts";
import { rollUp } from "./memory-rollup.ts";
import { type Plan, planQuery } from "./query.ts";
import { planRollup } from "./rollup.ts";
import { fieldOf, fromStored, type StoredRow } from "./stored.ts";

/** The reference: the contract in the plainest form, which every backend must agree with. It keeps nothing. */
export function createMemoryEngine(): Engine {
  const tables = new Map<string, MemoryTable>();
  const versions = new Map<string, number>();
  const emitter = createEmitter();
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
    wake: { tell: emitter.emit, listen: emitter.listen, works: () => true },

    async prepare(schema) {
      if (closed) throw new LociError("closed", "The memory engine was closed.");
      prepareTables(schema, tables, versions);
    },

    async write(changes) {
      const planned = changes.map(planChange);
      return allOrNothing((undo) => applyAll(planned, tableOf, undo) ?? planned.map(() => 0));
    },

    async take(from, query, patch) {
      const settings = settingsOf(from, { ...patch });
      const plan = planQuery(from, { ...query });
      return allOrNothing((undo) => takeRows(from, { plan, settings, table: tableOf(from), undo }));
    },

    async exchange(changes, { from, query, patch }) {
      const planned = changes.map(planChange);
      const settings = settingsOf(from, { ...patch });
      const plan = planQuery(from, { ...query });
      return allOrNothing((undo) => {
        const counts = applyAll(planned, tableOf, undo);
        if (counts === undefined) return { counts: planned.map(() => 0), taken: [] };
        return { counts, taken: takeRows(from, { plan, settings, table: tableOf(from), undo }) };
      });
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

type Undo = Array<() => void>;

function allOrNothing<Result>(work: (undo: Undo) => Result): Result {
  const undo: Undo = [];
  try {
    return work(undo);
  } catch (error) {
    undoAll(undo);
    throw error;
  }
}

function undoAll(undo: Undo): void {
  for (const step of undo.reverse()) step();
}

/** Undefined: a guard did not hold, and nothing was done. */
function applyAll(
  planned: readonly PlannedChange[],
  tableOf: (collection: AnyCollection) => MemoryTable,
  undo: Undo,
): number[] | undefined {
  const touched: number[] = [];
  for (const change of planned) {
    const rows = apply(tableOf(change.collection), change, undo);
    if (rows < change.least) {
      undoAll(undo);
      return undefined;
    }
    touched.push(rows);
  }
  return touched;
}

function takeRows<Row>(
  from: AnyCollection,
  {
    plan,
    settings,
    table,
    undo,
  }: {
    readonly plan: Plan;
    readonly settings: readonly Setting[];
    readonly table: MemoryTable;
    readonly undo: Undo;
  },
): Row[] {
  const taken = table.find(plan);
  for (const row of taken) table.change(row, settings, undo);
  return answer(from, plan, taken.map(table.current));
}

function apply(table: MemoryTable, change: PlannedChange, undo: Undo): number {
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
