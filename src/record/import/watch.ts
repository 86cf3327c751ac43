import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";

/** Tells of changes in folders, as far as the system does: whoever must miss nothing looks for himself now and then. */
export interface FolderWatch {
  /**
   * Watches a folder too, without what is below it; twice is fine. Answers false where that cannot be: it is not
   * there, or the system watches no more of them. Then looking is all there is.
   */
  add(folder: string): boolean;
  has(folder: string): boolean;
  close(): void;
}

/** `changed` is told the path of what changed; of the folder, where the system does not say which of its files. */
export function watchFolders(changed: (path: string) => void): FolderWatch {
  const watchers = new Map<string, FSWatcher>();

  function forget(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  return {
    add(folder) {
      if (watchers.has(folder)) return true;
      try {
        const watcher = watch(folder, { persistent: false }, (_, name) =>
          changed(name === null ? folder : join(folder, name)),
        );
        watcher.on("error", () => forget(folder));
        watchers.set(folder, watcher);
        return true;
      } catch {
        return false;
      }
    },
    has: (folder) => watchers.has(folder),
    close() {
      for (const folder of [...watchers.keys()]) forget(folder);
    },
  };
}
