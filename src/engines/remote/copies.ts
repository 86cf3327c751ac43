import type { Copies } from "../../engine/engine.ts";
import { countPortable } from "../../engine/portable.ts";
import { copiedCollections, copyIn, copyOut } from "../sql/portable-copies.ts";
import { remoteDialect } from "./dialect.ts";
import type { Server } from "./server.ts";
import { inOneTransaction } from "./stream.ts";

/** Of one moment, whoever writes: one transaction sees all of it. Tables of the user's own are not in it. */
export function createRemoteCopies(server: Server): Copies {
  return {
    extension: "jsonl.gz",
    make: (path) => inOneTransaction(server, "begin", (_, moment) => copyOut(moment, remoteDialect, path)),
    check: (path) => countPortable(path, copiedCollections),
    restore: (path, aside) =>
      // Nobody writes from here on, and reading goes on until it is committed. Where others wait to write for longer than
      // the server lets them, it ends the transaction, and all is as it was.
      inOneTransaction(server, "begin immediate", (_, held) => copyIn(held, remoteDialect, { path, aside })),
  };
}
