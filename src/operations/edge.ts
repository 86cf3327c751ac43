import type { RegionReport } from "../domains/edge/edge.ts";
import type { RegionMetrics } from "../domains/edge/regions.ts";
import { LociError } from "../errors.ts";
import type { EdgeReplica } from "../model/edge.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export type RegionItem = Omit<RegionReport, "retryAt" | "observedAt"> &
  Omit<RegionMetrics, "edgeRegion" | "avgLatency" | "healthy"> & {
    /** Closed: it is asked. Open: it is not, until `retryAt`. */
    readonly breaker: "closed" | "open";
    readonly retryAt: string | null;
    readonly observedAt: string | null;
  };

export interface RegionsAnswer {
  readonly from: string;
  readonly items: readonly RegionItem[];
}

export interface RegionAnswer {
  readonly region: Omit<EdgeReplica, "probedAt" | "registeredAt"> & {
    readonly probedAt: string | null;
    readonly registeredAt: string;
  };
}

const regionParam = { kind: "string", positional: true, required: true, summary: "the region" } as const;
const fromFlag = {
  kind: "string",
  summary: "as seen from there; default: from here (LOCI_REGION, else this host)",
  placeholder: "REGION",
} as const;

export const listRegions: Operation = operation({
  name: "edge",
  summary: "list regions, the nearest first: latency, health, agents",
  access: "read",
  params: {
    from: fromFlag,
    swarm: { kind: "string", summary: "only agents of this swarm", placeholder: "ID" },
  },
  async run(loci, { from = loci.edge.from, swarm }, { now }): Promise<RegionsAnswer> {
    const [regions, metrics] = await Promise.all([
      loci.edge.list({ from }),
      loci.edge.metrics({ from, swarm }),
    ]);
    return { from, items: regions.map((region) => regionItem(region, metrics, now())) };
  },
});

export const addRegion: Operation = operation({
  name: "edge add",
  summary: "register a region, or say anew where it is",
  access: "write",
  params: {
    region: regionParam,
    url: {
      kind: "string",
      summary: "where it answers; user, password and parameters are left out",
      placeholder: "URL",
    },
    primary: { kind: "boolean", summary: "writes go there, and no longer where they went" },
  },
  async run(loci, { region, url, primary }): Promise<RegionAnswer> {
    const row = await loci.edge.register(region, { url, ...(primary ? { primary } : {}) });
    return {
      region: { ...row, probedAt: isoTime(row.probedAt), registeredAt: isoTime(row.registeredAt) },
    };
  },
});

export const removeRegion: Operation = operation({
  name: "edge rm",
  summary: "forget a region and what was measured of it",
  access: "write",
  params: { region: regionParam },
  async run(loci, { region }): Promise<{ readonly removed: string }> {
    if (await loci.edge.remove(region)) return { removed: region };
    throw new LociError("not-found", `There is no region ${JSON.stringify(region)}.`, { next: "loci edge" });
  },
});

export const probeRegions: Operation = operation({
  name: "edge probe",
  summary: "ask each region that has a URL a trivial question, and keep how long it took",
  access: "write",
  params: { region: { kind: "string", positional: true, summary: "only this one" } },
  async run(loci, { region }, { now }): Promise<RegionsAnswer> {
    const probed = await loci.edge.probe(region);
    const metrics = await loci.edge.metrics();
    return { from: loci.edge.from, items: probed.map((row) => regionItem(row, metrics, now())) };
  },
});

function regionItem(region: RegionReport, metrics: readonly RegionMetrics[], at: number): RegionItem {
  const row = metrics.find(({ edgeRegion }) => edgeRegion === region.edgeRegion);
  return {
    ...region,
    breaker: region.retryAt !== null && region.retryAt > at ? "open" : "closed",
    retryAt: isoTime(region.retryAt),
    observedAt: isoTime(region.observedAt),
    availableAgents: row?.availableAgents ?? 0,
    idleAgents: row?.idleAgents ?? 0,
  };
}
