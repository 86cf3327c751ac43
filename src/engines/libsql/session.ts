import type { FileEngine } from "../file/mark.ts";
import { type FileClient, openFileSession, type SessionOptions } from "../file/session.ts";
import { openConnection } from "./connection.ts";
import { isBusy, translated } from "./errors.ts";

export interface LibsqlOptions extends SessionOptions {
  /** Bytes of a page of a new file. Default 4,096, as SQLite's own. */
  readonly pageSize?: number | undefined;
  /** Whose file it is. Default: libSQL's own. */
  readonly engine?: FileEngine;
}

/** The file in this thread. */
export function openSession(path: string, options: LibsqlOptions = {}): Promise<FileClient> {
  const { readonly = false, pageSize, engine } = options;
  const driver = {
    open: () => openConnection(path, { readonly, pageSize, engine }),
    isBusy,
    translated: (error: unknown) => translated(path, error),
  };
  return openFileSession(path, driver, options);
}
