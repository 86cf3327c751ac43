import { type Copies, insert, remove, update } from "../../engine/engine.ts";
import { countPortable, readPortable, writePortable } from "../../engine/portable.ts";
import { newId } from "../../model/id.ts";
import { storeCollections } from "../../model/schema.ts";
import { pendingSearch, storeMark } from "../../model/search.ts";
import type { Server } from "./server.ts";
import { inOneTransaction } from "./stream.ts";

/** Of one moment, whoever writes: one transaction sees all of it. Tables of the user's own are not in it. */
export function createRemoteCopies(server: Server): Copies {
  return {
    extension: "jsonl.gz",
    make: (path) =>
      inOneTransaction(server, "begin", async (moment) => {
        await writePortable(moment, storeCollections, path);
      }),
    check: (path) => countPortable(path, storeCollections),
    restore: (path, aside) =>
      // Nobody writes from here on, and reading goes on until it is committed. Where others wait to write for longer than
      // the server lets them, it ends the transaction, and all is as it was.
      inOneTransaction(server, "begin immediate", async (held) => {
        await writePortable(held, storeCollections, aside);
        for (const collection of storeCollections) await held.write([remove(collection as never, {})]);
        for await (const { of, rows } of readPortable(path, storeCollections)) {
          await held.write([insert(of as never, rows as never)]);
        }
        // The search index is another store's by now, and is made anew.
        await held.write([update(pendingSearch, { id: storeMark }, { sessionId: newId() })]);
      }),
  };
}
