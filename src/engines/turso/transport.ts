import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../engine/engine.ts";
import type { AuthToken } from "../../engine/json-web-token.ts";
import { LociError } from "../../errors.ts";
import type { AnyCollection } from "../../model/collection.ts";
import type { Schema } from "../../model/schema.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { type CollectionCompared, differences } from "./compare.ts";
import { tursoDialect } from "./dialect.ts";
import type { TursoStats } from "./driver.ts";
import { openSyncedThread } from "./synced.ts";
import type { SyncedClient, TursoSyncOptions } from "./synced-session.ts";

/** Turso's own sync, under a store in a file of its engine. */
export interface TursoTransport {
  /** Sends what changed here. Errors: `unreachable`, `permission`; what was not sent stays for the next time. */
  push(): Promise<void>;
  /** Takes what changed there, and puts what was not sent on top of it. Answers whether anything came. */
  pull(): Promise<boolean>;
  /** Takes the log in, which grows until then. */
  checkpoint(): Promise<void>;
  stats(): Promise<TursoStats>;
  /**
   * What the server has, taken anew into a copy that is thrown away, beside what is here: the collections that are not
   * the same. It costs the whole database over the line.
   */
  verify(collections: readonly AnyCollection[], schema: Schema): Promise<CollectionCompared[]>;
}

export function createTransport(
  engine: Engine,
  client: SyncedClient,
  { authToken, ...sync }: TursoSyncOptions & { readonly authToken?: AuthToken | undefined },
): TursoTransport {
  const token = async (): Promise<string | undefined> =>
    typeof authToken === "function" ? authToken() : authToken;
  const asked = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw explained(new URL(sync.url).host, error);
    }
  };
  return {
    push: () => asked(async () => client.push(await token())),
    pull: () => asked(async () => client.pull(await token())),
    checkpoint: client.checkpoint,
    stats: client.stats,
    async verify(collections, schema) {
      const folder = mkdtempSync(join(tmpdir(), "loci-verify-"));
      try {
        const fresh = await openSyncedThread(join(folder, "there.db"), sync, {});
        try {
          await asked(async () => fresh.pull(await token()));
          const there = createSqlEngine(fresh, tursoDialect);
          await there.prepare(schema);
          return await differences(engine, there, collections);
        } finally {
          await fresh.close();
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** The driver has a text only. */
function explained(host: string, error: unknown): unknown {
  if (!(error instanceof Error) || (error instanceof LociError && error.code !== "invalid")) return error;
  const { message } = error;
  const where = host;
  if (/\b(401|403)\b|unauthorized|forbidden/i.test(message)) {
    return new LociError("permission", `${host} does not accept the token (${message}).`, {
      where,
      next: "turso db tokens create NAME",
      cause: error,
    });
  }
  if (/constraint failed/i.test(message)) {
    return new LociError("invalid", `${host} refuses a row that another store has sent first (${message}).`, {
      where,
      cause: error,
    });
  }
  if (/fetch (error|failed)|timeout|aborted|network|status|\b5\d\d\b/i.test(message)) {
    return new LociError(
      "unreachable",
      `${host} does not answer: ${message}. What was not sent stays here.`,
      {
        where,
        next: "Try again later; everything that needs no server goes on",
        cause: error,
      },
    );
  }
  return error;
}
