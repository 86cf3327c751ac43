import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { knownDatabases, databasesFolder } from "./databases/registry.ts";
import { LociError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a store is, and where the files beside it are. */
export type Place =
  | {
      readonly kind: "file";
      /** Which engine reads and writes it: `turso:PATH` names Turso's, which is experimental. */
      readonly engine: "libsql" | "turso";
      readonly path: string;
      readonly index: string;
      readonly spool: string;
      readonly backups: string;
    }
  | { readonly kind: "postgres"; readonly url: string; readonly spool: string; readonly backups: string }
  /** A libSQL server: sqld, Turso Cloud. */
  | { readonly kind: "remote"; readonly url: string; readonly spool: string; readonly backups: string }
  | { readonly kind: "memory" };

/** A read replica of a libSQL server, in a region. */
export interface Replica {
  readonly region: string;
  readonly url: string;
}

/** Where latencies are measured from. */
export function edgeFrom(env: Environment): string {
  const said = env["LOCI_REGION"];
  return said === undefined || said === "" ? hostname() : said;
}

/** `~/.loci`, or what `LOCI_HOME` says. */
export function lociHome(env: Environment = process.env): string {
  const home = env["LOCI_HOME"];
  return home === undefined || home === "" ? join(homedir(), ".loci") : resolve(home);
}

/**
 * The store that is meant: the URL given, else `LOCI_URL`, else `TURSO_DATABASE_URL` (with `TURSO_AUTH_TOKEN`), else
 * the file `loci.db` in {@link lociHome}.
 */
export function storeUrl(env: Environment = process.env): string {
  const own = env["LOCI_URL"];
  if (own !== undefined && own !== "") return own;
  const turso = env["TURSO_DATABASE_URL"];
  const token = env["TURSO_AUTH_TOKEN"];
  if (turso !== undefined && turso !== "" && token !== undefined && token !== "") return turso;
  return join(lociHome(env), "loci.db");
}

/** Reads a URL or a path. Errors: `config`, and `not-found` for the name of a database that is not known here. */
export function toPlace(given: string, env: Environment = process.env): Place {
  const url = given.startsWith("db:") ? urlOfDatabase(given, env) : given;
  if (url === "memory:" || url === ":memory:") return { kind: "memory" };
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  // One letter is a drive on Windows.
  if (scheme === undefined || scheme === "file") return filePlace(url, "libsql");
  if (scheme === "turso") return filePlace(url.slice("turso:".length), "turso");
  const hash = createHash("sha256").update(withoutCredentials(url)).digest("hex").slice(0, 16);
  const spool = join(lociHome(env), "spool", hash);
  const backups = join(lociHome(env), "backups", hash);
  if (scheme === "postgres" || scheme === "postgresql") return { kind: "postgres", url, spool, backups };
  if (["libsql", "http", "https", "ws", "wss"].includes(scheme))
    return { kind: "remote", url, spool, backups };
  throw new LociError(
    "config",
    `A store is a file, a file: URL, turso:PATH, postgres://…, libsql://…, db:NAME or memory:, not ${scheme}:…`,
    {
      where: withoutCredentials(url),
      next: "loci config get db --origin",
    },
  );
}

/**
 * The token that the environment has for a libSQL server. Where it also names a server, the token is for that one, and
 * no other one sees it.
 */
export function tokenFor(url: string, env: Environment = process.env): string | undefined {
  const pairs = [
    ["LOCI_AUTH_TOKEN", "LOCI_URL"],
    ["TURSO_AUTH_TOKEN", "TURSO_DATABASE_URL"],
  ] as const;
  for (const [variable, home] of pairs) {
    const token = env[variable];
    if (token !== undefined && token !== "" && isFor(url, env[home])) return token;
  }
  return undefined;
}

/** `LOCI_SQL_TOKEN` may only read; it is for the server that `LOCI_URL` or `TURSO_DATABASE_URL` names, where one does. */
export function tokenForSql(url: string, env: Environment = process.env): string | undefined {
  const token = env["LOCI_SQL_TOKEN"];
  return token !== undefined && token !== "" && isFor(url, storeUrl(env)) ? token : undefined;
}

/** `LOCI_REPLICAS`: `fra=libsql://fra.example.org,iad=libsql://iad.example.org`, of the store that the environment names. */
export function replicasIn(url: string, env: Environment = process.env): readonly Replica[] {
  const said = env["LOCI_REPLICAS"];
  if (said === undefined || said === "" || !isFor(url, storeUrl(env))) return [];
  return said.split(",").map((one) => {
    const [, region, there] = /^\s*([^=\s]+)=(\S+)\s*$/.exec(one) ?? [];
    if (region !== undefined && there !== undefined && URL.canParse(there)) return { region, url: there };
    throw new LociError(
      "config",
      "LOCI_REPLICAS names regions with their URLs, and one of them cannot be read.",
      {
        where: "LOCI_REPLICAS",
        next: "LOCI_REPLICAS=fra=libsql://fra.example.org,lhr=libsql://lhr.example.org",
      },
    );
  });
}

/** A file that a variable names is no server, and says nothing about one. */
function isFor(url: string, named: string | undefined): boolean {
  if (named === undefined || !/^(libsql|https?|wss?):/i.test(named)) return true;
  return URL.canParse(url) && URL.canParse(named) && new URL(url).host === new URL(named).host;
}

/** `db:agent-1`, or `db:sqld/agent-1` where several providers have one of that name: without a question to anybody. */
function urlOfDatabase(given: string, env: Environment): string {
  const [, provider, name = ""] = /^db:(?:([a-z]+)\/)?(.*)$/s.exec(given) ?? [];
  const home = lociHome(env);
  const path = join(databasesFolder(home), `${name}.db`);
  const file = /^[a-z0-9-]+$/.test(name) && existsSync(path) ? [{ provider: "local", url: path }] : [];
  const found = [...file, ...knownDatabases(home).filter((item) => item.name === name)].filter(
    (item) => provider === undefined || item.provider === provider,
  );
  const [only, other] = found;
  if (only && !other) return only.url;
  if (only && other) {
    throw new LociError("config", `${name} is on ${found.map((item) => item.provider).join(" and on ")}.`, {
      where: given,
      next: `Say which one: db:${only.provider}/${name}`,
    });
  }
  throw new LociError("not-found", `No database ${JSON.stringify(name.slice(0, 80))} is known here.`, {
    where: databasesFolder(home),
    next: "loci database ls asks the providers; loci database create NAME makes one",
  });
}

function filePlace(url: string, engine: "libsql" | "turso"): Place {
  const path = resolve(/^file:\/\//i.test(url) ? fileURLToPath(url) : url.replace(/^file:/i, ""));
  const base = path.replace(/\.db$/, "");
  return {
    kind: "file",
    engine,
    path,
    index: `${base}.search.db`,
    spool: `${base}.spool`,
    backups: `${base}.backups`,
  };
}

/** The place for messages to people. */
export function describePlace(place: Place): string {
  if (place.kind === "memory") return "memory:";
  return place.kind === "file" ? place.path : withoutCredentials(place.url);
}

function withoutCredentials(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return url.replace(/\/\/[^@/]*@/, "//");
  }
}
