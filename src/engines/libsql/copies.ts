import { Worker } from "node:worker_threads";
import type { Copies } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { storeCollections, syncCollections } from "../../model/schema.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { createSqliteDialect } from "../sql/sqlite.ts";
import { openThread } from "./thread.ts";

/** Copies are files of the same kind (`VACUUM INTO`), with the user's own tables. */
export function createLibsqlCopies(place: string, backup: (path: string) => Promise<void>): Copies {
  return {
    extension: "db",
    make: backup,

    async check(path) {
      const client = await openThread(path, { readonly: true });
      try {
        const wrong = await client.check();
        if (wrong.length > 0)
          throw new LociError("corrupt", `${path} is damaged: ${wrong[0]}.`, { where: path });
        const engine = createSqlEngine(client, createSqliteDialect("libsql"));
        const counts: Record<string, number> = {};
        for (const collection of [...storeCollections, ...syncCollections]) {
          const count = await engine
            .rollup(collection as never, { by: [], measures: { count: "count" } })
            .catch((error: unknown) => noneWhereMissing(error));
          counts[collection.name] = Number(count[0]?.count ?? 0);
        }
        return counts;
      } finally {
        await client.close();
      }
    },

    restore: (path, aside) => restore(place, { path, copyAside: () => backup(aside) }),
  };
}

/** A copy of an older version has not all tables. */
function noneWhereMissing(error: unknown): Array<{ readonly count: number | null }> {
  if (error instanceof LociError && error.code === "schema") return [];
  throw error;
}

export type RestoreWord = "locked" | "done" | { readonly failed: string };

/**
 * In a thread with a connection of its own: it takes the write lock, then the copy of what is there is made through the
 * other connection, which may read, then everything is exchanged and committed.
 */
async function restore(
  place: string,
  { path, copyAside }: { readonly path: string; readonly copyAside: () => Promise<void> },
): Promise<void> {
  const thread = new Worker(new URL("./restore-thread.js", import.meta.url), {
    workerData: { place, path },
    execArgv: [],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      thread.on("error", reject);
      thread.on("exit", () =>
        reject(new LociError("closed", "The restoring thread ended before it was done.")),
      );
      thread.on("message", (word: RestoreWord) => {
        if (word === "done") resolve();
        else if (word === "locked") copyAside().then(() => thread.postMessage("go"), reject);
        else reject(new LociError("busy", `${place} was not restored: ${word.failed}.`, { where: place }));
      });
    });
  } finally {
    await thread.terminate();
  }
}
