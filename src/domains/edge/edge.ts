import type { Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { EdgeLatency, EdgeReplica } from "../../model/edge.ts";
import type { Clock } from "../clock.ts";
import { createEdgeRouter, type EdgeClients, type EdgeRouter } from "./clients.ts";
import { probeUrl } from "./probe.ts";
import {
  bareUrl,
  createRegions,
  type MetricsQuery,
  type NewRegion,
  type RegionMetrics,
  type Regions,
} from "./regions.ts";
import { createKept, type Seen } from "./kept.ts";
import { createRouter, isFresh, type Router, type Timing } from "./router.ts";

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
  /** The store's own replicas, whose reads measure the way there as well. */
  readonly routing?: OwnRegions | undefined;
}

/** What a store with replicas shares with this. */
export interface OwnRegions {
  readonly router: Router;
  readonly regions: ReadonlyArray<{
    readonly region: string;
    readonly url: string;
    readonly primary: boolean;
  }>;
  onSeen: () => void;
}

export function createEdge(engine: Engine, { now, from, routing, ...timing }: EdgeParts): Edge {
  const regions = createRegions(engine, { now });
  const router = routing?.router ?? createRouter({ ...timing, from });
  const kept = createKept(regions, router, { ...timing, now, from });
  const { replicas, noted, flush, seenFrom } = kept;
  const shared = { router, timing, replicas, noted };
  if (routing) routing.onSeen = createRegistering(routing, { regions, noted, forget: kept.forget });
  const plain = createEdgeRouter<EdgeReplica>(shared, {
    connect: (replica) => replica,
    probes: ({ url }) => url !== null,
    probe: async (_, { url }, { signal }) =>
      url === null ? undefined : { latency: await probeUrl(url, { signal, elapsed: timing.elapsed }) },
  });

  const list = async (there: string): Promise<RegionReport[]> => {
    const [rows, own] = await Promise.all([regions.all(), seenFrom(there)]);
    return rows.map((row) => reportOf(row, own.get(row.edgeRegion))).sort(byDistance(there));
  };

  return {
    from,
    read: plain.read,
    write: plain.write,
    async register(region, given = {}) {
      const row = await regions.register(region, given);
      kept.forget();
      return row;
    },
    async remove(region) {
      const removed = await regions.remove(region);
      kept.forget();
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
    async nearest({ from: there = from, healthyOnly = true, within } = {}) {
      const all = await list(there);
      const fresh = all.filter((region) => isFresh(region, region.stalenessMs, within));
      // From here the router decides, who remembers what was nearest before.
      const order = there === from ? router.order(fresh, { within }) : fresh;
      const best = order.find(({ healthy }) => healthy) ?? (healthyOnly ? undefined : order[0]);
      if (best) return best;
      throw noNearest(all, there, fresh.length === 0 ? `at most ${within} ms behind the primary` : "healthy");
    },
    async metrics({ from: there = from, swarm } = {}) {
      const own = await seenFrom(there);
      return regions.metrics((region) => own.get(region), swarm);
    },
    router: (clients) => createEdgeRouter(shared, clients),
    flush,
  };
}

/** The first time something is seen of the store's own regions, they are registered: then their measures can be kept. */
function createRegistering(
  { regions: own }: OwnRegions,
  parts: { readonly regions: Regions; readonly noted: () => void; readonly forget: () => void },
): () => void {
  let registering: Promise<void> | undefined;
  const register = async (): Promise<void> => {
    const known = new Map((await parts.regions.all()).map((row) => [row.edgeRegion, row]));
    for (const { region, url, primary } of own) {
      const row = known.get(region);
      if (row?.url !== bareUrl(url) || row.isPrimary !== primary)
        await parts.regions.register(region, { url, primary });
    }
    parts.forget();
  };
  return () => {
    // Without them the store is read all the same: they are for those who look.
    registering ??= register().catch(() => undefined);
    void registering.then(parts.noted);
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

/** By latency; where nobody measured, the region of that very name is near and all others are far. */
function byDistance(from: string): (a: RegionReport, b: RegionReport) => number {
  const distance = ({ latencyMs, edgeRegion }: RegionReport): number =>
    latencyMs ?? (edgeRegion === from ? 0 : Number.MAX_VALUE);
  return (a, b) => distance(a) - distance(b) || (a.edgeRegion < b.edgeRegion ? -1 : 1);
}

function noNearest(all: readonly RegionReport[], from: string, what: string): LociError {
  if (all.length === 0) {
    return new LociError("not-found", "No region is registered, so none is the nearest.", {
      next: "loci edge add REGION --url URL",
    });
  }
  const names = all.map(({ edgeRegion }) => edgeRegion).join(", ");
  return new LociError("unreachable", `No region is ${what}, as seen from ${from}: ${names}.`, {
    next: "loci edge probe",
  });
}
