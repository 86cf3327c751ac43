import { join } from "node:path";
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
  unknownDatabase,
} from "./provider.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { createTursoProvider } from "./turso.ts";

export interface OnProvider {
  /** `local` or `turso`. Default: turso where it is configured. */
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
  /** Absent where no platform is configured. */
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
  const local = createLocalProvider({ folder: join(home, "databases"), make, now });
  const platform = platformOf(env);
  const turso =
    platform && createTursoProvider({ ...platform, baseUrl: baseUrlOf(env["TURSO_API_BASEURL"]) });
  const providers: readonly DatabaseProvider[] = turso === undefined ? [local] : [turso, local];
  const usual = {
    database: env["TURSO_DEFAULT_DATABASE"] || undefined,
    permission: env["TOKEN_PERMISSION"] || undefined,
    expiration: env["TOKEN_EXPIRATION"] || undefined,
  };

  const list = async (): Promise<DatabaseItem[]> =>
    (await Promise.all(providers.map((provider) => provider.list()))).flat();
  const get = async (name: string, { on }: OnProvider = {}): Promise<DatabaseItem> => {
    const all = on === undefined ? await list() : await providerOf(providers, on).list();
    return onlyOne(all, name);
  };
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
    ...(turso?.tokens !== undefined && { tokens: createTokens({ mint: turso.tokens, now, usual }) }),
  };
}

function providerOf(providers: readonly DatabaseProvider[], name: string | undefined): DatabaseProvider {
  const found = name === undefined ? providers[0] : providers.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new LociError(
    "config",
    `Databases are on ${providers.map((one) => one.name).join(", ")}, not on ${name}.`,
    {
      next: "For Turso's, set TURSO_API_TOKEN and TURSO_ORGANIZATION.",
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
