import type { Engine, Feed } from "../engine/engine.ts";
import { LociError } from "../errors.ts";

/**
 * - `busy`: nothing was done, another process holds the store
 * - `not sent`: nothing was done, the server was not reached
 * - `answer lost`: all was done, and nobody heard of it
 */
export type Fault = "busy" | "not sent" | "answer lost";

export interface FaultyCall {
  readonly verb: "prepare" | "write" | "take" | "exchange" | "find" | "rollup" | `feed.${keyof Feed}`;
  /** The number of this call of the engine, from 1. */
  readonly number: number;
}

export type FaultPlan = (call: FaultyCall) => Fault | undefined;

/** The same engine, with the faults that a plan names. The caller still owns and closes the engine inside. */
export function flaky(engine: Engine, plan: FaultPlan): Engine {
  let number = 0;
  const meet = async <Result>(verb: FaultyCall["verb"], work: () => Promise<Result>): Promise<Result> => {
    number++;
    const fault = plan({ verb, number });
    const where = engine.place;
    if (fault === "busy")
      throw new LociError("busy", `${where} is held by another process (injected).`, { where });
    if (fault === "not sent")
      throw new LociError("unreachable", `${where} was not reached (injected).`, { where });
    const result = await work();
    if (fault === undefined) return result;
    throw new LociError("unreachable", `${where} did not answer (injected).`, { where });
  };
  const { feed } = engine;
  const met: Feed | undefined = feed && {
    start: (tables) => meet("feed.start", () => feed.start(tables)),
    read: (query) => meet("feed.read", () => feed.read(query)),
    apply: (changes, finds) => meet("feed.apply", () => feed.apply(changes, finds)),
  };
  return {
    ...engine,
    ...(met && { feed: met }),
    prepare: (schema) => meet("prepare", () => engine.prepare(schema)),
    write: (changes) => meet("write", () => engine.write(changes)),
    take: (from, query, patch) => meet("take", () => engine.take(from, query, patch)),
    exchange: (changes, taking) => meet("exchange", () => engine.exchange(changes, taking)),
    // `find` is overloaded; what goes in and comes out is passed on as it is.
    find: ((from: never, query: never) => meet("find", () => engine.find(from, query))) as Engine["find"],
    rollup: (from, spec) => meet("rollup", () => engine.rollup(from, spec)),
  };
}
