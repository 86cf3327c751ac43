import type { Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { After } from "../report.ts";
import type { SyncEngine } from "./land.ts";

/** A hub that takes a call and never answers it is one that cannot be reached. What comes after that is not waited for. */
export function withDeadline(engine: SyncEngine, wait: Millis, after: After): SyncEngine {
  const meet = <Result>(call: Promise<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      const cancel = after(wait, () => reject(tooLate(engine.place, wait)));
      call.then(
        (result) => {
          cancel();
          resolve(result);
        },
        (error: unknown) => {
          cancel();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  const { feed } = engine;
  return {
    ...engine,
    feed: {
      start: (tables) => meet(feed.start(tables)),
      read: (query) => meet(feed.read(query)),
      apply: (changes, finds) => meet(feed.apply(changes, finds)),
    },
    prepare: (schema) => meet(engine.prepare(schema)),
    write: (changes) => meet(engine.write(changes)),
    take: (from, query, patch) => meet(engine.take(from, query, patch)),
    exchange: (changes, taking) => meet(engine.exchange(changes, taking)),
    // `find` is overloaded; what goes in and comes out is passed on as it is.
    find: ((from: never, query: never) => meet(engine.find(from, query))) as Engine["find"],
    rollup: (from, spec) => meet(engine.rollup(from, spec)),
  };
}

function tooLate(where: string, wait: Millis): LociError {
  return new LociError("unreachable", `${where} did not answer within ${Math.round(wait / 1_000)} s.`, {
    where,
    next: "loci sync status",
  });
}
