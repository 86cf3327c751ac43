import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { createLocalProvider } from "./local.ts";
import { platformOf } from "./platform.ts";
import {
  type CreateDatabaseOptions,
  type DatabaseItem,
  type DatabaseProvider,
  type ProviderUsage,
  type RemovedDatabase,
  type TokenMint,
  unknownDatabase,
} from "./provider.ts";
import { createRegistry, databasesFolder } from "./registry.ts";
import { createSqldProvider, sqldOf } from "./sqld.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { createTursoProvider } from "./turso.ts";

export interface OnProvider {
  /** `local`, `sqld` or `turso`. Default for a new one: turso, else sqld, where it is configured. */
  readonly on?: string | undefined;
}

/** Databases by name: one for each agent, made and taken away in one call. */
export interface Databases {
  /** The providers that are there. */
  readonly providers: readonly string[];
  list(): Promise<DatabaseItem[]>;
  get(name: string, where?: OnProvider): Promise<DatabaseItem>;
  create(name: string, options?: CreateDatabaseOptions & OnProvider): Promise<DatabaseItem>;
  /** A file is set aside; what a provider deletes is gone. */
  remove(name: string, where?: OnProvider): Promise<RemovedDatabase>;
  /** Null where the provider does not count. */
  usage(name: string, span: { readonly from: Millis; readonly to: Millis }): Promise<ProviderUsage | null>;
  /** Absent where no provider makes tokens. */
  readonly tokens?: Tokens;
}

export interface DatabasesOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `~/.loci`, or what `LOCI_HOME` says. */
  readonly home: string;
  /** Makes a store of that path. */
  readonly make: (path: string) => Promise<void>;
  readonly now: () => Millis;
}

export function createDatabases({ env, home, make, now }: DatabasesOptions): Databases {
  const local = createLocalProvider({ folder: databasesFolder(home), make, now });
  const remote = remoteProviders({ env, home, now });
  const providers = [...remote, local];
  const list = (): Promise<DatabaseItem[]> => listAll(providers);
  const get = (name: string, { on }: OnProvider = {}): Promise<DatabaseItem> =>
    getOne(on === undefined ? providers : [providerOf(providers, on)], name);
  const tokens = tokensOf(remote, { env, now });
  return {
    providers: providers.map(({ name }) => name),
    list,
    get,
    create: (name, { on, ...options } = {}) => providerOf(providers, on).create(name, options),
    async remove(name, where) {
      const { provider } = await get(name, where);
      return providerOf(providers, provider).remove(name);
    },
    async usage(name, span) {
      const { provider } = await get(name);
      return (await providerOf(providers, provider).usage?.(name, span)) ?? null;
    },
    ...(tokens !== undefined && { tokens }),
  };
}

/** Tokens for databases at servers, without the databases of this machine. */
export function createDatabaseTokens({ env, home, now }: Omit<DatabasesOptions, "make">): Tokens | undefined {
  return tokensOf(remoteProviders({ env, home, now }), { env, now });
}

function remoteProviders({ env, home, now }: Omit<DatabasesOptions, "make">): readonly DatabaseProvider[] {
  const platform = platformOf(env);
  const sqld = sqldOf(env);
  const providers: DatabaseProvider[] = [];
  if (platform) {
    const baseUrl = baseUrlOf(env["TURSO_API_BASEURL"]);
    providers.push(createTursoProvider({ ...platform, baseUrl, registry: createRegistry(home, "turso") }));
  }
  if (sqld) providers.push(createSqldProvider({ ...sqld, registry: createRegistry(home, "sqld"), now }));
  return providers;
}

function tokensOf(
  providers: readonly DatabaseProvider[],
  { env, now }: Pick<DatabasesOptions, "env" | "now">,
): Tokens | undefined {
  const makers = providers.filter((provider) => provider.tokens !== undefined);
  if (makers.length === 0) return undefined;
  const makerOf = async (database: string): Promise<TokenMint> => {
    const [only, other] = makers;
    const name = other === undefined ? only?.name : (await getOne(providers, database)).provider;
    const maker = makers.find((provider) => provider.name === name)?.tokens;
    if (maker) return maker;
    throw new LociError("config", `${database} is on ${name}, which makes no tokens here.`, {
      next: "For a sqld, name its key in LOCI_SQLD_KEY_FILE",
    });
  };
  const usual = {
    database: env["TURSO_DEFAULT_DATABASE"] || undefined,
    permission: env["TOKEN_PERMISSION"] || undefined,
    expiration: env["TOKEN_EXPIRATION"] || undefined,
  };
  const mint: TokenMint = {
    mint: async (wanted) => (await makerOf(wanted.database)).mint(wanted),
    rotate: async (database) => (await makerOf(database)).rotate(database),
  };
  return createTokens({ mint, now, usual });
}

async function listAll(providers: readonly DatabaseProvider[]): Promise<DatabaseItem[]> {
  return (await Promise.all(providers.map((provider) => provider.list()))).flat();
}

async function getOne(providers: readonly DatabaseProvider[], name: string): Promise<DatabaseItem> {
  const all = await listAll(providers);
  if (all.some((item) => item.name === name)) return onlyOne(all, name);
  const found = await Promise.all(providers.map(async (provider) => provider.find?.(name)));
  return onlyOne([...all, ...found.filter((item) => item !== undefined)], name);
}

function providerOf(providers: readonly DatabaseProvider[], name: string | undefined): DatabaseProvider {
  const found = name === undefined ? providers[0] : providers.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new LociError(
    "config",
    `Databases are on ${providers.map((one) => one.name).join(", ")}, not on ${name}.`,
    {
      next: "For Turso's, set TURSO_API_TOKEN and TURSO_ORGANIZATION; for a sqld, LOCI_SQLD_URL and LOCI_SQLD_ADMIN_URL.",
    },
  );
}

function onlyOne(all: readonly DatabaseItem[], name: string): DatabaseItem {
  const [found, other] = all.filter((item) => item.name === name);
  if (found === undefined) {
    throw unknownDatabase(
      name,
      all.map((item) => item.name),
    );
  }
  if (other === undefined) return found;
  throw new LociError("invalid", `${name} is on ${found.provider} and on ${other.provider}.`, {
    next: `Say which one: --on ${found.provider}`,
  });
}

/** The variable is that of Turso's own command line. A token goes over https, or nowhere beyond this machine. */
function baseUrlOf(given: string | undefined): string | undefined {
  if (given === undefined || given === "") return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const here = url !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && here)) {
    // The client makes its addresses below this one: it ends with a slash.
    return url.href.endsWith("/") ? url.href : `${url.href}/`;
  }
  throw new LociError("config", "TURSO_API_BASEURL is an https URL, or one of this machine.", {
    where: "TURSO_API_BASEURL",
    next: "Leave it unset for Turso Cloud.",
  });
}
