import { resolve } from "node:path";
import type { Engine, SqlDoor } from "../../engine/engine.ts";
import type { Meter } from "../../engine/meter.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { createSqliteDialect } from "../sql/sqlite.ts";
import type { FileClient } from "../file/session.ts";
import { createLibsqlCopies } from "./copies.ts";
import { createLibsqlSqlDoor } from "./sql-door.ts";
import type { LibsqlOptions } from "./session.ts";
import { openThread } from "./thread.ts";
import { createFileWake } from "./wake.ts";

export { setAside } from "./files.ts";

export interface OpenLibsqlOptions extends LibsqlOptions {
  /** For a thread that is ours already: the file is opened in it, and every call blocks it. Default: a new thread. */
  readonly inThread?: boolean;
  /** Default: {@link createLibsqlSqlDoor}, whose process starts with the first query. */
  readonly sql?: SqlDoor;
  readonly meter?: Meter | undefined;
  readonly now?: () => number;
}

export interface LibsqlEngine extends Engine, Pick<FileClient, "backup" | "check"> {}

/** Opens a file, or makes it (0600, in a folder of 0700). Any number of processes may have it open. */
export async function openLibsql(
  path: string,
  { inThread = false, sql, meter, now, ...options }: OpenLibsqlOptions = {},
): Promise<LibsqlEngine> {
  const place = resolve(path);
  // The native driver is loaded only in the thread that uses it.
  const client = inThread
    ? await (await import("./session.ts")).openSession(place, options)
    : await openThread(place, options);
  const door = createLibsqlSqlDoor(place);
  const wake = createFileWake(place);
  const engine = createSqlEngine(client, createSqliteDialect("libsql"), {
    sql: sql ?? door,
    meter,
    wake,
    ...(now && { now }),
  });
  const close = async (): Promise<void> => {
    await wake.close();
    await door.close();
    await engine.close();
  };
  const copies = createLibsqlCopies(place, client.backup);
  return {
    ...engine,
    copies,
    backup: client.backup,
    check: client.check,
    close,
    [Symbol.asyncDispose]: close,
  };
}
