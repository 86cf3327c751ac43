import { type ErrorCode, errorCode, LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { endAfter } from "./duration.ts";
import { checkName, type DatabaseItem, type DatabaseProvider, type TokenMint } from "./provider.ts";
import type { Registry } from "./registry.ts";
import { readSigningKey, signToken } from "./signer.ts";

/** A sqld with `--enable-namespaces`, whose databases are namespaces. */
export interface SqldOptions {
  /** Where stores are: `http://localhost:8080`, `https://db.example.org`. */
  readonly url: URL;
  /** `--admin-listen-addr`. */
  readonly adminUrl: URL;
  /** `--admin-auth-key`. */
  readonly adminKey?: string | undefined;
  /** The private half of `--auth-jwt-key-file`, in PEM. Without it there are no tokens. */
  readonly keyFile?: string | undefined;
  /** The server tells nobody which namespaces it has. */
  readonly registry: Registry;
  readonly now: () => Millis;
}

const answersWithin = 20_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** The server that the environment names. Errors: `config`. */
export function sqldOf(env: Environment): Omit<SqldOptions, "registry" | "now"> | undefined {
  const [url, adminUrl] = [env["LOCI_SQLD_URL"] || undefined, env["LOCI_SQLD_ADMIN_URL"] || undefined];
  if (url === undefined && adminUrl === undefined) return undefined;
  return {
    url: urlIn("LOCI_SQLD_URL", url, /^(?:https?|libsql):$/),
    adminUrl: urlIn("LOCI_SQLD_ADMIN_URL", adminUrl, /^https?:$/),
    adminKey: env["LOCI_SQLD_ADMIN_KEY"] || undefined,
    keyFile: env["LOCI_SQLD_KEY_FILE"] || undefined,
  };
}

function urlIn(variable: string, given: string | undefined, schemes: RegExp): URL {
  const url = given !== undefined && URL.canParse(given) ? new URL(given) : undefined;
  if (url && schemes.test(url.protocol) && !/^\[|^(?!127\.)\d+(?:\.\d+){3}$/.test(url.hostname)) return url;
  throw new LociError(
    "config",
    `${variable} is the URL of a sqld, by a name whose sub-domains are its databases${given === undefined ? ", and is not set" : ""}.`,
    {
      where: variable,
      next: "LOCI_SQLD_URL=http://localhost:8080 and LOCI_SQLD_ADMIN_URL=http://localhost:8081, for example",
    },
  );
}

export function createSqldProvider(options: SqldOptions): DatabaseProvider {
  const { registry, url } = options;
  const ask = createAsk(options);
  const itemOf = (name: string): DatabaseItem => ({
    name,
    provider: "sqld",
    url: urlOf(url, name),
    group: null,
    bytes: null,
  });
  const note = (name: string): DatabaseItem => {
    const item = itemOf(name);
    registry.note(item);
    return item;
  };
  return {
    name: "sqld",
    list: async () => registry.all(),
    async find(name) {
      checkName(name);
      try {
        await ask(`find ${name}`, "GET", `${name}/config`);
      } catch (error) {
        if (errorCode(error) !== "not-found") throw error;
        registry.forget(name);
        return undefined;
      }
      return note(name);
    },
    async create(name, { group, regions }) {
      checkName(name);
      if (group !== undefined || (regions !== undefined && regions.length > 0)) {
        throw new LociError("invalid", "A database of a sqld has no group and no regions.", {
          next: "Leave them out: replicas of the server have every database",
        });
      }
      try {
        await ask(`create ${name}`, "POST", `${name}/create`);
      } catch (error) {
        if (errorCode(error) === "invalid") note(name);
        throw error;
      }
      return note(name);
    },
    async remove(name) {
      await ask(`delete ${name}`, "DELETE", checkName(name));
      registry.forget(name);
      return { name, provider: "sqld", setAside: null };
    },
    ...tokensOf(options),
  };
}

/** The first word of the host is the database. Names below `localhost` need no resolver. */
function urlOf({ protocol, hostname, port }: URL, name: string): string {
  const host = hostname.startsWith("127.") ? "localhost" : hostname;
  return `${protocol}//${name}.${host}${port === "" ? "" : `:${port}`}`;
}

/** Of one namespace each. The server cannot be told that a token is not good any more. */
function tokensOf({ keyFile, now }: SqldOptions): { readonly tokens?: TokenMint } {
  if (keyFile === undefined) return {};
  return {
    tokens: {
      async mint({ database, permission, expiration }) {
        const key = readSigningKey(keyFile, "LOCI_SQLD_KEY_FILE");
        const at = now();
        const end = endAfter(expiration, at);
        const right = { ns: [checkName(database)] };
        return signToken(key, {
          iat: Math.floor(at / 1_000),
          ...(end === null ? {} : { exp: Math.floor(end / 1_000) }),
          p: permission === "read-only" ? { ro: right } : { rw: right },
        });
      },
      rotate(database) {
        const error = new LociError(
          "unsupported",
          `The tokens of ${database} cannot be ended: a sqld takes a token until it expires.`,
          {
            next: "Give tokens short lives (TOKEN_EXPIRATION=1h), or start the server with another key",
          },
        );
        return Promise.reject(error);
      },
    },
  };
}

type Ask = (what: string, method: string, path: string) => Promise<void>;

function createAsk({ adminUrl, adminKey }: SqldOptions): Ask {
  const base = `${adminUrl.origin}${adminUrl.pathname.replace(/\/+$/, "")}`;
  return async (what, method, path) => {
    let reply: { readonly status: number; readonly text: string };
    try {
      const response = await fetch(`${base}/v1/namespaces/${path}`, {
        method,
        redirect: "error",
        signal: AbortSignal.timeout(answersWithin),
        headers: {
          "content-type": "application/json",
          ...(adminKey === undefined ? {} : { authorization: `basic ${adminKey}` }),
        },
        ...(method === "POST" ? { body: "{}" } : {}),
      });
      reply = { status: response.status, text: await response.text() };
    } catch (cause) {
      throw new LociError("unreachable", `The admin API of the sqld did not ${what}: it does not answer.`, {
        where: base,
        next: "Start sqld with --admin-listen-addr, and name it in LOCI_SQLD_ADMIN_URL",
        cause,
      });
    }
    if (reply.status !== 200) throw refused(what, base, reply);
  };
}

type Meaning = readonly [code: ErrorCode, why: string, next: string];

function refused(
  what: string,
  where: string,
  { status, text }: { readonly status: number; readonly text: string },
): LociError {
  const [code, why, next] = meaningOf(status, text);
  const said = text.replace(/\s+/g, " ").trim().slice(0, 200) || `HTTP ${status}`;
  return new LociError(code, `The sqld did not ${what}: ${why} (${said}).`, { where, next });
}

function meaningOf(status: number, text: string): Meaning {
  if (status === 401 || status === 403)
    return ["permission", "it wants its admin key", "Set LOCI_SQLD_ADMIN_KEY to what --admin-auth-key is"];
  if (/already exists/i.test(text))
    return [
      "invalid",
      "there is one of that name already",
      "It opens as db:NAME from now on; or choose another name",
    ];
  if (/doesn't exist/i.test(text))
    return ["not-found", "it is not there", "loci database ls shows what is known here"];
  if (status === 404)
    return ["config", "there is no admin API", "Name --admin-listen-addr in LOCI_SQLD_ADMIN_URL"];
  return ["unreachable", "it does not answer as it should", "Start sqld with --enable-namespaces"];
}
