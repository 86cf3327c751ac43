import { openThread as openThreadOf } from "../file/calls.ts";
import type { FileClient } from "../file/session.ts";
import type { LibsqlOptions } from "./session.ts";

/** The file in a thread of its own. */
export function openThread(path: string, options: LibsqlOptions): Promise<FileClient> {
  return openThreadOf(new URL("./worker.js", import.meta.url), path, options);
}
