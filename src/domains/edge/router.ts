import { errorCode, LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { answered, type Estimate, failed, timeoutOf, unknown } from "./estimate.ts";
import { race, type Trial } from "./race.ts";

/** Time, as a router needs it. */
export interface Timing {
  /** A clock that nobody sets. */
  readonly elapsed: () => Millis;
  /** Runs it after that long; what it answers calls it off. */
  readonly after: (wait: Millis, run: () => void) => () => void;
}

/** One region, as a router sees it. */
export interface RouterRegion {
  readonly edgeRegion: string;
  readonly isPrimary: boolean;
}

export interface ReadOptions {
  /** Only regions that are at most so far behind the primary: 0 is the primary alone. */
  readonly within?: Millis | undefined;
  /** When the next region is asked too. Default: by the region's latency, 4 × it and 4 × its deviation, 50 ms at least. */
  readonly timeout?: Millis | undefined;
  /** When nobody answered, it fails. Default 30 s. */
  readonly deadline?: Millis | undefined;
  /** False: how long it takes says nothing of the way there. */
  readonly measure?: boolean | undefined;
}

export interface Attempt {
  /** Aborted when another region answered first, and at the deadline. */
  readonly signal: AbortSignal;
  /** The next region is asked after that. */
  readonly timeout: Millis;
}

/** Chooses among regions by what was seen of them; it knows no client and keeps nothing. */
export interface Router {
  readonly estimate: (region: string) => Estimate;
  readonly know: (region: string, estimate: Partial<Estimate>) => void;
  readonly answered: (region: string, latency: Millis) => void;
  readonly failed: (region: string, error: unknown) => void;
  /** The nearest first; those that do not answer come last. */
  readonly order: <Region extends RouterRegion>(regions: readonly Region[], how?: OrderOptions) => Region[];
  readonly read: <Region extends RouterRegion, Result>(
    order: readonly Region[],
    work: (region: Region, attempt: Attempt) => Promise<Result>,
    options?: ReadOptions,
  ) => Promise<Result>;
}

export interface OrderOptions {
  readonly within?: Millis | undefined;
  /** Regions that can be measured beside the calls: no call has to try one that nobody knows, or that failed. */
  readonly probed?: ((region: string) => boolean) | undefined;
}

export interface RouterParts extends Timing {
  /** The region we are in: while nothing is measured, it is the nearest. */
  readonly from: string;
}

/** Another region is nearer when it is a fifth nearer: what differs by less would be changed to and fro. */
const hysteresis = 0.8;

/** The order of kinds: what nobody can probe is tried once by a call, what does not answer is the last resort. */
const [untried, measured, silent] = [0, 1, 2];

export function createRouter({ from, ...timing }: RouterParts): Router {
  const estimates = new Map<string, Estimate>();
  const estimate = (region: string): Estimate => estimates.get(region) ?? unknown;
  let current: string | undefined;

  const router: Router = {
    estimate,
    know: (region, part) => void estimates.set(region, { ...estimate(region), ...part }),
    answered: (region, latency) =>
      void estimates.set(region, answered(estimate(region), latency, timing.elapsed())),
    failed: (region, error) =>
      void estimates.set(region, failed(estimate(region), sentence(error), timing.elapsed())),

    order(regions, { within, probed = () => false } = {}) {
      const at = timing.elapsed();
      const place = ({ edgeRegion }: RouterRegion): Place =>
        placeOf(estimate(edgeRegion), { at, probed: probed(edgeRegion), here: edgeRegion === from });
      const allowed = regions.filter((region) =>
        isFresh(region, estimate(region.edgeRegion).staleness, within),
      );
      const placed = allowed.map((region) => ({ region, place: place(region) }));
      placed.sort((a, b) => compare(a.place, b.place));
      const order = placed.map(({ region }) => region);
      const kept = order.find((region) => region.edgeRegion === current && place(region)[0] === measured);
      const [best] = order;
      if (best && kept && best !== kept) {
        const [near, was] = [estimate(best.edgeRegion).latency, estimate(kept.edgeRegion).latency];
        const stays = near !== null && was !== null && near >= hysteresis * was;
        if (stays) return [kept, ...order.filter((region) => region !== kept)];
      }
      if (within === undefined) current = best?.edgeRegion;
      return order;
    },

    async read(order, work, { timeout, deadline = 30_000, measure = true } = {}) {
      const waits = order.map(({ edgeRegion }) => timeout ?? timeoutOf(estimate(edgeRegion)));
      const outcome = await race(timing, {
        waits,
        deadline,
        work: (at, signal) => {
          const region = order[at];
          if (region) return work(region, { signal, timeout: waits[at] ?? deadline });
          throw new LociError("invalid", "There is no such region.");
        },
      });
      const nameOf = ({ at }: Trial): string => order[at]?.edgeRegion ?? "";
      const { winner, trials } = outcome;
      for (const trial of trials) {
        if (trial === winner) continue;
        // Who fails where another one answers is at fault; where nobody answers, the call may be.
        const behind = winner !== undefined && trial.at < winner.at;
        const at = trial.error ?? "It did not answer in time.";
        if (behind || (trial.error !== undefined && isLost(trial.error))) router.failed(nameOf(trial), at);
      }
      if (winner === undefined) throw nobody(trials, nameOf);
      // A slow question is not a slow region: a measure counts up to its timeout, and what is slower is overtaken.
      const took = Math.min(winner.took, waits[winner.at] ?? winner.took);
      if (measure) router.answered(nameOf(winner), took);
      return outcome.result;
    },
  };
  return router;
}

/** The primary is never behind. */
export function isFresh(
  { isPrimary }: RouterRegion,
  staleness: Millis | null,
  within: Millis | undefined,
): boolean {
  return within === undefined || isPrimary || (staleness !== null && staleness <= within);
}

type Place = readonly [kind: number, within: number];

function placeOf(
  { latency, retryAt, failures }: Estimate,
  { at, probed, here }: { readonly at: Millis; readonly probed: boolean; readonly here: boolean },
): Place {
  // Where a probe can look at it, calls wait until one has.
  if (retryAt > at || (failures > 0 && probed)) return [silent, retryAt];
  if (latency !== null) return [measured, latency];
  return [probed ? measured : untried, here ? -1 : Number.MAX_VALUE];
}

function compare(a: Place, b: Place): number {
  return a[0] - b[0] || a[1] - b[1];
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

const lostCodes = /^(?:ECONN|EHOST|ENET|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|UND_ERR)/;

/** The way there is at fault, whatever was asked. */
export function isLost(error: unknown): boolean {
  if (errorCode(error) === "unreachable") return true;
  if (!(error instanceof Error)) return false;
  if ("code" in error && typeof error.code === "string" && lostCodes.test(error.code)) return true;
  return error.cause !== undefined && isLost(error.cause);
}

function nobody(trials: readonly Trial[], nameOf: (trial: Trial) => string): unknown {
  const [first] = trials;
  if (first === undefined) {
    return new LociError(
      "not-found",
      "No region can be asked: none is registered, or none is fresh enough.",
      {
        next: "loci edge add REGION --url URL",
      },
    );
  }
  // What all refuse for a reason of its own is the caller's to see as it is.
  const refused = trials.find(({ error }) => error !== undefined && !isLost(error));
  if (refused) return refused.error;
  const each = trials.map((trial) => `${nameOf(trial)}: ${sentence(trial.error ?? "no answer in time")}`);
  return new LociError("unreachable", `No region answered. ${each.join("; ")}`, {
    next: "loci edge probe",
    cause: first.error,
  });
}
