import type { DatabaseItem, RemovedDatabase } from "../databases/provider.ts";
import type { RevokedTokens, TokenCacheStatus, TokenItem, Tokens } from "../databases/tokens.ts";
import { LociError } from "../errors.ts";
import type { Loci } from "../open.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export { makesTokens } from "../databases/platform.ts";
export type { DatabaseItem, RemovedDatabase, RevokedTokens, TokenCacheStatus };

export interface DatabasesAnswer {
  readonly items: readonly DatabaseItem[];
}

export interface DatabaseAnswer {
  readonly database: DatabaseItem;
}

const nameParam = { kind: "string", positional: true, required: true, summary: "its name" } as const;

const onFlag = {
  kind: "enum",
  choices: ["local", "sqld", "turso"],
  summary: "where: a file of this machine, a sqld, or Turso; the last of them that is configured",
} as const;

export const listDatabases: Operation = operation({
  name: "database ls",
  summary: "the databases by name, on this machine and at servers",
  access: "read",
  params: {},
  run: async ({ databases }): Promise<DatabasesAnswer> => ({ items: await databases.list() }),
});

export const createDatabase: Operation = operation({
  name: "database create",
  summary: "make a database",
  access: "write",
  params: {
    name: nameParam,
    group: { kind: "string", summary: "at Turso: the group it is in", placeholder: "NAME" },
    region: { kind: "list", summary: "at Turso: where, such as fra", placeholder: "REGION" },
    on: onFlag,
  },
  run: async ({ databases }, { name, group, region, on }): Promise<DatabaseAnswer> => ({
    database: await databases.create(name, { group, regions: region, on }),
  }),
});

export const removeDatabase: Operation = operation({
  name: "database rm",
  summary: "take a database away: a file is set aside, what a server deletes is gone",
  access: "write",
  params: { name: nameParam, on: onFlag },
  run: ({ databases }, { name, on }): Promise<RemovedDatabase> => databases.remove(name, { on }),
});

export interface TokenAnswer extends Omit<TokenItem, "createdAt" | "expiresAt"> {
  readonly createdAt: string;
  readonly expiresAt: string | null;
  /** Only where it was made just now: it is told once. */
  readonly token?: string;
}

function tokensOf({ databases }: Loci): Tokens {
  if (databases.tokens !== undefined) return databases.tokens;
  throw new LociError("config", "Tokens are for databases at servers, and nothing here makes them.", {
    where: "TURSO_API_TOKEN, LOCI_SQLD_KEY_FILE",
    next: "Set TURSO_API_TOKEN and TURSO_ORGANIZATION for Turso's, or LOCI_SQLD_KEY_FILE for those of a sqld",
  });
}

function answerOf<Item extends TokenItem>({ createdAt, expiresAt, ...item }: Item): TokenAnswer {
  return { ...item, createdAt: isoTime(createdAt), expiresAt: isoTime(expiresAt) };
}

export const createToken: Operation = operation({
  name: "database token",
  summary: "make a token for one database, and print it once",
  access: "write",
  params: {
    database: { kind: "string", positional: true, summary: "its name; else TURSO_DEFAULT_DATABASE" },
    permission: { kind: "string", summary: "full-access or read-only; else TOKEN_PERMISSION" },
    expiration: { kind: "string", summary: "7d, 2w1d30m, never; else TOKEN_EXPIRATION" },
  },
  run: async (loci, wish): Promise<TokenAnswer> => answerOf(await tokensOf(loci).create(wish)),
});

export const listTokens: Operation = operation({
  name: "list-tokens",
  summary: "the tokens that this process made",
  access: "read",
  params: {},
  run: async (loci) => ({ items: tokensOf(loci).list().map(answerOf) }),
});

export const revokeToken: Operation = operation({
  name: "revoke-token",
  summary: "end all tokens of a token's database",
  access: "write",
  params: { id: { kind: "string", required: true, summary: "the token's id, or a database's name" } },
  run: (loci, { id }): Promise<RevokedTokens> => tokensOf(loci).revoke(id),
});

export const tokenCacheStatus: Operation = operation({
  name: "token-cache-status",
  summary: "what is kept of tokens in this process",
  access: "read",
  params: {},
  run: async (loci): Promise<TokenCacheStatus> => tokensOf(loci).status(),
});

export const clearTokenCache: Operation = operation({
  name: "clear-token-cache",
  summary: "forget the tokens that are kept",
  access: "write",
  params: { database: { kind: "string", summary: "only this database's" } },
  run: async (loci, { database }) => ({ cleared: tokensOf(loci).clear(database) }),
});
