import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";

/** A database by its name, wherever it is. */
export interface DatabaseItem {
  readonly name: string;
  readonly provider: string;
  /** A path, or `libsql://…`; never with a token. */
  readonly url: string;
  readonly group: string | null;
  readonly bytes: number | null;
}

export interface CreateDatabaseOptions {
  readonly group?: string | undefined;
  readonly regions?: readonly string[] | undefined;
}

export interface RemovedDatabase {
  readonly name: string;
  readonly provider: string;
  /** Where its files are now; null where it is gone for good. */
  readonly setAside: string | null;
}

export interface ProviderUsage {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly storageBytes: number;
}

export const permissions = ["full-access", "read-only"] as const;

export type Permission = (typeof permissions)[number];

export interface Mint {
  readonly database: string;
  readonly permission: Permission;
  /** `7d`, `2w1d30m`, `never`. */
  readonly expiration: string;
}

/** Tokens for one database each, made with the right to all of them. */
export interface TokenMint {
  mint(wanted: Mint): Promise<string>;
  /** Makes every token of the database worthless: one alone cannot be taken back. */
  rotate(database: string): Promise<void>;
}

/** A kind of place where databases are. */
export interface DatabaseProvider {
  readonly name: string;
  list(): Promise<DatabaseItem[]>;
  /** Asks for one that {@link list} may not know. Absent where that knows all. */
  find?(name: string): Promise<DatabaseItem | undefined>;
  /** Errors: `invalid` where the name is taken or none. */
  create(name: string, options: CreateDatabaseOptions): Promise<DatabaseItem>;
  /** Errors: `not-found`. */
  remove(name: string): Promise<RemovedDatabase>;
  /** Absent where the provider does not count. */
  readonly usage?: (
    name: string,
    span: { readonly from: Millis; readonly to: Millis },
  ) => Promise<ProviderUsage>;
  /** Absent where databases need no tokens. */
  readonly tokens?: TokenMint;
}

/** The rules that every provider's names keep, so that a name means the same everywhere. */
export function checkName(name: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/.test(name) && name !== "main") return name;
  throw new LociError(
    "invalid",
    name === "main"
      ? "main is the store itself."
      : `A database's name has 1 to 64 small letters, digits and hyphens, not ${JSON.stringify(name.slice(0, 80))}.`,
    { next: "agent-1 is one" },
  );
}

export function unknownDatabase(name: string, known: readonly string[]): LociError {
  return new LociError("not-found", `There is no database ${JSON.stringify(name.slice(0, 100))}.`, {
    next:
      known.length > 0
        ? `Databases: ${known.slice(0, 20).join(", ")}`
        : "loci database create NAME makes one",
  });
}
