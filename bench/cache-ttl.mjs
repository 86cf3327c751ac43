// What a time to live costs: the generator of the adaptive TTL's bar. 5,000 keys with Zipf popularity, 600,000 requests
// at 50 a second, changes at rates log-uniform from one a day to one in ten seconds. A miss costs ρ, a stale read 1;
// figures are relative to a clairvoyant cache, which pays for each version of a key the cheaper of one miss and all its
// reads. Deterministic: the same seeds give the same table on every machine.
import { bestTtl, nothingKnown, observe } from "../dist/domains/cache/ttl.js";

const keys = 5_000;
const requests = 600_000;
const perSecond = 50;
const horizon = requests / perSecond;
const limits = { least: 1, most: 86_400 };
const fixedTtls = [
  1, 2, 3, 5, 10, 20, 30, 60, 120, 200, 300, 450, 600, 900, 1_200, 1_800, 3_600, 7_200, 86_400,
];

export const scenarios = [
  { name: "α 0.8", alpha: 0.8 },
  { name: "α 1", alpha: 1 },
  { name: "α 1.2", alpha: 1.2 },
  { name: "popularity flip", alpha: 1, flip: true },
  { name: "bursts", alpha: 1, bursts: true },
  { name: "regular updates", alpha: 1, regular: true },
];

/** mulberry32 */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Requests in order, and for each key the moments at which its value changes. */
export function generate({ alpha, flip = false, bursts = false, regular = false }, seed) {
  const random = randomOf(seed);
  const weights = Float64Array.from({ length: keys }, (_, rank) => (rank + 1) ** -alpha);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const upTo = weights.map((weight) => (sum += weight / total));
  const ranked = () => {
    const wanted = random();
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const rates = Float64Array.from({ length: keys }, () => {
    const [slow, fast] = [Math.log(1 / 86_400), Math.log(1 / 10)];
    return Math.exp(slow + random() * (fast - slow));
  });
  const changes = Array.from(rates, (rate) => {
    const moments = [];
    const step = () => (regular ? 1 / rate : -Math.log(1 - random()) / rate);
    for (let at = regular ? random() / rate : step(); at < horizon; at += step()) moments.push(at);
    return moments;
  });
  const at = new Float64Array(requests);
  const key = new Uint16Array(requests);
  let now = 0;
  let hot = 0;
  for (let n = 0; n < requests; n++) {
    now += -Math.log(1 - random()) / perSecond;
    at[n] = now;
    const rank = ranked();
    // Each ten minutes one key, whichever it is, takes half of all requests for a minute.
    if (bursts && now % 600 < 60) {
      if (hot < 0) hot = Math.floor(random() * keys);
      key[n] = random() < 0.5 ? hot : rank;
    } else {
      hot = -1;
      key[n] = flip && n >= requests / 2 ? keys - 1 - rank : rank;
    }
  }
  return { at, key, rates, changes, popularity: weights.map((weight) => (weight / total) * perSecond), flip };
}

/** Versions of a key that exist at each request: how often its value has changed until then. */
function versionsOf({ at, key, changes }) {
  const next = new Uint32Array(keys);
  return Uint32Array.from(at, (now, n) => {
    const own = changes[key[n]];
    while (next[key[n]] < own.length && own[next[key[n]]] <= now) next[key[n]]++;
    return next[key[n]];
  });
}

/** The cost of a policy: `ttl(key, now, seen)` says how long what is loaded now lives, in seconds. */
function costOf({ world: { at, key }, versions, costRatio }, ttl) {
  const loaded = new Float64Array(keys);
  const expires = new Float64Array(keys).fill(-1);
  const version = new Uint32Array(keys);
  const reads = new Uint32Array(keys);
  let cost = 0;
  for (let n = 0; n < at.length; n++) {
    const k = key[n];
    const now = at[n];
    reads[k]++;
    if (now < expires[k]) {
      if (version[k] !== versions[n]) cost++;
      continue;
    }
    cost += costRatio;
    const first = expires[k] < 0;
    const seen = first
      ? null
      : { reads: reads[k], age: now - loaded[k], changed: version[k] !== versions[n] };
    expires[k] = now + ttl(k, now, seen);
    loaded[k] = now;
    version[k] = versions[n];
    reads[k] = 0;
  }
  return cost;
}

function clairvoyant({ key }, versions, costRatio) {
  const current = new Uint32Array(keys);
  const reads = new Float64Array(keys);
  let cost = 0;
  for (let n = 0; n < key.length; n++) {
    const k = key[n];
    if (current[k] !== versions[n]) {
      cost += Math.min(costRatio, reads[k]);
      current[k] = versions[n];
      reads[k] = 0;
    }
    reads[k]++;
  }
  return reads.reduce((sum, count) => sum + Math.min(costRatio, count), cost);
}

/** What the cache does: the same functions, an estimate for each key, one pattern for all. */
function adaptive(costRatio) {
  const known = new Map();
  let pattern = { changes: 0, exposure: 0 };
  return (key, _now, seen) => {
    const before = known.get(key) ?? nothingKnown;
    const after = seen === null ? before : observe(before, seen);
    known.set(key, after);
    pattern = {
      changes: pattern.changes + after.changes - before.changes,
      exposure: pattern.exposure + after.exposure - before.exposure,
    };
    return bestTtl(after, pattern, { ...limits, costRatio });
  };
}

/** The least of the exact cost for true rates: golden section over log T. */
function exactTtl(reads, changes, costRatio) {
  const cost = (ttl) =>
    (costRatio + reads * (ttl - (1 - Math.exp(-changes * ttl)) / changes)) / (ttl + 1 / reads);
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.01), Math.log(limits.most)];
  for (let turn = 0; turn < 40; turn++) {
    const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (cost(Math.exp(left)) < cost(Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

function oracle({ rates, popularity, flip }, costRatio) {
  const made = new Map();
  return (key, now) => {
    const flipped = flip && now >= horizon / 2;
    const name = flipped ? key + keys : key;
    const ttl = made.get(name) ?? exactTtl(popularity[flipped ? keys - 1 - key : key], rates[key], costRatio);
    made.set(name, ttl);
    return ttl;
  };
}

/** One scenario: each policy's cost over the clairvoyant's, over all seeds together. */
export function evaluate(scenario, costRatio, seeds) {
  const cost = { best: 0, adaptive: 0, oracle: 0, clairvoyant: 0, hour: 0 };
  const fixed = new Float64Array(fixedTtls.length);
  for (const seed of seeds) {
    const world = generate(scenario, seed);
    const versions = versionsOf(world);
    const run = { world, versions, costRatio };
    for (const [n, ttl] of fixedTtls.entries()) fixed[n] += costOf(run, () => ttl);
    cost.adaptive += costOf(run, adaptive(costRatio));
    cost.oracle += costOf(run, oracle(world, costRatio));
    cost.clairvoyant += clairvoyant(world, versions, costRatio);
  }
  cost.best = Math.min(...fixed);
  cost.hour = fixed[fixedTtls.indexOf(3_600)];
  const relative = (value) => value / cost.clairvoyant;
  return {
    scenario: scenario.name,
    costRatio,
    bestTtl: fixedTtls[fixed.indexOf(cost.best)],
    best: relative(cost.best),
    hour: relative(cost.hour),
    adaptive: relative(cost.adaptive),
    oracle: relative(cost.oracle),
    overBest: cost.adaptive / cost.best,
    overOracle: cost.adaptive / cost.oracle,
  };
}
