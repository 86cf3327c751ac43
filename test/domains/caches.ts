import { type Cache, type CacheOptions, createCache } from "../../dist/domains/cache/cache.js";
import type { Backend } from "./backends.ts";

/** A process of its own: its own memory, the same store, and the clock of the test. */
export function cachesOf({ engine, now }: Pick<Backend, "engine" | "now">) {
  return (options: Partial<CacheOptions> = {}, random: () => number = () => 0.5): Cache =>
    createCache(engine(), { now, wall: now, elapsed: now, random, options });
}

/** A loader that counts, and answers one value after the other, the last one for ever. */
export function loaderOf<Value>(...values: readonly Value[]): {
  readonly calls: { count: number };
  readonly load: () => Promise<Value>;
} {
  const calls = { count: 0 };
  const load = async (): Promise<Value> => values[Math.min(calls.count++, values.length - 1)] as Value;
  return { calls, load };
}
