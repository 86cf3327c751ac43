import { LociError } from "../errors.ts";
import type { AnyCollection, Millis } from "../model/collection.ts";
import type { Schema } from "../model/schema.ts";
import { newStoreId } from "../model/sync.ts";
import { planChange, type PlannedChange, type Setting, settingsOf } from "./change.ts";
import type { Engine } from "./engine.ts";
import { createEmitter } from "./emitter.ts";
import { createMemoryFeed } from "./memory-feed.ts";
import { createTable, type MemoryTable, type Undo } from "./memory-table.ts";
import { rollUp } from "./memory-rollup.ts";
import { type Plan, planQuery } from "./query.ts";
import { planRollup } from "./rollup.ts";
import { fieldOf, fromStored, type StoredRow } from "./stored.ts";

export interface MemoryOptions {
  /** The clock of the changes that its feed tells. */
  readonly now?: () => Millis;
  readonly makeStoreId?: () => string;
}

/** The reference: the contract in the plainest form, which every backend must agree with. It keeps nothing. */
export function createMemoryEngine({ now = Date.now, makeStoreId = newStoreId }: MemoryOptions = {}): Engine {
  const tables = createTables();
  const emitter = createEmitter();
  const { feed, watched } = createMemoryFeed({
    engine: () => engine as Engine,
    tableOf: tables.of,
    now,
    makeStoreId,
  });
  const tableOf = (collection: AnyCollection): MemoryTable => watched(collection, tables.of(collection));

  const engine: Omit<Engine, "find"> & { find(from: AnyCollection, query?: object): Promise<unknown[]> } = {
    name: "memory",
    place: "memory",
    wake: { tell: emitter.emit, listen: emitter.listen, works: () => true },

    async prepare(schema) {
      tables.prepare(schema);
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

    feed,

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
      tables.close();
    },

    async [Symbol.asyncDispose]() {
      await engine.close();
    },
  };
  // `find` is overloaded for callers; the rows are of the type that the collection says.
  return engine as Engine;
}

interface Tables {
  of(collection: AnyCollection): MemoryTable;
  prepare(schema: Schema): void;
  close(): void;
}

function createTables(): Tables {
  const tables = new Map<string, MemoryTable>();
  const versions = new Map<string, number>();
  let closed = false;
  const open = (): void => {
    if (closed) throw new LociError("closed", "The memory engine was closed.");
  };
  return {
    of({ name }) {
      open();
      const table = tables.get(name);
      if (table) return table;
      throw new LociError("schema", `memory has no table ${name}: prepare its schema first.`);
    },
    prepare({ table: versionTable, migrations }) {
      open();
      const has = versions.get(versionTable) ?? 0;
      const knows = Math.max(0, ...migrations.map(({ version }) => version));
      if (has > knows) {
        throw new LociError(
          "schema",
          `memory has ${versionTable} ${has}; this Loci knows ${knows}. Data untouched.`,
        );
      }
      for (const { version, create = [], add = [] } of migrations) {
        if (version <= has) continue;
        for (const collection of create) tables.set(collection.name, createTable(collection));
        for (const { to, fields } of add) tables.get(to.name)?.extend(fields);
      }
      versions.set(versionTable, knows);
    },
    close() {
      closed = true;
      tables.clear();
    },
  };
}

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
