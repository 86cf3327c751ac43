import {
  clearTokenCache,
  createDatabase,
  createToken,
  type DatabaseAnswer,
  type DatabasesAnswer,
  listDatabases,
  listTokens,
  removeDatabase,
  type RemovedDatabase,
  revokeToken,
  type RevokedTokens,
  type TokenAnswer,
  tokenCacheStatus,
  type TokenCacheStatus,
} from "../../operations/databases.ts";
import { clipped } from "./recalled.ts";
import { ask, type Tool, type ToolCall } from "./tool.ts";

const open = { kind: "string", summary: "" } as const;
const given = { kind: "string", required: true, summary: "" } as const;

const listDatabasesTool: Tool = {
  name: "list_databases",
  description: "Databases by name, for the argument database of SQL tools; main is the store.",
  toolset: "admin",
  operation: listDatabases,
  params: {},
  async run(call) {
    const { items } = await ask<DatabasesAnswer>(listDatabases, call, {});
    const lines = items.map(({ name, provider, url }) => `> ${name} (${provider}) ${clipped(url, 300)}`);
    return {
      text: [`${items.length} databases beside main`, ...lines].join("\n"),
      data: { databases: items, current: call.database ?? "main" },
    };
  },
};

const createDatabaseTool: Tool = {
  name: "create_database",
  description: "Make a database.",
  toolset: "admin",
  operation: createDatabase,
  writes: { openWorld: true },
  params: { name: given, group: open, regions: { kind: "list", summary: "" } },
  async run(call) {
    const { name, group, regions = [] } = call.input;
    const asked = { name, group, region: regions };
    const { database } = await ask<DatabaseAnswer>(createDatabase, call, asked);
    return { text: `Made ${database.name}: ${clipped(database.url, 300)}`, data: { database } };
  },
};

const deleteDatabaseTool: Tool = {
  name: "delete_database",
  description: "Delete a database; a local one is set aside.",
  toolset: "admin",
  operation: removeDatabase,
  writes: { destructive: true, openWorld: true },
  params: { name: given },
  async run(call) {
    const { name } = call.input;
    await call.forget(String(name));
    const removed = await ask<RemovedDatabase>(removeDatabase, call, { name });
    const where =
      removed.setAside === null ? "It is gone." : `Its files are in ${clipped(removed.setAside, 300)}.`;
    return { text: `Deleted ${removed.name}. ${where}`, data: { ...removed } };
  },
};

async function made(call: ToolCall): Promise<{ text: string; data: Readonly<Record<string, unknown>> }> {
  const { database, permission, expiration } = call.input;
  const token = await ask<TokenAnswer>(createToken, call, { database, permission, expiration });
  const until = token.expiresAt === null ? "without end" : `until ${token.expiresAt}`;
  return {
    text: `Token ${token.id} for ${token.database}, ${token.permission}, ${until}. It is told once:\n${token.token ?? ""}`,
    data: {
      token_id: token.id,
      database: token.database,
      permission: token.permission,
      expires_at: token.expiresAt,
      token: token.token,
    },
  };
}

const platform = { toolset: "admin", needs: "platform" } as const;

const generateTokenTool: Tool = {
  ...platform,
  name: "generate_database_token",
  description: "Make a token for a database.",
  operation: createToken,
  writes: { openWorld: true },
  params: { database: given, permission: open },
  run: made,
};

const createTokenTool: Tool = {
  ...platform,
  name: "create_database_token",
  description: "The same, for the default database.",
  operation: createToken,
  writes: { openWorld: true },
  params: { permission: open, expiration: open, database: { ...open, hidden: true } },
  run: made,
};

const listTokensTool: Tool = {
  ...platform,
  name: "list_database_tokens",
  description: "Tokens made here, without the tokens.",
  operation: listTokens,
  params: {},
  async run(call) {
    const { items } = await ask<{ readonly items: readonly TokenAnswer[] }>(listTokens, call, {});
    const tokens = items.map(({ id, database, permission, createdAt, expiresAt }) => ({
      token_id: id,
      database,
      permission,
      created_at: createdAt,
      expires_at: expiresAt,
    }));
    const lines = tokens.map((token) => `> ${token.token_id} ${token.database} ${token.permission}`);
    return { text: [`${tokens.length} tokens`, ...lines].join("\n"), data: { tokens } };
  },
};

const revokeTokenTool: Tool = {
  ...platform,
  name: "revoke_database_token",
  description: "End all tokens of a token's database.",
  operation: revokeToken,
  writes: { destructive: true, openWorld: true },
  params: { token_id: given },
  async run(call) {
    const { database, revoked } = await ask<RevokedTokens>(revokeToken, call, { id: call.input["token_id"] });
    return { text: `All tokens of ${database} are ended.`, data: { database, revoked } };
  },
};

const cacheStatusTool: Tool = {
  ...platform,
  name: "get_token_cache_status",
  description: "Tokens kept in memory.",
  operation: tokenCacheStatus,
  params: {},
  async run(call) {
    const { tokens, hits, misses, databases } = await ask<TokenCacheStatus>(tokenCacheStatus, call, {});
    return {
      text: `${tokens} tokens are kept; ${hits} hits, ${misses} misses.`,
      data: { tokens, hits, misses, databases },
    };
  },
};

const clearCacheTool: Tool = {
  ...platform,
  name: "clear_token_cache",
  description: "Forget them.",
  operation: clearTokenCache,
  writes: { idempotent: true },
  params: { database: open },
  async run(call) {
    const { database } = call.input;
    const { cleared } = await ask<{ readonly cleared: number }>(clearTokenCache, call, { database });
    return { text: `${cleared} tokens are forgotten.`, data: { cleared } };
  },
};

/** Databases by name; their tokens only where a platform makes some. */
export const databaseTools: readonly Tool[] = [
  listDatabasesTool,
  createDatabaseTool,
  deleteDatabaseTool,
  generateTokenTool,
  createTokenTool,
  listTokensTool,
  revokeTokenTool,
  cacheStatusTool,
  clearCacheTool,
];
