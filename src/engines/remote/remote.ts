import type { AuthToken } from "../../engine/json-web-token.ts";
import type { Engine, SqlDoor } from "../../engine/engine.ts";
import type { Meter } from "../../engine/meter.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { createRemoteClient } from "./client.ts";
import { createRemoteCopies } from "./copies.ts";
import { remoteDialect } from "./dialect.ts";
import { createServer, type RemoteOptions } from "./server.ts";
import { createRemoteSqlDoor } from "./sql-door.ts";

export interface CreateRemoteOptions extends RemoteOptions {
  /** Default: {@link createRemoteSqlDoor}. */
  readonly sql?: SqlDoor;
  /** For that door: a token that may only read. */
  readonly readOnlyToken?: AuthToken | undefined;
  readonly meter?: Meter | undefined;
  readonly now?: () => number;
}

/** A libSQL server: sqld, or Turso Cloud. Connects with the first call. */
export function createRemoteEngine(
  url: string,
  { sql, readOnlyToken, meter, now, ...options }: CreateRemoteOptions = {},
): Engine {
  const server = createServer(url, options);
  const asked =
    readOnlyToken === undefined ? undefined : createServer(url, { ...options, authToken: readOnlyToken });
  const engine = createSqlEngine(createRemoteClient(server, options), remoteDialect, {
    sql: sql ?? createRemoteSqlDoor(asked ?? server),
    meter,
    ...(now && { now }),
  });
  const close = async (): Promise<void> => {
    await asked?.close();
    await engine.close();
  };
  return { ...engine, copies: createRemoteCopies(server), close, [Symbol.asyncDispose]: close };
}
