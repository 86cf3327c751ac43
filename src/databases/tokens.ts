import { expiryOf } from "../engine/json-web-token.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { newId } from "../model/id.ts";
import { endAfter, isDuration } from "./duration.ts";
import { type Mint, type Permission, permissions, type TokenMint } from "./provider.ts";

/** A token that this process made; the token itself is told once, to who made it. */
export interface TokenItem {
  readonly id: string;
  readonly database: string;
  readonly permission: Permission;
  readonly createdAt: Millis;
  /** Null: it does not end. */
  readonly expiresAt: Millis | null;
}

export interface MadeToken extends TokenItem {
  readonly token: string;
}

export interface TokenWish {
  /** Default: `TURSO_DEFAULT_DATABASE`. */
  readonly database?: string | undefined;
  readonly permission?: string | undefined;
  readonly expiration?: string | undefined;
}

export interface TokenCacheStatus {
  readonly tokens: number;
  readonly hits: number;
  readonly misses: number;
  readonly databases: readonly string[];
}

export interface RevokedTokens {
  readonly database: string;
  /** The ids of those that this process made. */
  readonly revoked: readonly string[];
}

/** Tokens of one database each, made with a greater right: kept in this process's memory, and nowhere else. */
export interface Tokens {
  /** A new one. Errors: `invalid`, and those of the provider. */
  create(wish?: TokenWish): Promise<MadeToken>;
  /** The one that is kept, while it lasts for another minute; else a new one. */
  get(wish?: TokenWish): Promise<string>;
  /** What this process made; newest first. */
  list(): TokenItem[];
  /**
   * Ends a token by its id, or all of a database by its name. Turso cannot end one alone: all tokens of its database end.
   * A sqld ends none before its time. Errors: `not-found`, `unsupported`.
   */
  revoke(idOrDatabase: string): Promise<RevokedTokens>;
  status(): TokenCacheStatus;
  /** Forgets what is kept, of one database or all, and answers how many; the tokens stay good. */
  clear(database?: string): number;
}

export interface TokensOptions {
  readonly mint: TokenMint;
  readonly now: () => Millis;
  /** What is meant where a wish says nothing. */
  readonly usual: TokenWish;
}

/** So that a token does not end on its way. */
const skew = 60_000;

export function createTokens({ mint, now, usual }: TokensOptions): Tokens {
  let made: readonly TokenItem[] = [];
  const kept = new Map<string, MadeToken>();
  let [hits, misses] = [0, 0];

  const create = async (wish: TokenWish = {}): Promise<MadeToken> => {
    const wanted = wantedOf(wish, usual);
    const token = await mint.mint(wanted);
    const { database, permission, expiration } = wanted;
    const createdAt = now();
    const expiresAt = expiryOf(token) ?? endAfter(expiration, createdAt);
    const item: TokenItem = { id: newId(createdAt), database, permission, createdAt, expiresAt };
    made = [item, ...made];
    kept.set(keyOf(wanted), { ...item, token });
    return { ...item, token };
  };
  const clear = (database?: string): number => {
    const gone = [...kept].filter(([, item]) => database === undefined || item.database === database);
    for (const [key] of gone) kept.delete(key);
    return gone.length;
  };
  return {
    create,
    async get(wish = {}) {
      const known = kept.get(keyOf(wantedOf(wish, usual)));
      if (known !== undefined && (known.expiresAt === null || known.expiresAt - skew > now())) {
        hits++;
        return known.token;
      }
      misses++;
      return (await create(wish)).token;
    },
    list: () => [...made],
    async revoke(idOrDatabase) {
      const known = made.find(({ id }) => id === idOrDatabase);
      const database = known?.database ?? databaseNamed(idOrDatabase);
      await mint.rotate(database);
      const revoked = made.filter((item) => item.database === database).map(({ id }) => id);
      made = made.filter((item) => item.database !== database);
      clear(database);
      return { database, revoked };
    },
    status: () => ({
      tokens: kept.size,
      hits,
      misses,
      databases: [...new Set([...kept.values()].map(({ database }) => database))].sort(),
    }),
    clear,
  };
}

function keyOf({ database, permission }: Mint): string {
  return `${database} ${permission}`;
}

function databaseNamed(name: string): string {
  const isId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/.test(name);
  if (!isId) return name;
  throw new LociError("not-found", `This process made no token ${name}.`, {
    next: "list_database_tokens has the ids; a database's name ends all tokens of it.",
  });
}

function wantedOf(wish: TokenWish, usual: TokenWish): Mint {
  const database = wish.database ?? usual.database ?? "";
  const permission = wish.permission ?? usual.permission ?? "full-access";
  const expiration = wish.expiration ?? usual.expiration ?? "7d";
  if (database === "") {
    throw new LociError("invalid", "A token is for one database, and none was named.", {
      next: "Name it, or set TURSO_DEFAULT_DATABASE.",
    });
  }
  const known = permissions.find((one) => one === permission);
  if (known === undefined) {
    const came = JSON.stringify(permission.slice(0, 40));
    throw new LociError("invalid", `A token's permission is ${permissions.join(" or ")}, not ${came}.`);
  }
  if (!isDuration(expiration)) {
    const came = JSON.stringify(expiration.slice(0, 40));
    throw new LociError("invalid", `A token lasts 7d, 2w1d30m or never, not ${came}.`);
  }
  return { database, permission: known, expiration };
}
