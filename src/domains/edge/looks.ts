import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { EdgeReplica } from "../../model/edge.ts";
import type { Router, Timing } from "./router.ts";

/** What a probe may say; without a latency, how long it took is it. */
export interface Probed {
  readonly latency?: Millis;
  /** How far the region is behind the primary. */
  readonly staleness?: Millis;
}

/** A region that no call asked is measured that often, while there are calls. */
const probeEvery = 2_000;
const probeTimeout = 2_000;
/** With nothing measured, a first call waits that long for the first region that answers a probe. */
const firstLook = 250;

/** Looks at regions beside the calls. */
export interface Looks {
  /** True: it answered. One question at a time for a region. */
  readonly look: (replica: EdgeReplica) => Promise<boolean>;
  /**
   * At what no call asked lately: where nobody asks, nothing is sent. The call waits for it where it has nowhere to go
   * before, or knows nothing.
   */
  readonly lookAround: (all: readonly EdgeReplica[], hasAnywhere: boolean) => Promise<void>;
}

export function createLooks(
  { router, timing, noted }: { readonly router: Router; readonly timing: Timing; readonly noted: () => void },
  {
    canProbe,
    ask,
  }: {
    readonly canProbe: (replica: EdgeReplica) => boolean;
    readonly ask: (replica: EdgeReplica, signal: AbortSignal) => Promise<Probed>;
  },
): Looks {
  const probing = new Map<string, Promise<boolean>>();

  function look(replica: EdgeReplica): Promise<boolean> {
    const { edgeRegion } = replica;
    const before = probing.get(edgeRegion);
    if (before) return before;
    const looking = measure(replica).finally(() => probing.delete(edgeRegion));
    probing.set(edgeRegion, looking);
    return looking;
  }

  async function measure(replica: EdgeReplica): Promise<boolean> {
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
      const { latency, staleness } = await Promise.race([ask(replica, controller.signal), timeout]);
      if (latency !== undefined) router.answered(edgeRegion, latency);
      if (staleness !== undefined) router.know(edgeRegion, { staleness });
      return true;
    } catch (error) {
      router.failed(edgeRegion, error);
      return false;
    } finally {
      callOff();
      noted();
    }
  }

  async function lookAround(all: readonly EdgeReplica[], hasAnywhere: boolean): Promise<void> {
    const at = timing.elapsed();
    const estimates = all.map((replica) => ({ replica, seen: router.estimate(replica.edgeRegion) }));
    const due = estimates.filter(
      ({ replica, seen }) =>
        canProbe(replica) && seen.retryAt <= at && (seen.failures > 0 || seen.observedAt <= at - probeEvery),
    );
    const looks = due.map(({ replica }) => look(replica));
    if (!hasAnywhere) await Promise.all(looks);
    if (looks.length < 2 || estimates.some(({ seen }) => seen.latency !== null)) return;
    await firstOf(looks, timing);
  }

  return { look, lookAround };
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
