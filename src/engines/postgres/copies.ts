import { type Copies, insert, remove, update } from "../../engine/engine.ts";
import { readPortable, writePortable } from "../../engine/portable.ts";
import { newId } from "../../model/id.ts";
import type { AnyCollection } from "../../model/collection.ts";
import { storeCollections, syncCollections } from "../../model/schema.ts";
import { pendingSearch, storeMark } from "../../model/search.ts";
import { newStoreId, syncSelf } from "../../model/sync.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { quoted } from "../sql/writer.ts";
import type { PostgresClient } from "./client.ts";
import { postgresDialect } from "./dialect.ts";
import { postgresFeed } from "./feed.ts";

const known = [...storeCollections, ...syncCollections];

/** Of one moment, whoever writes: one transaction sees all of it. Tables of the user's own are not in it. */
export function createPostgresCopies(client: PostgresClient): Copies {
  /** Sync's come first: who writes them locks them first. */
  const collections = async (): Promise<readonly AnyCollection[]> => {
    const { rows } = await client.read(postgresDialect.hasTable(syncSelf.name));
    return rows.length > 0 ? [...syncCollections, ...storeCollections] : storeCollections;
  };
  return {
    extension: "jsonl.gz",
    make: async (path) => {
      const all = await collections();
      await client.transaction("begin isolation level repeatable read read only", async (moment) => {
        await writePortable(createSqlEngine(moment, postgresDialect), all, path);
      });
    },

    async check(path) {
      const counts: Record<string, number> = {};
      for await (const { of, rows } of readPortable(path, known)) {
        counts[of.name] = (counts[of.name] ?? 0) + rows.length;
      }
      return counts;
    },

    async restore(path, aside) {
      const all = await collections();
      const tables = all.map(({ name }) => quoted(name)).join(", ");
      // Nobody writes from here on, and reading goes on until the rows are exchanged.
      await client.transaction(`begin; lock table ${tables} in exclusive mode`, async (held) => {
        const engine = createSqlEngine(held, postgresDialect);
        await writePortable(engine, all, aside);
        // The versions come from the copy, too.
        await held.write(postgresFeed.quiet, { again: false });
        for (const collection of all) await engine.write([remove(collection as never, {})]);
        for await (const { of, rows } of readPortable(path, known)) {
          if (all.includes(of)) await engine.write([insert(of as never, rows as never)]);
        }
        // What it told after the copy was made is no more: for others it is another store by now.
        if (all.includes(syncSelf))
          await engine.write([update(syncSelf, { id: "self" }, { store: newStoreId() })]);
        // The search index is another store's by now, and is made anew.
        await engine.write([update(pendingSearch, { id: storeMark }, { sessionId: newId() })]);
      });
    },
  };
}
