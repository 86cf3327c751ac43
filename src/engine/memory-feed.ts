import { LociError } from "../errors.ts";
import type { AnyCollection, Millis } from "../model/collection.ts";
import { type RowVersion, syncSelf, syncVersions } from "../model/sync.ts";
import type { Engine, Feed } from "./engine.ts";
import { type Applied, type Finding, pageSize } from "./feed.ts";
import { planChange } from "./change.ts";
import { createMemoryNotes, type MemoryNotes } from "./memory-notes.ts";
import type { MemoryTable } from "./memory-table.ts";
import { syncSchema } from "../model/schema.ts";

type Row = Applied["found"][number][number];

export interface MemoryFeedOptions {
  readonly engine: () => Pick<Engine, "find" | "prepare" | "write">;
  /** The bare table. */
  readonly tableOf: (collection: AnyCollection) => MemoryTable;
  readonly now: () => Millis;
  readonly makeStoreId: () => string;
}

/** The memory engine's feed, and its watch over the tables. */
export function createMemoryFeed({ engine, tableOf, now, makeStoreId }: MemoryFeedOptions): {
  readonly feed: Feed;
  readonly watched: MemoryNotes["watched"];
} {
  const notes = createMemoryNotes({ tableOf, now });
  let store: string | undefined;

  const feed: Feed = {
    async start(tables) {
      await engine().prepare(syncSchema);
      store ??= makeStoreId();
      const self = { id: "self", store, noted: null };
      await engine().write([{ kind: "insert", into: syncSelf, rows: [self] }]);
      notes.begin(store, tables);
      return store;
    },

    async read({ after, notVia, collections, ...asked }) {
      const limit = pageSize(asked);
      if (store === undefined) throw notStarted();
      const [of, seq] = (after ?? `${store}:0`).split(":");
      const last = notes.last();
      const anew = of !== store || Number(seq) > last;
      const where = {
        seq: { above: anew ? 0 : Number(seq) },
        ...(collections && { collection: { anyOf: collections } }),
      };
      const all = await engine().find(syncVersions, { where, orderBy: [["seq", "up"]] });
      const found = all.filter(({ via }) => notVia === undefined || via !== notVia);
      const versions: RowVersion[] = found.slice(0, limit);
      const cursor = `${store}:${found.length > limit ? versions.at(-1)?.seq : last}`;
      return { versions, cursor, store, anew };
    },

    async apply(changes, finds) {
      // Nothing comes between: what these begin they do at once.
      const writing = notes.quietly(() => engine().write(changes));
      const finding = finds.map((one) => findKeys(engine(), one));
      const [counts, ...found] = await Promise.all([writing, ...finding]);
      const stands = changes.every((change, i) => (counts[i] ?? 0) >= planChange(change).least);
      return { counts, found: stands ? found : finds.map(() => []) };
    },
  };
  return { feed, watched: notes.watched };
}

function findKeys(engine: Pick<Engine, "find">, { from, keys }: Finding): Promise<Row[]> {
  const where = { [from.key]: { anyOf: keys } };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: any collection's rows
  return engine.find(from as never, { where } as never) as Promise<Row[]>;
}

function notStarted(): LociError {
  return new LociError("schema", "memory notes no changes: sync was not switched on in it.", {
    next: "Call feed.start first.",
  });
}
