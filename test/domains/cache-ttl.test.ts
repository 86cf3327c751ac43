import { expect, test } from "vitest";
import { evaluate, scenarios } from "../../bench/cache-ttl.mjs";
import {
  bestTtl,
  changeRate,
  isEarly,
  nothingKnown,
  observe,
  readRate,
} from "../../dist/domains/cache/ttl.js";

const free = { costRatio: 1, least: 0.001, most: 1e9 };
const nobody = { changes: 0, exposure: 0 };

test("the time to live is near the least of the exact cost, where it is short beside the time between changes", () => {
  for (const [reads, exposure] of [
    [1, 86_400],
    [0.1, 86_400],
    [10, 3_600],
  ] as const) {
    const known = { reads: reads * 1e6, readTime: 1e6 - 60, changes: 1, exposure };
    const [rate, change] = [readRate(known), changeRate(known, nobody)];
    const cost = (ttl: number): number =>
      (1 + rate * (ttl - (1 - Math.exp(-change * ttl)) / change)) / (ttl + 1 / rate);
    const best = bestTtl(known, nobody, free);
    const least = Math.min(...Array.from({ length: 2_000 }, (_, n) => cost(0.01 * 1.01 ** n)));
    expect(cost(best)).toBeLessThan(1.02 * least);
  }
});

test("it grows with what a miss costs, shrinks with changes, and stays within its bounds", () => {
  const known = { reads: 100, readTime: 1_000, changes: 5, exposure: 1_000 };
  const ttl = bestTtl(known, nobody, free);
  expect(bestTtl(known, nobody, { ...free, costRatio: 10 })).toBeGreaterThan(2 * ttl);
  expect(bestTtl({ ...known, changes: 50 }, nobody, free)).toBeLessThan(ttl / 2);
  expect(bestTtl(known, nobody, { ...free, most: 2 })).toBe(2);
  expect(bestTtl(known, nobody, { ...free, least: 1_000 })).toBe(1_000);
});

test("reads of an hour ago count half, and a change counts half the time it may have taken", () => {
  const once = observe(
    { reads: 64, readTime: 3_600, changes: 0, exposure: 0 },
    { reads: 0, age: 3_600, changed: false },
  );
  expect(once.reads).toBe(32);
  expect(once.exposure).toBe(3_600);
  const changed = observe(nothingKnown, { reads: 1, age: 100, changed: true });
  expect([changed.changes, changed.exposure]).toEqual([1, 50]);
  const unknown = observe(nothingKnown, { reads: 1, age: 100, changed: null });
  expect([unknown.changes, unknown.exposure]).toEqual([0, 0]);
});

test("a key of which nothing is known is taken for one of its pattern", () => {
  const slow = changeRate(nothingKnown, { changes: 1, exposure: 86_400 });
  const fast = changeRate(nothingKnown, { changes: 100, exposure: 1_000 });
  expect(fast / slow).toBeGreaterThan(1_000);
  // Its own changes outweigh the pattern soon.
  const own = changeRate({ ...nothingKnown, changes: 10, exposure: 100 }, { changes: 1, exposure: 86_400 });
  expect(own).toBeGreaterThan(slow * 5);
});

test("the chance to be early is that of an exponential of the load's time", () => {
  const draws = Array.from({ length: 10_000 }, (_, n) => (n + 0.5) / 10_000);
  const share = (left: number): number =>
    draws.filter((random) => isEarly({ left, loadMs: 100, beta: 1 }, random)).length / draws.length;
  expect(share(100)).toBeCloseTo(Math.exp(-1), 3);
  expect(share(300)).toBeCloseTo(Math.exp(-3), 3);
  expect(isEarly({ left: 1, loadMs: 100, beta: 0 }, 0.001)).toBe(false);
});

test.each([
  [0.1, "α 1.2"],
  [1, "α 0.8"],
  [1, "popularity flip"],
])("with ρ = %s and %s it costs at most 0.8 of the best fixed one, and 1.2 of known rates", (ratio, name) => {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`There is no scenario ${name}.`);
  const { best, adaptive, overBest, overOracle } = evaluate(scenario, ratio, [1]);
  expect(best).toBeGreaterThan(1);
  expect(adaptive).toBeGreaterThan(1);
  expect(overBest).toBeLessThan(0.8);
  expect(overOracle).toBeLessThan(1.2);
});
