import { LociError } from "../../errors.ts";
import type { EdgeReplica } from "../../model/edge.ts";
import { createLooks, type Probed } from "./looks.ts";
import { createPool } from "./pool.ts";
import { type Attempt, isLost, type ReadOptions, type Router, type Timing } from "./router.ts";

export type { Probed };

/** How to talk to a region: the router itself knows nothing of it. */
export interface EdgeClients<Client> {
  /** Made once for a region, when it is first asked; again after it could not be made, and when its URL changes. */
  readonly connect: (replica: EdgeReplica) => Client | Promise<Client>;
  /** The smallest question there is. Regions are asked beside the calls, while there are calls. */
  readonly probe?: (
    client: Client,
    replica: EdgeReplica,
    options: { readonly signal: AbortSignal },
  ) => Promise<Probed | undefined>;
  /** Which regions can be probed. Default: all, where there is a probe. */
  readonly probes?: (replica: EdgeReplica) => boolean;
  readonly close?: (client: Client) => void | Promise<void>;
}

export interface EdgeAttempt extends Attempt {
  readonly region: string;
}

export interface EdgeRouter<Client> extends AsyncDisposable {
  /**
   * Asks the nearest region; where it fails or is late, the next one too, within the call. So `work` may run in several
   * regions: it only reads. Errors: its own, where every region refuses; `unreachable`, where none answers.
   */
  readonly read: <Result>(
    work: (client: Client, attempt: EdgeAttempt) => Promise<Result>,
    options?: ReadOptions,
  ) => Promise<Result>;
  /** Asks the primary, once. */
  readonly write: <Result>(work: (client: Client, region: string) => Promise<Result>) => Promise<Result>;
  /** Asks one region, or all that can be asked, the smallest question, now. */
  readonly probe: (region?: string) => Promise<void>;
  /** Closes the clients. */
  readonly close: () => Promise<void>;
}

export interface SharedRouting {
  readonly router: Router;
  readonly timing: Timing;
  /** The regions, as they were some seconds ago at most. */
  readonly replicas: () => Promise<readonly EdgeReplica[]>;
  /** Something was observed: it is kept when it is time to. */
  readonly noted: () => void;
}

export function createEdgeRouter<Client>(
  { router, timing, replicas, noted }: SharedRouting,
  { connect, probe, probes = () => true, close: closeClient }: EdgeClients<Client>,
): EdgeRouter<Client> {
  const { clientOf, close } = createPool(connect, closeClient);
  const canProbe = (replica: EdgeReplica): boolean => probe !== undefined && probes(replica);
  const { look, lookAround } = createLooks(
    { router, timing, noted },
    {
      canProbe,
      ask: async (replica, signal) => {
        const client = await clientOf(replica);
        const began = timing.elapsed();
        const seen = await probe?.(client, replica, { signal });
        return { latency: timing.elapsed() - began, ...seen };
      },
    },
  );

  const read: EdgeRouter<Client>["read"] = async (work, options = {}) => {
    const all = await replicas();
    const { within } = options;
    await lookAround(all, within === undefined || router.order(all, { within }).length > 0);
    const probed = new Set(all.filter(canProbe).map(({ edgeRegion }) => edgeRegion));
    const order = router.order(all, { within, probed: (name) => probed.has(name) });
    try {
      return await router.read(
        order,
        async (replica, attempt) => work(await clientOf(replica), { ...attempt, region: replica.edgeRegion }),
        options,
      );
    } finally {
      noted();
    }
  };

  return {
    read,
    async write(work) {
      const primary = (await replicas()).find(({ isPrimary }) => isPrimary);
      if (!primary) throw noPrimary();
      try {
        return await work(await clientOf(primary), primary.edgeRegion);
      } catch (error) {
        if (isLost(error)) router.failed(primary.edgeRegion, error);
        throw error;
      } finally {
        noted();
      }
    },
    async probe(region) {
      const all = await replicas();
      const asked = all.filter(
        (replica) => canProbe(replica) && (region === undefined || replica.edgeRegion === region),
      );
      if (region !== undefined && asked.length === 0) throw notProbed(all, region);
      await Promise.all(asked.map(look));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function notProbed(all: readonly EdgeReplica[], region: string): LociError {
  if (!all.some(({ edgeRegion }) => edgeRegion === region)) {
    return new LociError("not-found", `There is no region ${JSON.stringify(region)}.`, { next: "loci edge" });
  }
  return new LociError("invalid", `${region} has no URL, so it cannot be probed from here.`, {
    next: `loci edge add ${region} --url URL`,
  });
}

function noPrimary(): LociError {
  return new LociError("not-found", "No region is the primary, so a write has nowhere to go.", {
    next: "loci edge add REGION --primary",
  });
}
