/**
 * How long a value should live. Reads of a key come at rate λ, its changes at rate μ; a miss costs ρ stale reads. With
 * a time to live of T the cost of a while is [ρ + λ(T − (1−e^(−μT))/μ)] / (T + 1/λ), and where μT is small the least of
 * it is at T* = (√(1 + 2ρλ/μ) − 1)/λ. docs/cache.md has what that is worth.
 */

/** What is known of one key. Times are seconds here: rates are per second. */
export interface Estimate {
  /** Reads, and the seconds they were counted over; both halve each hour. */
  readonly reads: number;
  readonly readTime: number;
  /** Loads that brought another value, and the seconds for which that is known. */
  readonly changes: number;
  readonly exposure: number;
}

/** What is seen when a value is loaded again. */
export interface Observation {
  /** Reads since the load before, this one included. */
  readonly reads: number;
  /** Seconds since then. */
  readonly age: number;
  /** Whether the value is another one; null where it cannot be told. */
  readonly changed: boolean | null;
}

/** Changes and exposure of the keys of one pattern together. */
export type PatternRate = Pick<Estimate, "changes" | "exposure">;

export interface TtlLimits {
  /** What a miss costs, in stale reads. */
  readonly costRatio: number;
  /** Seconds. */
  readonly least: number;
  readonly most: number;
}

export const nothingKnown: Estimate = { reads: 1, readTime: 0, changes: 0, exposure: 0 };

const halfLife = 3_600;
/** A key that was read once is taken for one that is read once a minute. */
const readPrior = 60;
/** So much of a change is what the pattern says of a key worth: a key's own first changes outweigh it soon. */
const priorShape = 0.5;
/** Where nothing is known of a pattern: half a change in five minutes. */
const firstExposure = 300;

export function observe(known: Estimate, { reads, age, changed }: Observation): Estimate {
  const kept = 2 ** (-age / halfLife);
  // What came in between is, on average, as old as this.
  const during = age > 0 ? (1 - kept) / (Math.LN2 * (age / halfLife)) : 1;
  return {
    reads: known.reads * kept + reads * during,
    readTime: known.readTime * kept + age * during,
    changes: known.changes + (changed === true ? 1 : 0),
    // The change came at some moment of the span: half of it is the span up to it, on average.
    exposure: known.exposure + (changed === null ? 0 : changed ? age / 2 : age),
  };
}

export function readRate({ reads, readTime }: Estimate): number {
  return reads / (readTime + readPrior);
}

/** Gamma prior: as if {@link priorShape} changes had been seen at the rate of the pattern. */
export function changeRate({ changes, exposure }: Estimate, pattern: PatternRate): number {
  const rate = (pattern.changes + priorShape) / (pattern.exposure + firstExposure);
  return (changes + priorShape) / (exposure + priorShape / rate);
}

/** Seconds. */
export function bestTtl(
  known: Estimate,
  pattern: PatternRate,
  { costRatio, least, most }: TtlLimits,
): number {
  const reads = readRate(known);
  const best = (Math.sqrt(1 + (2 * costRatio * reads) / changeRate(known, pattern)) - 1) / reads;
  return Math.min(most, Math.max(least, best));
}

/**
 * Whether a value that is not expired is loaded again already, so that not all who read it find it expired at once
 * (XFetch, Vattani et al. 2015): the nearer the end and the longer a load takes, the likelier. `random` is in (0, 1].
 */
export function isEarly(
  { left, loadMs, beta }: { readonly left: number; readonly loadMs: number; readonly beta: number },
  random: number,
): boolean {
  return -loadMs * beta * Math.log(random) >= left;
}
