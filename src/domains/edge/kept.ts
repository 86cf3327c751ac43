import type { Millis } from "../../model/collection.ts";
import type { EdgeLatency, EdgeReplica } from "../../model/edge.ts";
import type { Clock } from "../clock.ts";
import type { Estimate } from "./estimate.ts";
import type { Observation, Regions } from "./regions.ts";
import type { Router, Timing } from "./router.ts";

/** How one observer sees a region. */
export type Seen = Omit<EdgeLatency, "id" | "edgeRegion">;

/** What the store and this process know of regions, together. */
export interface Kept {
  /** The regions, as they were some seconds ago at most. */
  readonly replicas: () => Promise<EdgeReplica[]>;
  /** The list is read again when it is next asked for. */
  readonly forget: () => void;
  /** By region. What this process saw itself is newer than what it kept. */
  readonly seenFrom: (from: string) => Promise<Map<string, Seen>>;
  /** Something was observed: it is kept when it is time to. */
  readonly noted: () => void;
  readonly flush: () => Promise<void>;
}

/** The list of regions is read again after that. */
const knownFor = 5_000;
/** What was observed is written that often at most. */
const flushEvery = 10_000;

export function createKept(
  regions: Regions,
  router: Router,
  { now, from, ...timing }: Timing & { readonly now: Clock; readonly from: string },
): Kept {
  let known: { readonly rows: Promise<EdgeReplica[]>; readonly at: Millis } | undefined;
  let flushedAt = Number.NEGATIVE_INFINITY;
  let savedUpTo = Number.NEGATIVE_INFINITY;
  let fresh = false;

  function replicas(): Promise<EdgeReplica[]> {
    const at = timing.elapsed();
    const before = known;
    if (before && at - before.at < knownFor) return before.rows;
    const rows = load(regions, router, from);
    // While the store is away, the regions are what they were.
    const kept = before === undefined ? rows : rows.catch(() => before.rows);
    known = { rows: kept, at };
    kept.catch(() => {
      known = undefined;
    });
    return before?.rows ?? kept;
  }

  async function flush(): Promise<void> {
    if (!fresh) return;
    fresh = false;
    const rows = await replicas();
    const [elapsed, at] = [timing.elapsed(), await now()];
    flushedAt = elapsed;
    const seen = rows
      .map(({ edgeRegion }) => ({ edgeRegion, seen: router.estimate(edgeRegion) }))
      .filter((one) => one.seen.observedAt > savedUpTo);
    if (seen.length === 0) return;
    await regions.save(
      from,
      seen.map((one) => observation(one, { elapsed, at })),
    );
    savedUpTo = Math.max(savedUpTo, ...seen.map((one) => one.seen.observedAt));
  }

  const noted = (): void => {
    fresh = true;
    if (timing.elapsed() - flushedAt < flushEvery) return;
    flushedAt = timing.elapsed();
    // A latency that is not kept is measured again: nobody is told.
    flush().catch(() => undefined);
  };
  async function seenFrom(there: string): Promise<Map<string, Seen>> {
    const rows = await regions.seenFrom(there);
    const own = new Map<string, Seen>(rows.map((row) => [row.edgeRegion, row]));
    if (there !== from) return own;
    const clocks = { elapsed: timing.elapsed(), at: await now() };
    for (const { edgeRegion } of await replicas()) {
      const estimate = router.estimate(edgeRegion);
      if (!Number.isFinite(estimate.observedAt)) continue;
      own.set(edgeRegion, { ...observed(estimate, clocks), seenFrom: from });
    }
    return own;
  }

  const forget = (): void => {
    known = undefined;
  };
  return { replicas, forget, seenFrom, noted, flush };
}

/** The regions, and what was measured from here before this process began. */
async function load(regions: Regions, router: Router, from: string): Promise<EdgeReplica[]> {
  const [rows, mine] = await Promise.all([regions.all(), regions.seenFrom(from)]);
  for (const { edgeRegion, latencyMs, deviationMs } of mine) {
    if (latencyMs === null || router.estimate(edgeRegion).latency !== null) continue;
    router.know(edgeRegion, { latency: latencyMs, deviation: deviationMs ?? latencyMs / 2 });
  }
  for (const { edgeRegion, stalenessMs } of rows) {
    if (router.estimate(edgeRegion).staleness === null) router.know(edgeRegion, { staleness: stalenessMs });
  }
  return rows;
}

/** One moment by both clocks. */
interface Clocks {
  readonly elapsed: Millis;
  readonly at: Millis;
}

function observation(
  { edgeRegion, seen }: { readonly edgeRegion: string; readonly seen: Estimate },
  clocks: Clocks,
): Observation {
  return { edgeRegion, ...observed(seen, clocks), stalenessMs: seen.staleness };
}

/** An estimate by the store's clock. */
function observed(
  { latency, deviation, failures, retryAt, error, observedAt }: Estimate,
  { elapsed, at }: Clocks,
): Omit<Seen, "seenFrom"> {
  return {
    latencyMs: latency,
    deviationMs: latency === null ? null : deviation,
    healthy: failures === 0,
    failures,
    retryAt: failures === 0 ? null : Math.round(at + retryAt - elapsed),
    error,
    observedAt: Math.round(at + observedAt - elapsed),
  };
}
