import type { Copies } from "../../engine/engine.ts";
import { countPortable } from "../../engine/portable.ts";
import { collectionsIn, copiedCollections, copyIn, copyOut } from "../sql/portable-copies.ts";
import { quoted } from "../sql/writer.ts";
import type { PostgresClient } from "./client.ts";
import { postgresDialect } from "./dialect.ts";

/** Of one moment, whoever writes: one transaction sees all of it. Tables of the user's own are not in it. */
export function createPostgresCopies(client: PostgresClient): Copies {
  return {
    extension: "jsonl.gz",
    make: (path) =>
      client.transaction("begin isolation level repeatable read read only", (moment) =>
        copyOut(moment, postgresDialect, path),
      ),
    check: (path) => countPortable(path, copiedCollections),
    async restore(path, aside) {
      const there = await collectionsIn(client, postgresDialect);
      const tables = there.map(({ name }) => quoted(name)).join(", ");
      // Nobody writes from here on, and reading goes on until the rows are exchanged.
      await client.transaction(`begin; lock table ${tables} in exclusive mode`, (held) =>
        copyIn(held, postgresDialect, { path, aside }),
      );
    },
  };
}
