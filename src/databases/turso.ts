import { type ErrorCode, errorCode, LociError } from "../errors.ts";
import { checkName, type DatabaseItem, type DatabaseProvider } from "./provider.ts";
import type { Registry } from "./registry.ts";

export interface TursoOptions {
  readonly organization: string;
  /** The organization's token: it goes to the Platform API and nowhere else. */
  readonly token: string;
  /** Default: Turso's own. */
  readonly baseUrl?: string | undefined;
  /** So that a database opens by its name without a question to the Platform API. */
  readonly registry: Registry;
}

/** A call that is not answered for so long counts as lost: the client waits for ever. */
const answersWithin = 20_000;

type TursoClient = ReturnType<typeof import("@tursodatabase/api")["createClient"]>;

type Ask = <Answer>(what: string, work: (api: TursoClient) => Promise<Answer>) => Promise<Answer>;

/** Turso Cloud by its Platform API, through the package `@tursodatabase/api`. */
export function createTursoProvider(options: TursoOptions): DatabaseProvider {
  const { registry } = options;
  const ask = createAsk(options);
  return {
    name: "turso",
    async list() {
      const items = (await ask("list the databases", (api) => api.databases.list())).map(itemOf);
      registry.replace(items);
      return items;
    },

    async create(name, { group, regions = [] }) {
      checkName(name);
      const chosen = group ?? (await groupIn(regions, ask));
      const made = await ask(`create ${name}`, (api) => api.databases.create(name, { group: chosen }));
      const item = itemOf({ name, hostname: made.hostname, group: chosen });
      registry.note(item);
      return item;
    },

    async remove(name) {
      await ask(`delete ${name}`, (api) => api.databases.delete(checkName(name)));
      registry.forget(name);
      return { name, provider: "turso", setAside: null };
    },

    async usage(name, { from, to }) {
      const span = { from: new Date(from), to: new Date(to) };
      const { usage } = await ask(`tell the usage of ${name}`, (api) =>
        api.databases.usage(checkName(name), span),
      );
      return {
        rowsRead: usage.rows_read,
        rowsWritten: usage.rows_written,
        storageBytes: usage.storage_bytes,
      };
    },

    tokens: {
      async mint({ database, permission, expiration }) {
        const wanted = { expiration, authorization: permission };
        const { jwt } = await ask(`make a token for ${database}`, (api) =>
          api.databases.createToken(checkName(database), wanted),
        );
        return jwt;
      },
      // The answer has no body, and the client reads one: what was done is done.
      rotate: (database) =>
        ask(`rotate the tokens of ${database}`, (api) =>
          api.databases.rotateTokens(checkName(database)).catch((error: unknown) => {
            if (!(error instanceof SyntaxError)) throw error;
          }),
        ),
    },
  };
}

function createAsk({ organization, token, baseUrl }: TursoOptions): Ask {
  const where = new URL(baseUrl ?? "https://api.turso.tech/v1/").host;
  let made: Promise<TursoClient> | undefined;
  const client = async (): Promise<TursoClient> => {
    const { createClient } = await importClient();
    return createClient({ org: organization, token, ...(baseUrl === undefined ? {} : { baseUrl }) });
  };
  return async (what, work) => {
    const api = await (made ??= client());
    try {
      return await withTimeout(work(api));
    } catch (error) {
      throw translated(error, { what, where, token });
    }
  };
}

function itemOf(found: {
  readonly name: string;
  readonly hostname: string;
  readonly group?: string;
}): DatabaseItem {
  const { name, hostname, group = null } = found;
  return { name, provider: "turso", url: `libsql://${hostname}`, group, bytes: null };
}

/** Databases are in groups, and groups in regions: the group that is in the first of them, else one made there. */
async function groupIn([region]: readonly string[], ask: Ask): Promise<string> {
  if (region === undefined) return "default";
  const groups = await ask("list the groups", (api) => api.groups.list());
  const there = groups.find(({ primary, locations }) => primary === region || locations.includes(region));
  return (
    there?.name ?? (await ask(`make a group in ${region}`, (api) => api.groups.create(region, region))).name
  );
}

async function withTimeout<Answer>(asked: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new LociError("unreachable", `Turso did not answer for ${answersWithin / 1000} s.`);
    timer = setTimeout(() => reject(error), answersWithin);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function importClient(): Promise<typeof import("@tursodatabase/api")> {
  try {
    return await import("@tursodatabase/api");
  } catch (cause) {
    throw new LociError(
      "config",
      "Turso's Platform API needs the package @tursodatabase/api, which is not installed.",
      { next: "npm install @tursodatabase/api", cause },
    );
  }
}

type Meaning = readonly [code: ErrorCode, why: string, next: string];

const refusedInput: Meaning = [
  "invalid",
  "it does not take that",
  "Look at the name, the group and the region",
];

const meanings: Readonly<Record<number, Meaning>> = {
  400: refusedInput,
  401: [
    "permission",
    "it does not know the token",
    "Set TURSO_API_TOKEN: turso auth api-tokens mint NAME makes one",
  ],
  403: ["permission", "the token may not do that", "Ask the organization's owner, or set TURSO_ORGANIZATION"],
  404: ["not-found", "it is not there", "loci database ls shows what is there"],
  409: ["invalid", "there is one of that name already", "Choose another name"],
  422: refusedInput,
  429: ["busy", "it was asked too often", "Ask again in a minute"],
};

/** Errors of the client become ours; whatever they say, the token is not told on. */
function translated(
  error: unknown,
  { what, where, token }: { readonly what: string; readonly where: string; readonly token: string },
): unknown {
  if (errorCode(error) !== undefined || !(error instanceof Error)) return error;
  // The client has the number in the text only where the answer was no JSON.
  const inText = Number(/Status (\d{3})/.exec(error.message)?.[1] ?? 0);
  const status = "status" in error && typeof error.status === "number" ? error.status : inText;
  const said = error.message.replaceAll(token, "…").slice(0, 300) || String(status);
  const [code, why, next] = meanings[status] ?? [
    "unreachable",
    "it does not answer as it should",
    "Ask again later",
  ];
  return new LociError(code, `Turso did not ${what}: ${why} (${said}).`, { where, next });
}
