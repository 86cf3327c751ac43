import { parentPort, workerData } from "node:worker_threads";
import Database from "libsql";
import { bindList, countPlaces } from "../libsql/binder.ts";
import { translated } from "../libsql/errors.ts";
import { serveThread } from "../file/serve.ts";
import type { Answer, Statement } from "../sql/client.ts";
import type { ReplicaCall } from "./replica.ts";

/**
 * The thread that has an embedded replica: reads are local, and `sync` brings what the primary has. All of it stands still
 * while a sync waits for a server that does not answer (libsql 0.5.29): who asks does not wait for it.
 */
if (parentPort) {
  await serveThread<ReplicaCall>(parentPort, async () => {
    // Given by the other side, replica.ts.
    const { path, url } = workerData as { readonly path: string; readonly url: string };
    let db: Database.Database | undefined;
    let opened: string | undefined;
    let cache = new Map<string, { readonly run: Database.Statement; readonly places: number }>();
    const close = (): void => {
      cache = new Map();
      db?.close();
      db = undefined;
    };
    const sync = (token: string): void => {
      if (opened !== token) close();
      // Opening asks the server, too: without it there is no opening.
      db ??= new Database(path, { syncUrl: url, authToken: token } as Database.Options);
      opened = token;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its types do not know of replicas
      (db as Database.Database & { sync(): unknown }).sync();
    };
    const read = ({ sql, sets }: Statement): Answer => {
      const began = performance.now();
      // Nothing was synced in this process: what an earlier one left is read as the file that it is.
      db ??= new Database(path);
      const known = cache.get(sql) ?? { run: db.prepare(sql), places: countPlaces(sql) };
      cache.set(sql, known);
      known.run.raw();
      const rows = sets.flatMap((set) => known.run.all(bindList(set, known.places)) as unknown[][]);
      return { changes: rows.length, rows, ms: performance.now() - began };
    };
    return async (call) => {
      try {
        if (call.kind === "read") return read(call.statement);
        if (call.kind === "sync") return sync(call.token);
        return close();
      } catch (error) {
        throw translated(path, error);
      }
    };
  });
}
