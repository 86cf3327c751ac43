import type { Engine } from "../../engine/engine.ts";
import { errorCode, LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import type { Schema } from "../../model/schema.ts";

export interface LatePrimary {
  /** Whether replicas have what the schema says: then a store can be opened without its primary. */
  readonly isReadable: (schema: Schema) => Promise<boolean>;
  /** So long the primary is waited for. */
  readonly patience: Millis;
  readonly after: (wait: Millis, run: () => void) => () => void;
  readonly lost: (error: unknown) => void;
}

/**
 * A primary that may be away when the store is opened. What was to be prepared is prepared before the next change, as soon
 * as it is back; reads come from its replicas meanwhile.
 */
export function createLatePrimary(primary: Engine, parts: LatePrimary): Engine {
  /** What is still to be prepared. */
  const owed = new Set<Schema>();
  const under = new Map<Schema, Promise<void>>();
  /** One at a time for a schema. */
  const begin = (schema: Schema): Promise<void> => {
    const running = under.get(schema);
    if (running !== undefined) return running;
    const begun = primary
      .prepare(schema)
      .then(() => void owed.delete(schema))
      .finally(() => under.delete(schema));
    under.set(schema, begun);
    return begun;
  };
  const prepare = async (schema: Schema): Promise<void> => {
    const work = begin(schema);
    let isDone = false;
    // Also where it fails when nobody waits for it any more.
    work.then(() => (isDone = true)).catch(() => undefined);
    const failure = await tooLate(work, parts);
    if (failure === undefined) return;
    parts.lost(failure);
    if (!(await parts.isReadable(schema))) return work;
    if (!isDone) owed.add(schema);
  };
  const ready = async (): Promise<void> => {
    for (const schema of owed) {
      try {
        await begin(schema);
      } catch (error) {
        throw errorCode(error) === "unreachable" ? away(primary, error) : error;
      }
    }
  };
  const changing = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await ready();
    return work();
  };
  const { feed } = primary;
  return {
    ...primary,
    prepare,
    write: (changes) => changing(() => primary.write(changes)),
    take: (from, query, patch) => changing(() => primary.take(from, query, patch)),
    exchange: (changes, taking) => changing(() => primary.exchange(changes, taking)),
    ...(feed && {
      feed: {
        ...feed,
        start: (tables) => changing(() => feed.start(tables)),
        apply: (changes, finds) => changing(() => feed.apply(changes, finds)),
      },
    }),
  };
}

/** Why the primary counts as away; undefined where it did its work in time. Its other errors are thrown. */
async function tooLate(work: Promise<void>, { patience, after }: LatePrimary): Promise<unknown> {
  let callOff = (): void => undefined;
  const late = new Promise<LociError>((resolve) => {
    callOff = after(patience, () => resolve(new LociError("unreachable", "It did not answer in time.")));
  });
  try {
    return await Promise.race([work.then(() => undefined), late]);
  } catch (error) {
    if (errorCode(error) !== "unreachable") throw error;
    return error;
  } finally {
    callOff();
  }
}

function away({ place }: Engine, cause: unknown): LociError {
  return new LociError(
    "unreachable",
    `${place} is the primary and cannot be reached: it takes all changes. Reads come from its replicas.`,
    { where: place, next: "Try again when it is back; what is recorded waits in the spool", cause },
  );
}
