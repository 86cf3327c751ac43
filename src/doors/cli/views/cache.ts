import type { Page } from "../../../operations/answers.ts";
import type { CacheAnswer, CacheItem, CacheTotals, Cleared, Swept } from "../../../operations/cache.ts";
import { type AnyView, view } from "../output.ts";
import { counted, duration, grouped, localTime, percent, short, size, when } from "../people.ts";
import { safeLine } from "../safe.ts";
import type { Screen } from "../screen.ts";
import { type Column, drawTable, type Field } from "../table.ts";
import { jsonBlock, jsonLine } from "./memory.ts";

type Pattern = CacheTotals["patterns"][number];
type Location = CacheTotals["locations"][number];

const seconds = (value: number | null): string => (value === null ? "" : duration(value * 1_000));

const patternColumns: readonly Column<Pattern>[] = [
  { title: "KEYS", cell: ({ pattern }) => (pattern === "" ? "(others)" : `${pattern}*`), flexible: 10 },
  { title: "ENTRIES", cell: (row) => grouped(row.entries), align: "right", priority: 2 },
  { title: "HITS", cell: (row) => short(row.hits), align: "right" },
  { title: "RATE", cell: (row) => rateOf(row), align: "right", priority: 1 },
  { title: "LOADS", cell: (row) => short(row.loads), align: "right", priority: 3 },
  { title: "LIVE FOR", cell: (row) => seconds(row.meanTtl), align: "right", priority: 4 },
  { title: "CHANGE EACH", cell: (row) => seconds(row.changesEach), align: "right", priority: 5 },
];

const locationColumns: readonly Column<Location>[] = [
  { title: "LOCATION", cell: (row) => row.edgeLocation, flexible: 10 },
  { title: "ENTRIES", cell: (row) => grouped(row.entries), align: "right" },
  { title: "READS", cell: (row) => short(row.accessCount), align: "right" },
  {
    title: "READ LAST",
    cell: ({ daysSinceAccess }) => `${duration(daysSinceAccess * 86_400_000)} ago`,
    align: "right",
  },
];

function rateOf({ hits, misses }: Pick<Pattern, "hits" | "misses">): string {
  return hits + misses === 0 ? "" : percent(hits, hits + misses);
}

export const cacheStatsView: AnyView = view<CacheTotals, Pattern>({
  rows: ({ patterns }) => patterns,
  columns: () => patternColumns,
  fields: () =>
    (["pattern", "entries", "hits", "misses", "loads", "meanTtl", "changesEach"] as const).map((name) => ({
      name,
      value: (row) => row[name],
    })),
  draw(answer, screen) {
    const { entries, locations, patterns } = answer;
    const lines = [heading(answer, screen)];
    if (patterns.length > 0) lines.push("", ...drawTable(patternColumns, patterns, screen));
    if (entries > 0) lines.push("", ...drawTable(locationColumns, locations, screen));
    return lines;
  },
  hints: ({ entries }, { command }) =>
    entries === 0
      ? ["Nothing is cached here: loci.cache.getOrSet(key, load) does that (docs/cache.md)."]
      : [`what is in it: ${command} cache ls`],
});

function heading(totals: CacheTotals, screen: Screen): string {
  const { entries, expired, bytes, hits, misses, savedMs } = totals;
  const rate = rateOf({ hits, misses });
  return [
    screen.tone(counted(entries, "entry", "entries"), "bold"),
    ...(expired > 0 ? [screen.tone(`${grouped(expired)} expired`, "dim")] : []),
    size(bytes),
    ...(rate === "" ? [] : [`${rate} of ${short(hits + misses)} reads hit`]),
    ...(savedMs >= 1 ? [`${duration(savedMs)} of loading saved`] : []),
  ].join("   ");
}

const fields: readonly Field<CacheItem>[] = [
  { name: "key", value: (row) => row.key },
  { name: "location", value: (row) => row.location },
  { name: "value", value: (row) => jsonLine(row.value) },
  { name: "tags", value: (row) => row.tags.join(",") },
  ...(
    [
      "pattern",
      "bytes",
      "ttl",
      "autoTtl",
      "loadMs",
      "accessCount",
      "createdAt",
      "expiresAt",
      "lastAccessed",
      "state",
    ] as const
  ).map((name) => ({ name, value: (row: CacheItem) => row[name] })),
];

const columns: readonly Column<CacheItem>[] = [
  { title: "KEY", cell: (row) => row.key, flexible: 16 },
  { title: "LOCATION", cell: (row) => row.location, most: 16, priority: 3 },
  { title: "LEFT", cell: leftOf, tone: ({ state }) => (state === "fresh" ? "green" : "dim"), align: "right" },
  {
    title: "OF",
    cell: ({ ttl, autoTtl }) => `${duration(ttl)}${autoTtl ? " auto" : ""}`,
    align: "right",
    priority: 4,
  },
  { title: "READS", cell: (row) => short(row.accessCount), align: "right", priority: 2 },
  { title: "READ", cell: (row, { now }) => when(Date.parse(row.lastAccessed), now), priority: 1 },
  { title: "SIZE", cell: (row) => size(row.bytes), align: "right", priority: 5 },
  { title: "TAGS", cell: (row) => row.tags.join(", "), most: 24, priority: 6 },
];

function leftOf({ state, expiresAt }: CacheItem, { now }: Screen): string {
  return state === "fresh" ? duration(Math.max(0, Date.parse(expiresAt) - now)) : state;
}

export const cacheListView: AnyView = view<Page<CacheItem>, CacheItem>({
  rows: (answer) => answer.items,
  columns: () => columns,
  fields: () => fields,
  empty: () => "Nothing is cached here: loci.cache.getOrSet(key, load) does that (docs/cache.md).",
  hints: ({ items, next }, { command }) =>
    next === null
      ? []
      : [`${counted(items.length, "entry", "entries")}; more: ${command} cache ls --after ${next}`],
});

export const cachedView: AnyView = view<CacheAnswer, CacheItem>({
  rows: ({ entry }) => [entry],
  columns: () => columns,
  fields: () => fields,
  draw({ entry }, screen) {
    const facts = [
      `at ${entry.location}`,
      `put ${localTime(Date.parse(entry.createdAt))}`,
      ...(entry.state === "invalidated" ? ["invalidated since"] : []),
      `${entry.state === "expired" ? "expired" : "lives until"} ${localTime(Date.parse(entry.expiresAt))}`,
      `${duration(entry.ttl)}${entry.autoTtl ? " found out" : " given"}`,
      counted(entry.accessCount, "read"),
      ...(entry.loadMs > 0 ? [`loaded in ${duration(entry.loadMs)}`] : []),
      ...entry.tags.map((tag) => `tag ${tag}`),
    ];
    return [
      screen.tone(safeLine(entry.key), "bold"),
      screen.tone(safeLine(facts.join(" · ")), "dim"),
      ...jsonBlock(entry.value),
    ];
  },
});

export const clearedView: AnyView = view<Cleared, Cleared>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => [
    { name: "cleared", value: ({ cleared }) => cleared },
    { name: "tags", value: ({ tags }) => tags.join(",") },
  ],
  draw: ({ cleared, tags }) => [
    cleared === null
      ? `what has the tag ${safeLine(tags.join(", "))} is taken away`
      : `${counted(cleared, "entry", "entries")} taken away`,
  ],
});

export const sweptView: AnyView = view<Swept, Swept>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => (["expired", "evicted"] as const).map((name) => ({ name, value: (row) => row[name] })),
  draw: ({ expired, evicted }) => [
    `${grouped(expired)} expired and ${grouped(evicted)} that were too many are removed`,
  ],
});
