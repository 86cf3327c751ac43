import type { PlannedChange, Setting } from "../../engine/change.ts";
import type { Ordered, Plan, Term } from "../../engine/query.ts";
import type { RollupPlan } from "../../engine/rollup.ts";
import { fieldOf, type Stored } from "../../engine/stored.ts";
import { afterPrefix, escapeText } from "../../engine/text.ts";
import { type AnyCollection, columnName, type FieldKind } from "../../model/collection.ts";
import type { Statement } from "./client.ts";
import type { Column, Dialect, FusedTake, TakeParts } from "./dialect.ts";
import { createWriter, quoted, type Writer } from "./writer.ts";

export function compileFind(dialect: Dialect, from: AnyCollection, plan: Plan): Statement {
  const writer = createWriter(dialect);
  const columns = dialect.select(fieldColumns(from, plan.fields));
  return {
    sql: `select ${columns} from ${quoted(from.name)}${tail(dialect, plan, writer)}`,
    sets: [writer.params],
    answers: true,
  };
}

export function compileChange(dialect: Dialect, change: PlannedChange): Statement {
  const { collection } = change;
  const table = quoted(collection.name);
  switch (change.kind) {
    case "insert":
      return dialect.insert(collection, change.rows);
    case "update": {
      const writer = createWriter(dialect);
      return { sql: updateText(dialect, change, writer), sets: [writer.params], answers: false };
    }
    case "remove": {
      const writer = createWriter(dialect);
      const sql = `delete from ${table}${whereClause(conditions(dialect, change.terms, writer))}`;
      return { sql, sets: [writer.params], answers: false };
    }
  }
}

type Update = Extract<PlannedChange, { readonly kind: "update" }>;

export function updateText(
  dialect: Dialect,
  { collection, settings, terms }: Update,
  writer: Writer,
): string {
  const changed = assignments(collection, settings, writer);
  return `update ${quoted(collection.name)} set ${changed}${whereClause(conditions(dialect, terms, writer))}`;
}

export function compileTake(
  dialect: Dialect,
  from: AnyCollection,
  { plan, settings }: { readonly plan: Plan; readonly settings: readonly Setting[] },
): Statement[] {
  return dialect.take(takeParts(dialect, { from, plan, settings }));
}

export function takeParts(dialect: Dialect, { from, plan, settings }: FusedTake): TakeParts {
  const table = quoted(from.name);
  const key = quoted(columnName(from.key));
  return {
    table,
    key,
    columns: fieldColumns(from, plan.fields),
    choose: (writer) => `select ${key} from ${table}${tail(dialect, plan, writer)}`,
    settings: (writer) => `set ${assignments(from, settings, writer)}`,
    single: plan.limit === 1,
    newWriter: () => createWriter(dialect),
  };
}

export function compileRollup(dialect: Dialect, from: AnyCollection, plan: RollupPlan): Statement {
  const writer = createWriter(dialect);
  const { groups, measures } = rollupColumns(dialect, from, plan);
  const columns = [...groups, ...measures];
  const where = whereClause(conditions(dialect, plan.terms, writer));
  const by = groups.map(({ expression }) => expression).join(", ");
  const sql =
    `select ${columns.length > 0 ? dialect.select(columns) : "count(*)"} from ${quoted(from.name)}${where}` +
    (by && ` group by ${by}`);
  return { sql, sets: [writer.params], answers: true };
}

/** The columns of a rollup's answer: the fields of the group, the bucket if there is one, the measures. */
export function rollupColumns(
  dialect: Dialect,
  from: AnyCollection,
  plan: RollupPlan,
): { readonly groups: Column[]; readonly measures: Column[] } {
  const groups = [...fieldColumns(from, plan.by)];
  if (plan.bucket) {
    const millis = dialect.millis(quoted(columnName(plan.bucket.name)));
    const { size } = plan.bucket;
    // % follows the dividend's sign: before 1970 it would round up.
    groups.push({ kind: "integer", expression: `${millis} - ((${millis} % ${size}) + ${size}) % ${size}` });
  }
  const measures = plan.measures.map(
    ({ aggregate, of }): Column =>
      of
        ? { kind: of.field.kind, expression: `${aggregate}(${quoted(columnName(of.name))})` }
        : { kind: "integer", expression: "count(*)" },
  );
  return { groups, measures };
}

