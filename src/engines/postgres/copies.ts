import { type Copies, insert, remove, update } from "../../engine/engine.ts";
import { countPortable, readPortable, writePortable } from "../../engine/portable.ts";
import { newId } from "../../model/id.ts";
import { storeCollections } from "../../model/schema.ts";
import { pendingSearch, storeMark } from "../../model/search.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { quoted } from "../sql/writer.ts";
import type { PostgresClient } from "./client.ts";
import { postgresDialect } from "./dialect.ts";

/** Of one moment, whoever writes: one transaction sees all of it. Tables of the user's own are not in it. */
export function createPostgresCopies(client: PostgresClient): Copies {
  const tables = storeCollections.map(({ name }) => quoted(name)).join(", ");
  return {
    extension: "jsonl.gz",
    make: (path) =>
      client.transaction("begin isolation level repeatable read read only", async (moment) => {
        await writePortable(createSqlEngine(moment, postgresDialect), storeCollections, path);
      }),

    check: (path) => countPortable(path, storeCollections),

    restore: (path, aside) =>
      // Nobody writes from here on, and reading goes on until the rows are exchanged.
      client.transaction(`begin; lock table ${tables} in exclusive mode`, async (held) => {
        const engine = createSqlEngine(held, postgresDialect);
        await writePortable(engine, storeCollections, aside);
        for (const collection of storeCollections) await engine.write([remove(collection as never, {})]);
        for await (const { of, rows } of readPortable(path, storeCollections)) {
          await engine.write([insert(of as never, rows as never)]);
        }
        // The search index is another store's by now, and is made anew.
        await engine.write([update(pendingSearch, { id: storeMark }, { sessionId: newId() })]);
      }),
  };
}
