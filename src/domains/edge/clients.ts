import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { EdgeReplica } from "../../model/edge.ts";
import type { Attempt, ReadOptions, Router, Timing } from "./router.ts";
import { isLost } from "./router.ts";

/** What a probe may say; without a latency, how long it took is it. */
export interface Probed {
  readonly latency?: Millis;
  /** How far the region is behind the primary. */
  readonly staleness?: Millis;
}

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

/** A region that no call asked is measured that often, while there are calls. */
const probeEvery = 2_000;
const probeTimeout = 2_000;
/** With nothing measured, a first call waits that long for the first region that answers a probe. */
const firstLook = 250;

export function createEdgeRouter<Client>(
  { router, timing, replicas, noted }: SharedRouting,
  { connect, probe, probes = () => true, close: closeClient }: EdgeClients<Client>,
): EdgeRouter<Client> {
  const clients = new Map<string, { readonly url: string | null; readonly client: Promise<Client> }>();
  const probing = new Map<string, Promise<boolean>>();

  function clientOf(replica: EdgeReplica): Promise<Client> {
    const { edgeRegion, url } = replica;
    const known = clients.get(edgeRegion);
    if (known?.url === url) return known.client;
    if (known) void end(known.client);
    const client = Promise.resolve().then(() => connect(replica));
    const made = { url, client };
    clients.set(edgeRegion, made);
    client.catch(() => clients.get(edgeRegion) === made && clients.delete(edgeRegion));
    return client;
  }

  async function end(client: Promise<Client>): Promise<void> {
    // One that could not be made, or cannot be closed, is gone as well.
    await client.then((one) => closeClient?.(one)).catch(() => undefined);
  }

  const canProbe = (replica: EdgeReplica): boolean => probe !== undefined && probes(replica);

  /** True: it answered. One question at a time for a region. */
  function look(replica: EdgeReplica): Promise<boolean> {
    const { edgeRegion } = replica;
    const before = probing.get(edgeRegion);
    if (before) return before;
    const looking = ask(replica).finally(() => probing.delete(edgeRegion));
    probing.set(edgeRegion, looking);
    return looking;
  }

  async function ask(replica: EdgeReplica): Promise<boolean> {
    const { edgeRegion } = replica;
    const controller = new AbortController();
    let late = (_error: Error): void => undefined;
    const timeout = new Promise<never>((_, reject) => {
      late = reject;
    });
    const callOff = timing.after(probeTimeout, () => {
      late(new LociError("unreachable", `${edgeRegion} did not answer a probe in ${probeTimeout} ms.`));
      controller.abort();
    });
    try {
      const client = await Promise.race([clientOf(replica), timeout]);
      const began = timing.elapsed();
      const seen = await Promise.race([probe?.(client, replica, { signal: controller.signal }), timeout]);
      router.answered(edgeRegion, seen?.latency ?? timing.elapsed() - began);
      if (seen?.staleness !== undefined) router.know(edgeRegion, { staleness: seen.staleness });
      return true;
    } catch (error) {
      router.failed(edgeRegion, error);
      return false;
    } finally {
      callOff();
      noted();
    }
  }

  /** Looks at what no call asked lately, beside the call: where nobody asks, nothing is sent. */
  async function lookAround(all: readonly EdgeReplica[]): Promise<void> {
    const at = timing.elapsed();
    const estimates = all.map((replica) => ({ replica, seen: router.estimate(replica.edgeRegion) }));
    const due = estimates.filter(
      ({ replica, seen }) => canProbe(replica) && seen.retryAt <= at && (seen.failures > 0 || seen.observedAt <= at - probeEvery),
    );
    const looks = due.map(({ replica }) => look(replica));
    if (looks.length < 2 || estimates.some(({ seen }) => seen.latency !== null)) return;
    await firstOf(looks, timing);
  }

  const read: EdgeRouter<Client>["read"] = async (work, options = {}) => {
    const all = await replicas();
    await lookAround(all);
    const probed = new Set(all.filter(canProbe).map(({ edgeRegion }) => edgeRegion));
    const order = router.order(all, { within: options.within, probed: (name) => probed.has(name) });
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

  const close = async (): Promise<void> => {
    const open = [...clients.values()];
    clients.clear();
    await Promise.all(open.map(({ client }) => end(client)));
  };

  return {
    read,
    async write(work) {
      const primary = (await replicas()).find(({ isPrimary }) => isPrimary);
      if (!primary) {
        throw new LociError("not-found", "No region is the primary, so a write has nowhere to go.", {
          next: "loci edge add REGION --primary",
        });
      }
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
      const asked = region === undefined ? all.filter(canProbe) : [findRegion(all, region)];
      const [one] = asked;
      if (region !== undefined && one && !canProbe(one)) {
        throw new LociError("invalid", `${region} has no URL, so it cannot be probed from here.`, {
          next: `loci edge add ${region} --url URL`,
        });
      }
      await Promise.all(asked.map(look));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

export function findRegion(all: readonly EdgeReplica[], region: string): EdgeReplica {
  const found = all.find(({ edgeRegion }) => edgeRegion === region);
  if (found) return found;
  throw new LociError("not-found", `There is no region ${JSON.stringify(region)}.`, { next: "loci edge" });
}

/** Until one of them is true, all are false, or it took too long. */
function firstOf(looks: ReadonlyArray<Promise<boolean>>, { after }: Timing): Promise<void> {
  return new Promise((resolve) => {
    let left = looks.length;
    const callOff = after(firstLook, resolve);
    const end = (): void => {
      callOff();
      resolve();
    };
    for (const look of looks) {
      void look.then((good) => {
        if (good || --left === 0) end();
      });
    }
  });
}
