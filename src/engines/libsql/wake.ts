import { closeSync, type FSWatcher, openSync, utimesSync, watch } from "node:fs";
import { createEmitter } from "../../engine/emitter.ts";
import type { Wake } from "../../engine/engine.ts";

export interface OwnedWake extends Wake {
  readonly close: () => Promise<void>;
}

/**
 * Processes that wait watch an empty file beside the store, `X.db-wake`; who has something for them touches it. Not the
 * store's own log: its event comes before the commit can be seen, and comes for every write of anybody. The file is made
 * by the first who waits; until then a touch is one failed call.
 */
export function createFileWake(path: string): OwnedWake {
  const file = `${path}-wake`;
  const emitter = createEmitter();
  let watcher: FSWatcher | undefined;
  let closed = false;

  const stop = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  const start = (): void => {
    if (watcher || closed || emitter.count() === 0) return;
    try {
      closeSync(openSync(file, "a", 0o600));
      // An engine at rest keeps no process alive.
      watcher = watch(file, { persistent: false }, (event) => {
        // Somebody removed the file: others will make a new one, which this watch would not see.
        if (event === "rename") stop();
        emitter.emitAll();
        start();
      });
      watcher.on("error", stop);
    } catch {
      // No room for a file, no right to make one, no watches left: who waits looks by itself.
      stop();
    }
  };
  return {
    works: () => watcher !== undefined,
    tell(about) {
      emitter.emit(about);
      const now = Date.now() / 1_000;
      try {
        utimesSync(file, now, now);
      } catch {
        // Nobody has ever waited here.
      }
    },
    listen(about, listener) {
      const end = emitter.listen(about, listener);
      start();
      return () => {
        end();
        if (emitter.count() === 0) stop();
      };
    },
    async close() {
      closed = true;
      stop();
    },
  };
}
