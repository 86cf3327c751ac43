import { type Engine, insert, remove, update } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { swarmMembers } from "../../model/agent.ts";
import type { Millis } from "../../model/collection.ts";
import { edgeLatencies, type EdgeLatency, type EdgeReplica, edgeReplicas } from "../../model/edge.ts";
import { stableId } from "../../model/id.ts";
import type { Clock } from "../clock.ts";
import { healthLimits } from "../swarm.ts";

export interface NewRegion {
  /** Where it answers; user, password and parameters are left out. */
  readonly url?: string | undefined;
  /** Writes go there; the one that was it before is it no more. */
  readonly primary?: boolean | undefined;
}

export interface RegionMetrics {
  readonly edgeRegion: string;
  /** As seen from there, else the mean of all observers; null where nobody measured. */
  readonly avgLatency: number | null;
  /** Agents whose heartbeat is not older than 60 s. */
  readonly availableAgents: number;
  readonly idleAgents: number;
  readonly healthy: boolean;
}

export interface MetricsQuery {
  /** Only agents of this swarm. */
  readonly swarm?: string | undefined;
  readonly from?: string | undefined;
}

export type Observation = Omit<EdgeLatency, "id" | "seenFrom"> & { readonly stalenessMs: number | null };

/** What the store has of regions. */
export interface Regions {
  readonly register: (region: string, given: NewRegion) => Promise<EdgeReplica>;
  readonly remove: (region: string) => Promise<boolean>;
  readonly all: () => Promise<EdgeReplica[]>;
  readonly seenFrom: (from: string) => Promise<EdgeLatency[]>;
  readonly save: (from: string, seen: readonly Observation[]) => Promise<void>;
  /** Latencies are those of `seen`, where it knows one. */
  readonly metrics: (
    seen: (region: string) => Pick<EdgeLatency, "latencyMs" | "healthy"> | undefined,
    swarm: string | undefined,
  ) => Promise<RegionMetrics[]>;
}

/** What an observer saw longer ago says nothing of now. */
const recent = 600_000;

export function createRegions(engine: Engine, { now }: { readonly now: Clock }): Regions {
  const seenFrom = (from: string): Promise<EdgeLatency[]> =>
    engine.find(edgeLatencies, { where: { seenFrom: from } });
  const all = (): Promise<EdgeReplica[]> => engine.find(edgeReplicas);

  return {
    all,
    seenFrom,
    register: async (region, given) => register(engine, region, { ...given, at: await now() }),
    async remove(region) {
      const [, removed] = await engine.write([
        remove(edgeLatencies, { edgeRegion: region }),
        remove(edgeReplicas, { edgeRegion: region }),
      ]);
      return removed === 1;
    },
    save: async (from, seen) => save(engine, from, { seen, at: await now() }),
    async metrics(seen, swarm) {
      const at = await now();
      const [replicas, members] = await Promise.all([
        all(),
        engine.find(swarmMembers, {
          where: {
            ...(swarm === undefined ? {} : { swarmId: swarm }),
            lastHeartbeat: { from: at - healthLimits.warning },
            region: { not: null },
            status: { anyOf: ["idle", "ready", "working"] },
          },
          fields: ["agentId", "region", "status", "currentTask"],
        }),
      ]);
      const rows = replicas.map(({ edgeRegion, latencyMs, healthy }): RegionMetrics => {
        const here = members.filter(({ region }) => region === edgeRegion);
        const agents = new Set(here.map(({ agentId }) => agentId));
        const idle = new Set(agents);
        // An agent of two swarms that works in one of them is not idle.
        for (const { agentId, status, currentTask } of here)
          if (status === "working" || currentTask !== null) idle.delete(agentId);
        return {
          edgeRegion,
          avgLatency: seen(edgeRegion)?.latencyMs ?? latencyMs,
          availableAgents: agents.size,
          idleAgents: idle.size,
          healthy: seen(edgeRegion)?.healthy ?? healthy,
        };
      });
      return rows.sort(byLatency);
    },
  };
}

function byLatency(a: RegionMetrics, b: RegionMetrics): number {
  const [one, other] = [a.avgLatency ?? Number.MAX_VALUE, b.avgLatency ?? Number.MAX_VALUE];
  return one - other || b.idleAgents - a.idleAgents || (a.edgeRegion < b.edgeRegion ? -1 : 1);
}

async function register(
  engine: Engine,
  region: string,
  { url, primary, at }: NewRegion & { readonly at: Millis },
): Promise<EdgeReplica> {
  if (region.trim() === "") throw new LociError("invalid", "A region has a name that is not empty.");
  const place = url === undefined ? undefined : bareUrl(url);
  const fresh: EdgeReplica = {
    edgeRegion: region,
    url: place ?? null,
    isPrimary: primary ?? false,
    latencyMs: null,
    healthy: true,
    stalenessMs: null,
    probedAt: null,
    registeredAt: at,
  };
  const said = {
    ...(place === undefined ? {} : { url: place }),
    ...(primary === undefined ? {} : { isPrimary: primary }),
  };
  await engine.write([
    ...(primary === true ? [update(edgeReplicas, { isPrimary: true }, { isPrimary: false })] : []),
    insert(edgeReplicas, [fresh]),
    ...(Object.keys(said).length > 0 ? [update(edgeReplicas, { edgeRegion: region }, said)] : []),
  ]);
  const [row] = await engine.find(edgeReplicas, { where: { edgeRegion: region } });
  return row ?? fresh;
}

/** A URL often has a secret in it: as user, as password, as a parameter. */
export function bareUrl(url: string): string {
  if (!URL.canParse(url)) {
    throw new LociError("invalid", "The URL of a region cannot be read.", {
      next: "For example https://fra.example.org, libsql://…, postgres://host:5432/name, tcp://host:port",
    });
  }
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  bare.search = "";
  bare.hash = "";
  return bare.href;
}

async function save(
  engine: Engine,
  from: string,
  { seen, at }: { readonly seen: readonly Observation[]; readonly at: Millis },
): Promise<void> {
  const known = new Set(
    (await engine.find(edgeReplicas, { fields: ["edgeRegion"] })).map((row) => row.edgeRegion),
  );
  // In one order everywhere: two observers that save at once wait for each other once, in turn.
  const rows = seen
    .filter(({ edgeRegion }) => known.has(edgeRegion))
    .sort((a, b) => (a.edgeRegion < b.edgeRegion ? -1 : 1));
  if (rows.length === 0) return;
  await engine.write(
    rows.flatMap(({ stalenessMs: _, ...row }) => {
      const id = stableId(0, "latency", row.edgeRegion, from);
      const { edgeRegion: __, ...patch } = row;
      return [insert(edgeLatencies, [{ id, seenFrom: from, ...row }]), update(edgeLatencies, { id }, patch)];
    }),
  );
  const means = await engine.rollup(edgeLatencies, {
    by: ["edgeRegion"],
    where: {
      edgeRegion: { anyOf: rows.map(({ edgeRegion }) => edgeRegion) },
      observedAt: { above: at - recent },
    },
    measures: { mean: { avg: "latencyMs" } },
  });
  const mean = new Map(means.map((group) => [group.edgeRegion, group.mean]));
  await engine.write(
    rows.map(({ edgeRegion, healthy, stalenessMs, observedAt }) =>
      update(
        edgeReplicas,
        { edgeRegion },
        {
          latencyMs: mean.get(edgeRegion) ?? null,
          healthy,
          probedAt: observedAt,
          ...(stalenessMs === null ? {} : { stalenessMs: Math.round(stalenessMs) }),
        },
      ),
    ),
  );
}
