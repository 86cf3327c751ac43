import type { Engine } from "../../engine/engine.ts";

/** Several servers with the same data. */
export interface Reading {
  /** From the one that is chosen for it; `work` may run at several. */
  readonly read: <Result>(work: (engine: Engine) => Promise<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
}

/** Rows and rollups come from a replica; changes, claims, the clock and SQL are the primary's. */
export function createReplicatedEngine(primary: Engine, reading: Reading): Engine {
  let closed = false;
  // The primary says that it was closed.
  const read: Reading["read"] = (work) => (closed ? work(primary) : reading.read(work));
  const close = async (): Promise<void> => {
    closed = true;
    await reading.close();
    await primary.close();
  };
  return {
    ...primary,
    // The overloads of the contract are those of each engine it may be.
    find: ((from: never, query: never) => read((engine) => engine.find(from, query))) as Engine["find"],
    rollup: (from, spec) => read((engine) => engine.rollup(from, spec)),
    close,
    [Symbol.asyncDispose]: close,
  };
}
