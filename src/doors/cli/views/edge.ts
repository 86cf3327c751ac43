import type { RegionAnswer, RegionItem, RegionsAnswer } from "../../../operations/edge.ts";
import { type AnyView, view } from "../output.ts";
import { duration, when } from "../people.ts";
import { type Column, drawTable, type Field } from "../table.ts";

const columns: readonly Column<RegionItem>[] = [
  { title: "REGION", cell: (row) => `${row.edgeRegion}${row.isPrimary ? " *" : ""}`, flexible: 8, most: 30 },
  { title: "LATENCY", cell: (row) => milliseconds(row.latencyMs), align: "right" },
  { title: "DEV", cell: (row) => milliseconds(row.deviationMs), align: "right", priority: 3 },
  {
    title: "HEALTH",
    cell: healthOf,
    tone: (row) => (row.observedAt === null ? "dim" : row.healthy ? "green" : "red"),
  },
  { title: "BREAKER", cell: breakerOf, priority: 2 },
  { title: "AGENTS", cell: (row) => row.availableAgents, align: "right", priority: 1 },
  { title: "IDLE", cell: (row) => row.idleAgents, align: "right", priority: 1 },
  {
    title: "SEEN",
    cell: (row, { now }) => (row.observedAt === null ? "" : when(Date.parse(row.observedAt), now)),
    priority: 4,
  },
  { title: "URL", cell: (row) => row.url, flexible: 12, most: 60, priority: 5 },
  { title: "ERROR", cell: (row) => row.error, flexible: 12, most: 60, priority: 2, tone: () => "red" },
];

function milliseconds(value: number | null): string {
  return value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function healthOf({ healthy, observedAt }: RegionItem): string {
  if (observedAt === null) return "? not asked yet";
  return healthy ? "● healthy" : "○ no answer";
}

function breakerOf({ breaker, retryAt }: RegionItem, { now }: { readonly now: number }): string {
  if (breaker === "closed" || retryAt === null) return breaker;
  return `open ${duration(Math.max(0, Date.parse(retryAt) - now))}`;
}

const fields: readonly Field<RegionItem>[] = (
  [
    "edgeRegion",
    "isPrimary",
    "latencyMs",
    "deviationMs",
    "healthy",
    "breaker",
    "failures",
    "availableAgents",
    "idleAgents",
    "stalenessMs",
    "seenFrom",
    "observedAt",
    "retryAt",
    "error",
    "url",
  ] as const
).map((name) => ({ name, value: (row: RegionItem) => row[name] }));

export const regionsView: AnyView = view<RegionsAnswer, RegionItem>({
  rows: (answer) => answer.items,
  columns: () => columns,
  fields: () => fields,
  draw: ({ from, items }, screen) =>
    items.length === 0
      ? []
      : [`as seen from ${screen.tone(from, "bold")}   * primary`, ...drawTable(columns, items, screen)],
  empty: () => "No region is registered: loci edge add REGION --url URL does that.",
  hints: ({ items, from }, { command }) =>
    items.length > 0 && items.every(({ seenFrom }) => seenFrom === null)
      ? [`Nothing was measured from ${from} yet: ${command} edge probe`]
      : [],
});

type Region = RegionAnswer["region"];

export const regionView: AnyView = view<RegionAnswer, Region>({
  rows: ({ region }) => [region],
  columns: () => [
    { title: "REGION", cell: (row) => row.edgeRegion },
    { title: "PRIMARY", cell: (row) => (row.isPrimary ? "yes" : "no") },
    { title: "URL", cell: (row) => row.url, flexible: 12 },
  ],
  fields: () =>
    (["edgeRegion", "isPrimary", "url", "latencyMs", "healthy", "registeredAt"] as const).map((name) => ({
      name,
      value: (row) => row[name],
    })),
  hints: ({ region }, { command }) =>
    region.url === null
      ? ["It has no URL, so it cannot be probed from here; programs that route to it still measure it."]
      : [`${command} edge probe ${region.edgeRegion}`],
});
