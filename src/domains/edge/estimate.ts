import type { Millis } from "../../model/collection.ts";

/** What is known of one region, by a clock that nobody sets. */
export interface Estimate {
  /** Smoothed; null while nothing was measured. */
  readonly latency: Millis | null;
  /** The smoothed deviation from it. */
  readonly deviation: Millis;
  /** Failures in a row. */
  readonly failures: number;
  /** Nothing is asked of it before that, while others are there: its circuit breaker is open. */
  readonly retryAt: Millis;
  readonly error: string | null;
  readonly observedAt: Millis;
  /** How far it is behind the primary; null where nobody said so. */
  readonly staleness: Millis | null;
}

/** How much a new measure counts. */
const weight = 0.3;
const leastTimeout = 50;
/** Nothing is known yet: long enough for an exchange between continents. */
const firstTimeout = 250;
const firstBreak = 250;
const longestBreak = 10_000;

export const unknown: Estimate = {
  latency: null,
  deviation: 0,
  failures: 0,
  retryAt: Number.NEGATIVE_INFINITY,
  error: null,
  observedAt: Number.NEGATIVE_INFINITY,
  staleness: null,
};

/** How long an answer may take before the next region is asked too. */
export function timeoutOf({ latency, deviation }: Estimate): Millis {
  return latency === null ? firstTimeout : Math.max(leastTimeout, 4 * latency + 4 * deviation);
}

export function answered(before: Estimate, latency: Millis, at: Millis): Estimate {
  const well = { failures: 0, retryAt: Number.NEGATIVE_INFINITY, error: null, observedAt: at };
  if (before.latency === null) return { ...before, ...well, latency, deviation: latency / 2 };
  const off = latency - before.latency;
  return {
    ...before,
    ...well,
    latency: before.latency + weight * off,
    deviation: before.deviation + weight * (Math.abs(off) - before.deviation),
  };
}

export function failed(before: Estimate, error: string, at: Millis): Estimate {
  const failures = before.failures + 1;
  const pause = Math.min(longestBreak, firstBreak * 2 ** (failures - 1));
  return { ...before, failures, retryAt: at + pause, error, observedAt: at };
}
