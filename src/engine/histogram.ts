/**
 * Durations, counted in 64 buckets: eight of them are a power of ten, from 0.001 ms to 100 s, so that what is read from
 * them is at most 16 % off. Two histograms are added bucket by bucket.
 */
export const bucketCount = 64;

const perDecade = 8;
/** log10 of the first bucket's beginning, in ms. */
const first = -3;
const scale = perDecade / Math.LN10;

export function bucketOf(ms: number): number {
  // Not Math.log10: it takes three times as long.
  const bucket = Math.floor(Math.log(ms) * scale) - first * perDecade;
  return bucket > 0 ? Math.min(bucket, bucketCount - 1) : 0;
}

/**
 * The duration that this share of all did not exceed: the middle of its bucket, and never more than the longest. Null
 * where nothing was counted.
 */
export function percentile(buckets: ArrayLike<number>, share: number, max: number): number | null {
  let all = 0;
  for (let i = 0; i < buckets.length; i++) all += buckets[i] ?? 0;
  if (all === 1) return max;
  let passed = 0;
  for (let i = 0; i < buckets.length; i++) {
    passed += buckets[i] ?? 0;
    if (passed > 0 && passed >= Math.ceil(all * share)) {
      return Math.min(max, 10 ** ((i + 0.5) / perDecade + first));
    }
  }
  return null;
}
