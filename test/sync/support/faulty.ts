import { LociError } from "../../../dist/index.js";
import type { SyncEngine } from "../../../dist/sync/link/land.js";
import type { Random } from "./random.ts";

/** How a way to a store behaves: shares of calls. */
export interface Weather {
  /** The request never arrives. */
  lost: number;
  /** All is done, and nobody hears of it. */
  answerLost: number;
  /** It arrives once more, later. */
  replayed: number;
  /** The caller hears that it failed, and it arrives later all the same. */
  late: number;
  /** The caller's process ends: before the call, or after it was done. */
  crash: number;
}

export const calm: Weather = { lost: 0, answerLost: 0, replayed: 0, late: 0, crash: 0 };

/** The process is no more. */
export class Crash extends Error {}

export interface Way {
  weather: Weather;
  /** Requests that are still on their way. */
  readonly underWay: Array<() => Promise<unknown>>;
  faults: number;
  calls: number;
}

/** The same store, behind a way that loses, repeats and delays: at each call the dice are thrown. */
export function faulty(engine: SyncEngine, way: Way, random: Random): SyncEngine {
  const unreachable = (): LociError =>
    new LociError("unreachable", `${engine.place} did not answer (injected).`, { where: engine.place });
  const meet = async <Result>(work: () => Promise<Result>, writes: boolean): Promise<Result> => {
    way.calls++;
    const { lost, answerLost, replayed, late, crash } = way.weather;
    const dice = random();
    const happens = [lost, answerLost, replayed, late, crash, crash].map((_, place, all) =>
      all.slice(0, place + 1).reduce((sum, share) => sum + share, 0),
    );
    const fault = happens.findIndex((share) => dice < share);
    if (fault >= 0) way.faults++;
    if (fault === 0) throw unreachable();
    if (fault === 3 && writes) {
      way.underWay.push(work);
      throw unreachable();
    }
    if (fault === 4) throw new Crash("before");
    const result = await work();
    if (fault === 1 || fault === 3) throw unreachable();
    if (fault === 2 && writes) way.underWay.push(work);
    if (fault === 5) throw new Crash("after");
    return result;
  };
  const { feed } = engine;
  return {
    ...engine,
    feed: {
      start: (tables) => meet(() => feed.start(tables), false),
      read: (query) => meet(() => feed.read(query), false),
      apply: (changes, finds) => meet(() => feed.apply(changes, finds), changes.length > 0),
    },
    prepare: (schema) => meet(() => engine.prepare(schema), false),
    write: (changes) => meet(() => engine.write(changes), true),
    take: (from, query, patch) => meet(() => engine.take(from, query, patch), false),
    find: ((from: never, query: never) => meet(() => engine.find(from, query), false)) as SyncEngine["find"],
    rollup: (from, spec) => meet(() => engine.rollup(from, spec), false),
    close: async () => undefined,
  };
}

/** Lets some of what is on its way arrive, in any order. What it was about may be long over. */
export async function deliver(way: Way, random: Random, share: number): Promise<void> {
  for (const work of way.underWay.splice(0)) {
    if (random.chance(share)) await work().catch(() => undefined);
    else way.underWay.push(work);
  }
}
