import { createHash } from "node:crypto";
import { createDatabaseTokens } from "./databases/databases.ts";
import type { Permission } from "./databases/provider.ts";
import { knownDatabases } from "./databases/registry.ts";
import type { Tokens } from "./databases/tokens.ts";
import type { AuthToken } from "./engine/json-web-token.ts";
import { type Environment, lociHome } from "./place.ts";

export interface MintedTokens {
  readonly authToken: AuthToken;
  /** For read-only SQL: the server itself refuses what changes something. */
  readonly readOnlyToken: AuthToken;
}

/** What was made is kept for all stores of this process that have the same settings. */
const shared = new Map<string, Tokens | undefined>();

/** Tokens for a database that was made, or listed, by its name; undefined where nothing here makes them. */
export function mintedTokens(url: string, env: Environment = process.env): MintedTokens | undefined {
  const home = lociHome(env);
  const { host } = new URL(url);
  const known = knownDatabases(home).find((item) => new URL(item.url).host === host);
  if (known === undefined) return undefined;
  const tokens = tokensFor(known.provider, env, home);
  if (tokens === undefined) return undefined;
  const making = (permission: Permission): AuthToken => {
    const wish = { database: known.name, permission };
    let isFirst = true;
    // Asked again, the one before was not accepted.
    return async () => {
      if (!isFirst) return (await tokens.create(wish)).token;
      isFirst = false;
      return tokens.get(wish);
    };
  };
  return { authToken: making("full-access"), readOnlyToken: making("read-only") };
}

/** Of one provider: a name that both have is two databases. */
function tokensFor(provider: string, env: Environment, home: string): Tokens | undefined {
  const settings = provider === "sqld" ? /^(?:TOKEN_|LOCI_SQLD_)/ : /^(?:TOKEN_|TURSO_)/;
  const names = Object.keys(env).filter((name) => settings.test(name));
  const said = names.sort().map((name) => [name, env[name]] as const);
  const key = createHash("sha256")
    .update(JSON.stringify([home, said]))
    .digest("hex");
  if (!shared.has(key)) {
    shared.set(key, createDatabaseTokens({ env: Object.fromEntries(said), home, now: Date.now }));
  }
  return shared.get(key);
}
