import type {
  ForgottenSpoke,
  HubItem,
  RecentSyncs,
  SpokeItem,
  SyncProblem,
  SyncStatusAnswer,
} from "../../../operations/sync-status.ts";
import { type AnyView, view } from "../output.ts";
import { counted, duration, grouped, size, when } from "../people.ts";
import { safeLine } from "../safe.ts";
import type { Screen } from "../screen.ts";
import { type Column, drawTable, type Field } from "../table.ts";

const spokeColumns: readonly Column<SpokeItem>[] = [
  { title: "SPOKE", cell: ({ name }) => name, flexible: 10, tone: () => "cyan" },
  { title: "MODE", cell: ({ mode }) => mode, priority: 2 },
  { title: "STATE", cell: ({ state }) => state, tone: ({ state }) => (state === "ok" ? "green" : "red") },
  { title: "WAIT", cell: ({ pending }) => grouped(pending), align: "right" },
  { title: "SEEN", cell: ({ seenAt }, { now }) => when(Date.parse(seenAt), now) },
  { title: "SENT", cell: ({ rowsSent }) => grouped(rowsSent), align: "right", priority: 3 },
  { title: "TAKEN", cell: ({ rowsReceived }) => grouped(rowsReceived), align: "right", priority: 3 },
  { title: "ID", cell: ({ id }) => id, priority: 4 },
];

const spokeFields: readonly Field<SpokeItem>[] = (
  [
    ...(["id", "name", "mode", "state", "pending", "seenAt", "firstAt"] as const),
    ...(["rowsSent", "rowsReceived", "error"] as const),
  ] as const
).map((name) => ({ name, value: (row) => row[name] }));

const hubFields: readonly Field<HubItem>[] = (
  [
    ...(["hub", "mode", "state", "pending", "lag", "syncedAt", "verifiedAt", "failures"] as const),
    ...(["quarantined", "rowsSent", "rowsReceived", "bytesSent", "bytesReceived"] as const),
  ] as const
).map((name) => ({ name, value: (row) => row[name] }));

/** To a program: a line a hub. To a person: all of it, and what to do. */
export const syncStatusView: AnyView = view<SyncStatusAnswer, HubItem>({
  rows: ({ hubs }) => hubs,
  columns: () => [],
  fields: () => hubFields,
  draw: (answer, screen) => [
    ...answer.hubs.flatMap((hub) => drawHub(hub, screen)),
    ...(answer.spokes.length === 0 ? [] : drawTable(spokeColumns, answer.spokes, screen)),
    ...notes(answer),
    ...answer.problems.flatMap((problem) => drawProblem(problem, screen)),
  ],
  warnings: ({ problems }) => problems.map(({ who, what, fix }) => `${who}: ${what}. To mend it: ${fix}`),
  hints: ({ hubs, spokes, problems }) => {
    if (hubs.length + spokes.length === 0) {
      return [
        "This store has no hub. To name one: LOCI_SYNC_URL, or loci sync full --hub URL (docs/sync.md).",
      ];
    }
    return problems.length === 0 ? ["Nothing is wrong."] : [];
  },
});

const marks = {
  ok: ["✓", "green"],
  never: ["◐", "yellow"],
  failed: ["✗", "red"],
  mismatch: ["✗", "red"],
} as const;

function drawHub(hub: HubItem, screen: Screen): string[] {
  const { mode, state, pending, lag, syncedAt, verifiedAt } = hub;
  const [mark, tone] = marks[state === "ok" || state === "failed" || state === "mismatch" ? state : "never"];
  const synced = syncedAt === null ? "never synced" : `synced ${when(Date.parse(syncedAt), screen.now)}`;
  const compared = verifiedAt === null ? "" : `, compared ${when(Date.parse(verifiedAt), screen.now)}`;
  const waits =
    pending === null || pending === 0
      ? "nothing waits"
      : `${counted(pending, "change waits", "changes wait")}${lag === null ? "" : `, the oldest for ${duration(lag)}`}`;
  const moved = [
    ...(mode === "pull" ? [] : [`${counted(hub.rowsSent, "row")} sent (${size(hub.bytesSent)})`]),
    ...(mode === "push" ? [] : [`${counted(hub.rowsReceived, "row")} taken (${size(hub.bytesReceived)})`]),
  ];
  return [
    `${screen.tone(mark, tone)} ${screen.tone(safeLine(hub.hub), "cyan")}  ${mode}, ${synced}${compared}`,
    `  ${waits}; ${moved.join(", ")} in all`,
    ...(hub.recent === null || hub.recent.syncs === 0 ? [] : [`  ${recently(hub.recent)}`]),
  ];
}

/** Syncs that found nothing to do are in none of these numbers. */
function recently({ syncs, failed, errors, p50Ms, p95Ms }: RecentSyncs): string {
  const why = Object.entries(errors).map(([code, count]) => `${code} ${grouped(count)}`);
  const failures = failed === 0 ? "none failed" : `${grouped(failed)} failed (${safeLine(why.join(", "))})`;
  const took = p50Ms === null ? "" : `; half within ${duration(p50Ms)}, 95 % within ${duration(p95Ms ?? 0)}`;
  return `in 24 hours: ${counted(syncs, "sync")} with something to do, ${failures}${took}`;
}

function notes({ conflicts, localSessions }: SyncStatusAnswer): string[] {
  const parts = [
    ...(conflicts === 0
      ? []
      : [`${counted(conflicts, "value")} gave way to later ones (loci sync conflicts)`]),
    ...(localSessions === 0
      ? []
      : [`${counted(localSessions, "session stays", "sessions stay")} in this store`]),
  ];
  return parts.length === 0 ? [] : [`  ${parts.join("; ")}`];
}

function drawProblem({ who, what, fix }: SyncProblem, screen: Screen): string[] {
  return [
    `${screen.tone("✗", "red")} ${safeLine(who)}: ${safeLine(what)}`,
    `  ${screen.tone("→", "cyan")} ${safeLine(fix)}`,
  ];
}

export const spokesView: AnyView = view<{ readonly items: readonly SpokeItem[] }, SpokeItem>({
  rows: ({ items }) => items,
  columns: () => spokeColumns,
  fields: () => spokeFields,
  empty: () => "No store syncs with this one.",
});

export const forgottenView: AnyView = view<ForgottenSpoke, ForgottenSpoke>({
  rows: (answer) => [answer],
  columns: () => [],
  draw: ({ id, forgotten }) => [forgotten ? `${id} is off the list` : `No spoke is called ${id}`],
  fields: () => (["id", "forgotten"] as const).map((name) => ({ name, value: (row) => row[name] })),
});
