import type {
  Compared,
  ConflictItem,
  LocalAnswer,
  QuarantinedItem,
  SpokeTokenAnswer,
  SyncReport,
} from "../../../operations/sync.ts";
import { type AnyView, view } from "../output.ts";
import { counted, duration, grouped, size, when } from "../people.ts";
import type { Column, Field } from "../table.ts";

const reportFields: readonly Field<SyncReport>[] = (
  [
    ...(["mode", "state", "sent", "received", "merged", "conflicts", "quarantined"] as const),
    ...(["bytesSent", "bytesReceived", "took", "again"] as const),
  ] as const
).map((name) => ({ name, value: (row) => row[name] }));

export const reportView: AnyView = view<SyncReport, SyncReport>({
  rows: (report) => [report],
  columns: () => [],
  fields: () => reportFields,
  draw: (report, screen) => {
    const { mode, state, sent, received, bytesSent, bytesReceived, took } = report;
    const what = [
      ...(mode === "pull" ? [] : [`${counted(sent, "row")} sent (${size(bytesSent)})`]),
      ...(mode === "push" ? [] : [`${counted(received, "row")} taken (${size(bytesReceived)})`]),
    ];
    const same = report.counts === null || mode !== "full" ? "" : ", both sides hold the same";
    const mark = state === "ok" ? screen.tone("✓", "green") : screen.tone("✗", "red");
    const end = state === "ok" ? same : ", and the two stores do not hold the same";
    return [`${mark} ${what.join(", ")} in ${duration(took)}${end}`, ...extras(report)];
  },
  hints: ({ state, quarantined }) => [
    ...(state === "ok" ? [] : ["to make them the same: loci sync repair"]),
    ...(quarantined === 0 ? [] : ["what did not arrive: loci sync quarantine"]),
  ],
});

function extras({ merged, conflicts, quarantined, again }: SyncReport): string[] {
  const parts = [
    ...(again ? ["one of the stores was not what it had been: everything went over again"] : []),
    ...(merged === 0 ? [] : [`${counted(merged, "row")} had changed on both sides`]),
    ...(conflicts === 0 ? [] : [`${counted(conflicts, "value")} gave way (loci sync conflicts)`]),
    ...(quarantined === 0 ? [] : [`${counted(quarantined, "row")} did not arrive`]),
  ];
  return parts.map((part) => `  ${part}`);
}

type Difference = Compared["differences"][number];

export const comparedView: AnyView = view<Compared, Difference>({
  rows: ({ differences }) => differences,
  columns: () => [
    { title: "WHAT", cell: ({ what }) => what },
    { title: "COLLECTION", cell: ({ collection }) => collection },
    { title: "ROW", cell: ({ rowKey }) => rowKey, flexible: 12, tone: () => "cyan" },
  ],
  fields: () =>
    (["what", "collection", "rowKey"] as const).map((name) => ({ name, value: (row) => row[name] })),
  empty: ({ rows }) => `Both sides hold the same: ${counted(rows, "row")} compared.`,
  hints: ({ rows, different, differences, repaired }) => {
    if (different === 0) return [];
    const shown = differences.length < different ? `, of which ${differences.length} are shown` : "";
    const end =
      repaired > 0 ? `${counted(repaired, "row")} made the same` : "to make them the same: loci sync repair";
    return [`${grouped(different)} of ${counted(rows, "row")} differ${shown}; ${end}`];
  },
});

const conflictColumns: readonly Column<ConflictItem>[] = [
  { title: "WHEN", cell: ({ at }, { now }) => when(Date.parse(at), now), priority: 1 },
  { title: "WHAT", cell: ({ collection, field }) => `${collection}.${field}` },
  { title: "ROW", cell: ({ rowKey }) => rowKey, flexible: 8, tone: () => "cyan" },
  { title: "GAVE WAY", cell: ({ lostValue }) => JSON.stringify(lostValue), flexible: 12 },
];

export const conflictsView: AnyView = view<{ readonly items: readonly ConflictItem[] }, ConflictItem>({
  rows: ({ items }) => items,
  columns: () => conflictColumns,
  fields: () => [
    ...(["at", "collection", "rowKey", "field", "kept", "lost"] as const).map((name) => ({
      name,
      value: (row: ConflictItem) => row[name],
    })),
    { name: "lostValue", value: (row) => JSON.stringify(row.lostValue) },
  ],
  empty: () => "No value gave way to a later one.",
});

export const quarantineView: AnyView = view<{ readonly items: readonly QuarantinedItem[] }, QuarantinedItem>({
  rows: ({ items }) => items,
  columns: () => [
    { title: "WHEN", cell: ({ at }, { now }) => when(Date.parse(at), now), priority: 1 },
    { title: "WAY", cell: ({ direction }) => direction },
    { title: "COLLECTION", cell: ({ collection }) => collection },
    { title: "ROW", cell: ({ rowKey }) => rowKey, flexible: 8, tone: () => "cyan" },
    { title: "TRIES", cell: ({ tries }) => tries, align: "right", priority: 2 },
    { title: "WHY", cell: ({ reason }) => reason, flexible: 16 },
  ],
  fields: () =>
    (["at", "direction", "collection", "rowKey", "tries", "reason"] as const).map((name) => ({
      name,
      value: (row) => row[name],
    })),
  empty: () => "Every row that was sent or taken has arrived.",
  hints: ({ items }) =>
    items.length === 0 ? [] : ["they are tried again at each sync, and by loci sync repair"],
});

export const localView: AnyView = view<LocalAnswer, LocalAnswer>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => (["sessionId", "localOnly"] as const).map((name) => ({ name, value: (row) => row[name] })),
  sessions: ({ sessionId }) => [sessionId],
  draw: ({ sessionId, localOnly }, { shortId }) => [
    `${shortId?.(sessionId) ?? sessionId} ${localOnly ? "stays in this store from now on" : "may leave this store"}`,
  ],
  hints: ({ localOnly }) => (localOnly ? ["what the hub has of it stays there"] : []),
});

export const spokeTokenView: AnyView = view<SpokeTokenAnswer, SpokeTokenAnswer>({
  rows: (answer) => [answer],
  columns: () => [],
  // These lines are copied into a spoke's environment.
  draw: ({ url, token }) => [`LOCI_SYNC_URL=${url}`, `LOCI_SYNC_TOKEN=${token}`],
  fields: () => (["url", "token"] as const).map((name) => ({ name, value: (row) => row[name] })),
  hints: ({ database, permission, expiresAt }) => [
    `for ${database}, ${permission}, ${expiresAt === null ? "without end" : `until ${expiresAt}`}; it is told once`,
  ],
});
