import type { Engine, SqlDoor } from "../../engine/engine.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { openPool, type PostgresOptions } from "./client.ts";
import { postgresDialect } from "./dialect.ts";

export interface CreatePostgresOptions extends PostgresOptions {
  readonly sql?: SqlDoor;
  readonly now?: () => number;
}

/** A PostgreSQL database (14 or newer). Connects with the first call. */
export async function createPostgresEngine(
  url: string,
  { sql, now, ...options }: CreatePostgresOptions = {},
): Promise<Engine> {
  const client = await openPool(url, options);
  return createSqlEngine(client, postgresDialect, { ...(sql && { sql }), ...(now && { now }) });
}
