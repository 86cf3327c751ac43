import { planChange, type PlannedChange, settingsOf } from "../../engine/change.ts";
import type { Engine, SqlDoor } from "../../engine/engine.ts";
import type { Meter } from "../../engine/meter.ts";
import { type Plan, planQuery } from "../../engine/query.ts";
import { planRollup, type RollupPlan } from "../../engine/rollup.ts";
import { fieldOf } from "../../engine/stored.ts";
import type { AnyCollection } from "../../model/collection.ts";
import { query, type SqlClient, type Statement } from "./client.ts";
import {
  compileChange,
  compileFind,
  compileRollup,
  compileTake,
  fieldColumns,
  rollupColumns,
} from "./compile.ts";
import type { Dialect } from "./dialect.ts";
import { meteredClient, meteredDoor } from "./metered.ts";
import { migrate } from "./migrate.ts";

export interface SqlEngineOptions {
  readonly sql?: SqlDoor;
  /** Notes every statement, those of {@link sql} too, but those that prepare the store. */
  readonly meter?: Meter | undefined;
  readonly now?: () => number;
}

type Row = Record<string, unknown>;

/** The contract over any SQL database: verbs are checked, compiled, run, and their answers decoded by declared kind. */
export function createSqlEngine(
  unmetered: SqlClient,
  dialect: Dialect,
  { sql, meter, now = Date.now }: SqlEngineOptions = {},
): Engine {
  const client = meter ? meteredClient(unmetered, meter, dialect.lexis) : unmetered;
  const { clock } = dialect;
  const engine: Omit<Engine, "find"> & { find(from: AnyCollection, query?: object): Promise<Row[]> } = {
    name: dialect.name,
    place: client.place,
    ...(sql && { sql: meter ? meteredDoor(sql, meter, dialect.lexis) : sql }),
    ...(clock !== undefined && {
      now: async () => Number((await client.read(query(`select ${dialect.millis(clock)}`))).rows[0]?.[0]),
    }),

    prepare: (schema) => migrate(unmetered, dialect, { schema, now }),

    async write(changes) {
      const planned = changes.map(planChange);
      const touching = planned.filter((change) => change.kind !== "insert" || change.rows.length > 0);
      if (touching.length === 0) return planned.map(() => 0);
      const answers = await client.write(
        touching.map((change) => compileGuarded(dialect, change)),
        { again: touching.every(isSafeTwice) },
      );
      return planned.map((change) => answers[touching.indexOf(change)]?.changes ?? 0);
    },

    async take(from, asked, patch) {
      const plan = planQuery(from, { ...asked });
      const settings = settingsOf(from, { ...patch });
      if (plan.limit === 0) return [];
      const statements = compileTake(dialect, from, { plan, settings });
      const answers = await client.write(statements, { again: false });
      const rows = decodeRows(dialect, from, { fields: plan.fields, rows: answers.at(-1)?.rows ?? [] });
      const [keys] = answers.length > 1 ? answers : [];
      if (!keys) return rows as never; // Erased: the collection's type says what the rows are.
      const order = decodeRows(dialect, from, { fields: [from.key], rows: keys.rows });
      const places = new Map(order.map((row, place) => [row[from.key], place]));
      const placeOf = (row: Row): number => places.get(row[from.key]) ?? 0;
      return rows.sort((a, b) => placeOf(a) - placeOf(b)) as never;
    },

    async find(from, asked = {}) {
      const plan: Plan = planQuery(from, asked);
      if (plan.limit === 0) return [];
      const { rows } = await client.read(compileFind(dialect, from, plan));
      return decodeRows(dialect, from, { fields: plan.fields, rows });
    },

    async rollup(from, spec) {
      const plan = planRollup(from, spec);
      const { rows } = await client.read(compileRollup(dialect, from, plan));
      // Erased: the plan was made from the names in the type.
      const { groups, measures } = rollupColumns(dialect, from, plan);
      const unpack = dialect.unpacker([...groups, ...measures]);
      return rows.map((row) => decodeGroup(dialect, from, { plan, values: [...unpack(row)] })) as never;
    },

    close: () => client.close(),

    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
  // `find` is overloaded for callers; the rows are of the type that the collection says.
  return engine as Engine;
}

function compileGuarded(dialect: Dialect, change: PlannedChange): Statement {
  const compiled = compileChange(dialect, change);
  return change.least > 0 ? { ...compiled, least: change.least } : compiled;
}

/** Adding twice adds twice, and a guard that held does not hold again; everything else is the same row again. */
function isSafeTwice(change: PlannedChange): boolean {
  if (change.least > 0) return false;
  return change.kind !== "update" || change.settings.every((setting) => "value" in setting);
}

function decodeRows(
  dialect: Dialect,
  from: AnyCollection,
  { fields, rows }: { readonly fields: readonly string[]; readonly rows: ReadonlyArray<readonly unknown[]> },
): Row[] {
  const columns = fieldColumns(from, fields);
  const unpack = dialect.unpacker(columns);
  return rows.map((packed) => {
    const values = unpack(packed);
    const row: Row = {};
    for (const [i, name] of fields.entries()) {
      const raw = values[i] ?? null;
      row[name] = raw === null ? null : dialect.decode(columns[i]?.kind ?? "text", raw);
    }
    return row;
  });
}

function decodeGroup(
  dialect: Dialect,
  from: AnyCollection,
  { plan, values }: { readonly plan: RollupPlan; readonly values: unknown[] },
): Row {
  const group: Row = {};
  for (const name of plan.by) {
    const raw = values.shift() ?? null;
    group[name] = raw === null ? null : dialect.decode(fieldOf(from, name).kind, raw);
  }
  if (plan.bucket) group["bucket"] = Number(values.shift());
  for (const { out, of } of plan.measures) {
    const raw = values.shift() ?? null;
    // Sums and averages may be larger than a safe integer, and halves: they are numbers, not fields.
    group[out] = raw === null ? null : of?.field.kind === "time" ? dialect.decode("time", raw) : Number(raw);
  }
  return group;
}
