import { planChange, settingsOf } from "../../engine/change.ts";
import type { Engine, SqlDoor, Wake } from "../../engine/engine.ts";
import type { Meter } from "../../engine/meter.ts";
import { type Plan, planQuery } from "../../engine/query.ts";
import { planRollup, type RollupPlan } from "../../engine/rollup.ts";
import { fieldOf } from "../../engine/stored.ts";
import type { AnyCollection } from "../../model/collection.ts";
import { query, type SqlClient } from "./client.ts";
import { compileFind, compileRollup, rollupColumns } from "./compile.ts";
import { decodeRows, type Row } from "./decode.ts";
import type { Dialect } from "./dialect.ts";
import { createSqlFeed } from "./feed.ts";
import { meteredClient, meteredDoor } from "./metered.ts";
import { migrate } from "./migrate.ts";
import { createSteps } from "./step.ts";

export interface SqlEngineOptions {
  readonly sql?: SqlDoor;
  /** Notes every statement, those of {@link sql} too, but those that prepare the store. */
  readonly meter?: Meter | undefined;
  readonly wake?: Wake;
  readonly now?: () => number;
}

/** The contract over any SQL database: verbs are checked, compiled, run, and their answers decoded by declared kind. */
export function createSqlEngine(
  unmetered: SqlClient,
  dialect: Dialect,
  { sql, wake, meter, now = Date.now }: SqlEngineOptions = {},
): Engine {
  const client = meter ? meteredClient(unmetered, meter, dialect.lexis) : unmetered;
  const { clock } = dialect;
  const step = createSteps(client, dialect);
  const engine: Omit<Engine, "find"> & { find(from: AnyCollection, query?: object): Promise<Row[]> } = {
    name: dialect.name,
    place: client.place,
    ...(sql && { sql: meter ? meteredDoor(sql, meter, dialect.lexis) : sql }),
    ...(wake && { wake }),
    ...(dialect.feed && { feed: createSqlFeed(client, { dialect, feed: dialect.feed, now }) }),
    ...(clock !== undefined && {
      now: async () => Number((await client.read(query(`select ${dialect.millis(clock)}`))).rows[0]?.[0]),
    }),

    prepare: (schema) => migrate(unmetered, dialect, { schema, now }),

    async write(changes) {
      return (await step(changes.map(planChange))).counts;
    },

    async take(from, asked, patch) {
      const take = { from, plan: planQuery(from, { ...asked }), settings: settingsOf(from, { ...patch }) };
      return (await step([], take)).taken as never; // Erased: the collection's type says what the rows are.
    },

    async exchange(changes, { from, query: asked, patch }) {
      const planned = changes.map(planChange);
      const take = { from, plan: planQuery(from, { ...asked }), settings: settingsOf(from, { ...patch }) };
      return (await step(planned, take)) as never; // As above.
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
