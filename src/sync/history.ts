import { type Change, type Engine, insert, remove } from "../engine/engine.ts";
import type { Millis } from "../model/collection.ts";
import { type SyncPeer, type SyncRun, syncRuns } from "../model/sync-state.ts";

/** So many runs of each hub are kept. A store that syncs each minute has a week in them. */
const kept = 10_000;

/** The run as a row, in the place of the one that is the oldest by now; to be written with the peer. */
export function runNoted(
  { id: peer, runs }: SyncPeer,
  run: Omit<SyncRun, "id" | "peer">,
): { readonly runs: number; readonly changes: readonly Change[] } {
  const number = runs ?? 0;
  const id = `${peer}/${String(number % kept).padStart(4, "0")}`;
  const oldest = number < kept ? [] : [remove(syncRuns, { id })];
  return { runs: number + 1, changes: [...oldest, insert(syncRuns, [{ id, peer, ...run }])] };
}

export interface HistoryOptions {
  /** Only syncs that began at this moment or later. */
  readonly since?: Millis | undefined;
  /** Default 100. */
  readonly limit?: number | undefined;
}

/** Newest first. */
export function historyOf(engine: Engine, { since, limit = 100 }: HistoryOptions = {}): Promise<SyncRun[]> {
  return engine.find(syncRuns, {
    ...(since === undefined ? {} : { where: { startedAt: { from: since } } }),
    orderBy: [["startedAt", "down"]],
    limit,
  });
}

/** What became of the syncs with a hub in some time, of those that left a row in `sync_runs`. */
export interface SyncSummary {
  readonly since: Millis;
  readonly syncs: number;
  readonly failed: number;
  /** How many failed with each code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly rowsSent: number;
  readonly rowsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Of those that did not fail; null where there is none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

const moved = {
  rowsSent: { sum: "rowsSent" },
  rowsReceived: { sum: "rowsReceived" },
  bytesSent: { sum: "bytesSent" },
  bytesReceived: { sum: "bytesReceived" },
} as const;

export async function summaryOf(engine: Engine, peer: string, since: Millis): Promise<SyncSummary> {
  const where = { peer, startedAt: { from: since } };
  const count = "count";
  const [[sums], ends, times] = await Promise.all([
    engine.rollup(syncRuns, { by: [], where, measures: moved }),
    engine.rollup(syncRuns, { by: ["state", "errorCode"], where, measures: { count } }),
    engine.rollup(syncRuns, {
      by: ["tookMs"],
      where: { ...where, state: { not: "failed" } },
      measures: { count },
    }),
  ]);
  const failed = ends.filter(({ state }) => state === "failed");
  const total = (groups: ReadonlyArray<{ readonly count: number | null }>): number =>
    groups.reduce((sum, group) => sum + (group.count ?? 0), 0);
  const { rowsSent, rowsReceived, bytesSent, bytesReceived } = sums ?? {};
  return {
    since,
    syncs: total(ends),
    failed: total(failed),
    errors: Object.fromEntries(failed.map((group) => [group.errorCode ?? "unknown", group.count ?? 0])),
    rowsSent: rowsSent ?? 0,
    rowsReceived: rowsReceived ?? 0,
    bytesSent: bytesSent ?? 0,
    bytesReceived: bytesReceived ?? 0,
    p50Ms: percentile(times, total(times) * 0.5),
    p95Ms: percentile(times, total(times) * 0.95),
  };
}

function percentile(
  times: ReadonlyArray<{ readonly tookMs: number; readonly count: number | null }>,
  rank: number,
): number | null {
  let seen = 0;
  for (const { tookMs, count } of times.toSorted((one, other) => one.tookMs - other.tookMs)) {
    seen += count ?? 0;
    if (seen >= rank) return tookMs;
  }
  return null;
}
