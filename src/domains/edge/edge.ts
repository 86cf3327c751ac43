import type { Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { EdgeLatency, EdgeReplica } from "../../model/edge.ts";
import type { Clock } from "../clock.ts";
import { createEdgeRouter, type EdgeClients, type EdgeRouter } from "./clients.ts";
import { probeUrl } from "./probe.ts";
import { createRegions, type MetricsQuery, type NewRegion, type RegionMetrics } from "./regions.ts";
import type { Estimate } from "./estimate.ts";
import { createRouter, type Timing } from "./router.ts";

/** One region, as one observer sees it. */
export type RegionReport = Pick<EdgeReplica, "edgeRegion" | "url" | "isPrimary" | "stalenessMs"> &
  Pick<EdgeLatency, "latencyMs" | "deviationMs" | "healthy" | "failures" | "retryAt" | "error"> & {
    /** Who measured the latency; null where it is the mean of all observers. */
    readonly seenFrom: string | null;
    readonly observedAt: Millis | null;
  };

export interface NearestOptions {
  /** As seen from there. Default: from here. */
  readonly from?: string | undefined;
  /** False: where none is healthy, the one that would be tried first. */
  readonly healthyOnly?: boolean | undefined;
  /** Only regions that are at most so far behind the primary. */
  readonly within?: Millis | undefined;
}

export interface Edge extends Pick<EdgeRouter<EdgeReplica>, "read" | "write"> {
  /** Where we are: a region's name, else that of the host. Latencies are measured from there. */
  readonly from: string;
  /** Again is fine: what is not said again stays. */
  readonly register: (region: string, given?: NewRegion) => Promise<EdgeReplica>;
  /** False: there was none. */
  readonly remove: (region: string) => Promise<boolean>;
  /** The nearest first. */
  readonly list: (query?: { readonly from?: string | undefined }) => Promise<RegionReport[]>;
  /** What a call saw that went its own way: how long it took, or how it failed. Kept now and then, not each time. */
  readonly observe: (region: string, seen: Millis | Error, more?: { readonly staleness?: Millis }) => void;
  /** Asks one region, or all that have a URL, a trivial question now, and keeps what it saw. */
  readonly probe: (region?: string) => Promise<RegionReport[]>;
  /** The nearest healthy region. Errors: `not-found` (none is registered), `unreachable` (none is healthy). */
  readonly nearest: (options?: NearestOptions) => Promise<RegionReport>;
  /** Regions with their agents: by latency, then the most idle agents first. */
  readonly metrics: (query?: MetricsQuery) => Promise<RegionMetrics[]>;
  /** A router over clients of your own; it shares what is known of the regions. */
  readonly router: <Client>(clients: EdgeClients<Client>) => EdgeRouter<Client>;
  /** Keeps what was observed since. */
  readonly flush: () => Promise<void>;
}

export interface EdgeParts extends Timing {
  readonly now: Clock;
  readonly from: string;
}

/** The list of regions is read again after that. */
const knownFor = 5_000;
/** What was observed is written that often at most. */
const flushEvery = 10_000;

export function createEdge(engine: Engine, { now, from, ...timing }: EdgeParts): Edge {
  const regions = createRegions(engine, { now });
  const router = createRouter({ ...timing, from });
  let known: { readonly rows: Promise<EdgeReplica[]>; readonly at: Millis } | undefined;
  let flushedAt = Number.NEGATIVE_INFINITY;
  let savedUpTo = Number.NEGATIVE_INFINITY;

  /** What was measured from here before this process began. */
  async function load(): Promise<EdgeReplica[]> {
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

  function replicas(): Promise<EdgeReplica[]> {
    const at = timing.elapsed();
    const before = known;
    if (before && at - before.at < knownFor) return before.rows;
    const rows = load();
    // While the store is away, the regions are what they were.
    const kept = before === undefined ? rows : rows.catch(() => before.rows);
    known = { rows: kept, at };
    kept.catch(() => {
      known = undefined;
    });
    return before?.rows ?? kept;
  }

  async function flush(): Promise<void> {
    const rows = await replicas();
    const [elapsed, at] = [timing.elapsed(), await now()];
    flushedAt = elapsed;
    const seen = rows
      .map(({ edgeRegion }) => ({ edgeRegion, seen: router.estimate(edgeRegion) }))
      .filter((one) => one.seen.observedAt > savedUpTo);
    if (seen.length === 0) return;
    await regions.save(
      from,
      seen.map(({ edgeRegion, seen: one }) => ({
        edgeRegion,
        ...observed(one, { elapsed, at }),
        stalenessMs: one.staleness,
      })),
    );
    savedUpTo = Math.max(savedUpTo, ...seen.map((one) => one.seen.observedAt));
  }

  const noted = (): void => {
    if (timing.elapsed() - flushedAt < flushEvery) return;
    flushedAt = timing.elapsed();
    // A latency that is not kept is measured again: nobody is told.
    flush().catch(() => undefined);
  };
  const shared = { router, timing, replicas, noted };
  const plain = createEdgeRouter<EdgeReplica>(shared, {
    connect: (replica) => replica,
    probes: ({ url }) => url !== null,
    probe: async (_, { url }, { signal }) =>
      url === null ? undefined : { latency: await probeUrl(url, { signal, elapsed: timing.elapsed }) },
  });

  /** What this process saw itself is newer than what it kept. */
  async function overlay(seen: readonly EdgeLatency[], there: string): Promise<Map<string, Seen>> {
    const own = new Map<string, Seen>(seen.map((row) => [row.edgeRegion, row]));
    if (there !== from) return own;
    const clocks = { elapsed: timing.elapsed(), at: await now() };
    for (const { edgeRegion } of await replicas()) {
      const estimate = router.estimate(edgeRegion);
      if (!Number.isFinite(estimate.observedAt)) continue;
      own.set(edgeRegion, { ...observed(estimate, clocks), seenFrom: from });
    }
    return own;
  }

  async function list(there: string): Promise<RegionReport[]> {
    const [rows, mine] = await Promise.all([regions.all(), regions.seenFrom(there)]);
    const own = await overlay(mine, there);
    const reports = rows.map((row): RegionReport => reportOf(row, own.get(row.edgeRegion)));
    return reports.sort(
      (a, b) => placeOf(a, there) - placeOf(b, there) || (a.edgeRegion < b.edgeRegion ? -1 : 1),
    );
  }

  async function nearest({
    from: there = from,
    healthyOnly = true,
    within,
  }: NearestOptions = {}): Promise<RegionReport> {
    const all = await list(there);
    if (all.length === 0) {
      throw new LociError("not-found", "No region is registered, so none is the nearest.", {
        next: "loci edge add REGION --url URL",
      });
    }
    const fresh = all.filter(
      ({ isPrimary, stalenessMs }) =>
        within === undefined || isPrimary || (stalenessMs !== null && stalenessMs <= within),
    );
    // From here the router decides, who remembers what was nearest before.
    const order = there === from ? router.order(fresh, { within }) : fresh;
    const best = order.find(({ healthy }) => healthy) ?? (healthyOnly ? undefined : order[0]);
    if (best) return best;
    const names = all.map(({ edgeRegion }) => edgeRegion).join(", ");
    const what = fresh.length === 0 ? `at most ${within} ms behind the primary` : "healthy";
    throw new LociError("unreachable", `No region is ${what}, as seen from ${there}: ${names}.`, {
      next: "loci edge probe",
    });
  }

  return {
    from,
    read: plain.read,
    write: plain.write,
    async register(region, given = {}) {
      const row = await regions.register(region, given);
      known = undefined;
      return row;
    },
    async remove(region) {
      const removed = await regions.remove(region);
      known = undefined;
      return removed;
    },
    list: ({ from: there = from } = {}) => list(there),
    observe(region, seen, { staleness } = {}) {
      if (typeof seen === "number") router.answered(region, seen);
      else router.failed(region, seen);
      if (staleness !== undefined) router.know(region, { staleness });
      noted();
    },
    async probe(region) {
      await plain.probe(region);
      await flush();
      const all = await list(from);
      return region === undefined ? all : all.filter(({ edgeRegion }) => edgeRegion === region);
    },
    nearest,
    async metrics({ from: there = from, swarm } = {}) {
      const own = await overlay(await regions.seenFrom(there), there);
      return regions.metrics((region) => own.get(region), swarm);
    },
    router: (clients) => createEdgeRouter(shared, clients),
    flush,
  };
}

type Seen = Omit<EdgeLatency, "id" | "edgeRegion">;

/** An estimate by the store's clock. */
function observed(
  { latency, deviation, failures, retryAt, error, observedAt }: Estimate,
  { elapsed, at }: { readonly elapsed: Millis; readonly at: Millis },
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

function reportOf(row: EdgeReplica, seen: Seen | undefined): RegionReport {
  const { edgeRegion, url, isPrimary, stalenessMs } = row;
  const place = { edgeRegion, url, isPrimary, stalenessMs };
  if (seen === undefined) {
    const { latencyMs, healthy, probedAt } = row;
    const unseen = { deviationMs: null, failures: 0, retryAt: null, error: null, seenFrom: null };
    return { ...place, ...unseen, latencyMs, healthy, observedAt: probedAt };
  }
  const { latencyMs, deviationMs, healthy, failures, retryAt, error, seenFrom, observedAt } = seen;
  return { ...place, latencyMs, deviationMs, healthy, failures, retryAt, error, seenFrom, observedAt };
}

/** The latency; where nobody measured, the region of that very name is near and all others are far. */
function placeOf({ latencyMs, edgeRegion }: RegionReport, from: string): number {
  return latencyMs ?? (edgeRegion === from ? 0 : Number.MAX_VALUE);
}