/** By the list of names: queries for whole rows of a collection share one. */
const knownColumns = new WeakMap<readonly string[], readonly Column[]>();

export function fieldColumns(from: AnyCollection, fields: readonly string[]): readonly Column[] {
  const known = knownColumns.get(fields);
  if (known) return known;
  const columns = fields.map((name) => ({
    kind: fieldOf(from, name).kind,
    expression: quoted(columnName(name)),
  }));
  knownColumns.set(fields, columns);
  return columns;
}

function assignments(from: AnyCollection, settings: readonly Setting[], writer: Writer): string {
  return settings
    .map((setting) => {
      const column = quoted(columnName(setting.name));
      const { kind } = fieldOf(from, setting.name);
      if ("value" in setting) return `${column} = ${writer.bind(kind, setting.value)}`;
      return `${column} = ${column} + ${writer.bind(kind, setting.add)}`;
    })
    .join(", ");
}

function tail(dialect: Dialect, plan: Plan, writer: Writer): string {
  const tests = conditions(dialect, plan.terms, writer);
  if (plan.after) tests.push(...behind(plan.order, plan.after, writer));
  const order = plan.order.map(({ name, down }) => `${quoted(columnName(name))}${down ? " desc" : ""}`);
  const limit = plan.limit === undefined ? "" : ` limit ${writer.place(plan.limit)}`;
  return `${whereClause(tests)} order by ${order.join(", ")}${limit}`;
}

function whereClause(tests: readonly string[]): string {
  return tests.length > 0 ? ` where ${tests.join(" and ")}` : "";
}

/**
 * Rows behind this place. `(a, b) > (?, ?)` is a full scan on Turso; the bound on the first field alone is there
 * because planners take it for the index, and not the `or`.
 */
function behind(order: readonly Ordered[], after: readonly Stored[], writer: Writer): string[] {
  const bind = ({ field }: Ordered, i: number): string => writer.bind(field.kind, after[i] ?? null);
  const from = (i: number): string => {
    const one = order[i];
    if (!one) return "";
    const column = quoted(columnName(one.name));
    const beyond = `${column} ${one.down ? "<" : ">"} ${bind(one, i)}`;
    if (i + 1 === order.length) return beyond;
    return `(${beyond} or (${column} = ${bind(one, i)} and ${from(i + 1)}))`;
  };
  const [first] = order;
  if (!first || order.length === 1) return [from(0)];
  return [`${quoted(columnName(first.name))} ${first.down ? "<=" : ">="} ${bind(first, 0)}`, from(0)];
}

/** Where an index has only the beginning of a column, that is asked for too, or the index would not be used. */
function equal(
  dialect: Dialect,
  { column, kind, value }: { readonly column: string; readonly kind: FieldKind; readonly value: Stored },
  writer: Writer,
): string {
  const whole = `${column} = ${writer.bind(kind, value)}`;
  const key = dialect.indexed(kind, column);
  return key === column ? whole : `${whole} and ${key} = ${dialect.indexed(kind, writer.bind(kind, value))}`;
}

const operators = { from: ">=", upTo: "<=", above: ">", below: "<" } as const;

function conditions(dialect: Dialect, terms: readonly Term[], writer: Writer): string[] {
  return terms.map((term) => condition(dialect, term, writer));
}

function condition(dialect: Dialect, term: Term, writer: Writer): string {
  const column = quoted(columnName(term.name));
  const { kind, optional } = term.field;
  switch (term.test) {
    case "is":
      return term.value === null
        ? `${column} is null`
        : equal(dialect, { column, kind, value: term.value }, writer);
    case "not": {
      if (term.value === null) return `${column} is not null`;
      const differs = `${column} <> ${writer.bind(kind, term.value)}`;
      return optional ? `(${differs} or ${column} is null)` : differs;
    }
    case "anyOf":
      return dialect.anyOf({ column, kind, values: term.values }, writer);
    case "startsWith": {
      const end = afterPrefix(escapeText(term.value));
      const least = `${column} >= ${writer.bind(kind, term.value)}`;
      return end === undefined ? least : `${least} and ${column} < ${writer.place(end)}`;
    }
    default:
      return `${column} ${operators[term.test]} ${writer.bind(kind, term.value)}`;
  }
}
