import type { Engine, SqlDoor } from "../../engine/engine.ts";
import type { Meter } from "../../engine/meter.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { openPool, type PostgresOptions } from "./client.ts";
import { createPostgresCopies } from "./copies.ts";
import { postgresDialect } from "./dialect.ts";
import { createPostgresSqlDoor } from "./sql-door.ts";
import { createPostgresWake } from "./wake.ts";

export interface CreatePostgresOptions extends PostgresOptions {
  /** Default: {@link createPostgresSqlDoor}, which connects for each question. */
  readonly sql?: SqlDoor;
  /** For that door: the URL of a role that may only SELECT. */
  readonly readOnlyUrl?: string;
  readonly meter?: Meter | undefined;
  readonly now?: () => number;
}

/** A PostgreSQL database (14 or newer). Connects with the first call. */
export async function createPostgresEngine(
  url: string,
  { sql, readOnlyUrl, meter, now, ...options }: CreatePostgresOptions = {},
): Promise<Engine> {
  const client = await openPool(url, options);
  const wake = createPostgresWake(url, client);
  const engine = createSqlEngine(client, postgresDialect, {
    sql: sql ?? createPostgresSqlDoor(url, { readOnlyUrl }),
    meter,
    wake,
    ...(now && { now }),
  });
  const close = async (): Promise<void> => {
    await wake.close();
    await engine.close();
  };
  return { ...engine, copies: createPostgresCopies(client), close, [Symbol.asyncDispose]: close };
}
