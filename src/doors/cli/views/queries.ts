import type {
  QueryItem,
  SlowQueriesAnswer,
  SlowQueryItem,
  TopQueriesAnswer,
} from "../../../operations/queries.ts";
import { type AnyView, view } from "../output.ts";
import { duration, grouped, when } from "../people.ts";
import type { Column, Field } from "../table.ts";

type Row =
  | { readonly kind: "pattern"; readonly item: QueryItem }
  | { readonly kind: "run"; readonly item: SlowQueryItem };

/** `0.04 ms`, `3.2 ms`, then as other durations. */
function took(ms: number | undefined): string {
  if (ms === undefined) return "";
  return ms < 10 ? `${ms.toFixed(ms < 1 ? 2 : 1)} ms` : duration(ms);
}

/** Long lists of columns hide what a query is about. */
function brief(text = ""): string {
  const plain = text.replace(/"(\w+)"/g, "$1");
  if (plain.length <= 80) return plain;
  return plain
    .replace(/^select .{20,}? from /, "select … from ")
    .replace(/^(insert into \S+) \([^)]{20,}\)/, "$1 (…)")
    .replace(/^(update \S+ set ).{20,}? where /, "$1… where ");
}

const pattern = (row: Row): QueryItem | undefined => (row.kind === "pattern" ? row.item : undefined);
const run = (row: Row): SlowQueryItem | undefined => (row.kind === "run" ? row.item : undefined);

function time(title: string, name: "meanMs" | "p95Ms" | "maxMs" | "p99Ms", priority: number): Column<Row> {
  return { title, cell: (row) => took(pattern(row)?.[name]), align: "right", priority };
}

const patternColumns: readonly Column<Row>[] = [
  { title: "TOTAL", cell: (row) => took(pattern(row)?.totalMs), align: "right" },
  { title: "RUNS", cell: (row) => grouped(pattern(row)?.count ?? 0), align: "right" },
  time("MEAN", "meanMs", 1),
  time("P95", "p95Ms", 2),
  time("P99", "p99Ms", 4),
  time("LONGEST", "maxMs", 3),
  { title: "QUERY", cell: (row) => brief(pattern(row)?.pattern), flexible: 30, most: 100 },
];

const runColumns: readonly Column<Row>[] = [
  { title: "WHEN", cell: (row, { now }) => when(Date.parse(run(row)?.createdAt ?? ""), now), priority: 1 },
  { title: "TOOK", cell: (row) => took(run(row)?.durationMs), align: "right" },
  { title: "QUERY", cell: (row) => brief(run(row)?.query), flexible: 30, most: 110 },
];

const patternFields: readonly Field<Row>[] = (
  [
    "hash",
    "count",
    "totalMs",
    "meanMs",
    "p50Ms",
    "p95Ms",
    "p99Ms",
    "maxMs",
    "lastExecuted",
    "pattern",
  ] as const
).map((name) => ({ name, value: (row) => pattern(row)?.[name] }));

const runFields: readonly Field<Row>[] = (
  ["id", "createdAt", "durationMs", "queryHash", "query"] as const
).map((name) => ({ name, value: (row) => run(row)?.[name] }));

export const queriesView: AnyView = view<TopQueriesAnswer | SlowQueriesAnswer, Row>({
  rows: (answer) =>
    answer.by === "time"
      ? answer.items.map((item) => ({ kind: "run", item }))
      : answer.items.map((item) => ({ kind: "pattern", item })),
  columns: ({ by }) => (by === "time" ? runColumns : patternColumns),
  fields: ({ by }) => (by === "time" ? runFields : patternFields),
  record: ({ item }) => item,
  empty: ({ by }) =>
    by === "time"
      ? "No slow query was logged."
      : "No query was measured yet. Programs that write to the store measure while they run: docs/metrics.md",
  hints(answer, { command }) {
    if (answer.by !== "time" || answer.next === null) return [];
    return [`more: ${command} queries --slow --after ${answer.next}`];
  },
});

export const resetView: AnyView = view<object, object>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => [{ name: "reset", value: () => true }],
  draw: () => ["Forgotten: measuring begins anew."],
});
