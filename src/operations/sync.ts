import type { DatabaseItem } from "../databases/provider.ts";
import type { Tokens } from "../databases/tokens.ts";
import { LociError } from "../errors.ts";
import type { SyncMode } from "../model/sync-state.ts";
import type { Loci } from "../open.ts";
import type { Compared, SyncReport } from "../sync/report.ts";
import type { Sync } from "../sync/sync.ts";
import { isoTime, type Operation, operation } from "./operation.ts";
import { limitFlag } from "./params.ts";

export type { Compared, SyncReport };

/** Errors: `unsupported`. */
export function syncOf({ sync, engine, place }: Loci): Sync {
  if (sync !== undefined) return sync;
  throw new LociError("unsupported", `${engine.name} cannot take part in sync.`, {
    where: place,
    next: "Stores that can are files, libSQL servers and PostgreSQL: docs/sync.md",
  });
}

/** What each way does, in words that fit behind "loci sync". */
const ways: Readonly<Record<SyncMode, string>> = {
  push: "send what changed here to the hub",
  pull: "take what changed at the hub",
  full: "both: take, send, and compare",
};

export const syncPush: Operation = syncOperation("push");
export const syncPull: Operation = syncOperation("pull");
export const syncFull: Operation = syncOperation("full");

function syncOperation(mode: SyncMode): Operation {
  return operation({
    name: `sync ${mode}`,
    summary: ways[mode],
    access: "write",
    params: {},
    async run(loci, _, { signal }): Promise<SyncReport> {
      const sync = syncOf(loci);
      // What a process that was killed had noted goes along.
      if (mode !== "pull") await loci.recover();
      return sync[mode]({ signal });
    },
  });
}

export const verifySync: Operation = operation({
  name: "sync verify",
  summary: "compare this store and the hub, row by row; change nothing",
  access: "write",
  params: { quick: { kind: "boolean", summary: "only which rows there are and how new they are" } },
  run: (loci, { quick }, { signal }): Promise<Compared> => syncOf(loci).verify({ rows: !quick, signal }),
});

export const repairSync: Operation = operation({
  name: "sync repair",
  summary: "send and take again whatever is not the same on both sides",
  access: "write",
  params: {},
  run: (loci, _, { signal }): Promise<Compared> => syncOf(loci).repair({ signal }),
});

export interface LocalAnswer {
  readonly sessionId: string;
  readonly localOnly: boolean;
}

export const keepLocal: Operation = operation({
  name: "sync local",
  summary: "a session that never leaves this store",
  access: "write",
  params: {
    id: { kind: "string", positional: true, required: true, summary: "the session, with its sub-agents" },
    off: { kind: "boolean", summary: "it may leave again" },
  },
  async run(loci, { id, off }, { wholeIds }): Promise<LocalAnswer> {
    const sync = syncOf(loci);
    const sessionId = wholeIds ? id : (await loci.sessions.resolve(id)).id;
    await sync.localOnly(sessionId, !off);
    return { sessionId, localOnly: !off };
  },
});

export interface ConflictItem {
  readonly at: string;
  readonly collection: string;
  readonly rowKey: string;
  readonly field: string;
  /** When, and in which store, the value was set that stands, and the one that does not. */
  readonly kept: string;
  readonly lost: string;
  readonly lostValue: unknown;
}

export const listConflicts: Operation = operation({
  name: "sync conflicts",
  summary: "values that gave way to later ones, newest first",
  access: "read",
  params: { limit: limitFlag },
  async run(loci, { limit }): Promise<{ readonly items: readonly ConflictItem[] }> {
    const found = await syncOf(loci).conflicts({ limit });
    return { items: found.map(({ id: _, at, ...rest }) => ({ at: isoTime(at), ...rest })) };
  },
});

export interface QuarantinedItem {
  readonly at: string;
  readonly direction: string;
  readonly collection: string;
  readonly rowKey: string;
  readonly tries: number;
  readonly reason: string;
}

export const listQuarantined: Operation = operation({
  name: "sync quarantine",
  summary: "rows that did not arrive, and why",
  access: "read",
  params: { limit: limitFlag },
  async run(loci, { limit }): Promise<{ readonly items: readonly QuarantinedItem[] }> {
    const found = await syncOf(loci).quarantined({ limit });
    return {
      items: found.map(({ at, direction, collection, rowKey, tries, reason }) => ({
        ...{ at: isoTime(at), direction, collection, rowKey, tries, reason },
      })),
    };
  },
});

export interface SpokeTokenAnswer {
  readonly database: string;
  readonly permission: string;
  readonly expiresAt: string | null;
  /** The hub's URL. */
  readonly url: string;
  /** Told once. */
  readonly token: string;
}

export const spokeToken: Operation = operation({
  name: "sync token",
  summary: "make a token for a spoke of a database by name, and print what the spoke's environment needs",
  access: "write",
  params: {
    database: {
      kind: "string",
      positional: true,
      required: true,
      summary: "the hub, as loci database ls names it",
    },
    mode: {
      kind: "enum",
      choices: ["push", "pull", "full"],
      default: "push",
      summary: "what the spoke does; one that only pulls gets a token that may only read",
    },
    expiration: { kind: "string", summary: "7d, 2w1d30m, never; else TOKEN_EXPIRATION" },
  },
  async run(loci, { database, mode, expiration }): Promise<SpokeTokenAnswer> {
    const { tokens, items } = await mintOf(loci);
    const hub = items.find(({ name }) => name === database);
    if (hub === undefined) {
      throw new LociError("not-found", `No database is called ${JSON.stringify(database)}.`, {
        next: "loci database ls",
      });
    }
    const made = await tokens.create({
      database,
      permission: mode === "pull" ? "read-only" : "full-access",
      expiration,
    });
    const { permission, expiresAt, token } = made;
    return { database, permission, expiresAt: isoTime(expiresAt), url: hub.url, token };
  },
});

async function mintOf({
  databases,
}: Loci): Promise<{ readonly tokens: Tokens; readonly items: readonly DatabaseItem[] }> {
  if (databases.tokens !== undefined) return { tokens: databases.tokens, items: await databases.list() };
  throw new LociError(
    "config",
    "Tokens are made where databases are, and neither Turso nor a sqld is configured.",
    {
      where: "TURSO_API_TOKEN with TURSO_ORGANIZATION, or LOCI_SQLD_URL with LOCI_SQLD_KEY_FILE",
      next: "Set these, or have the hub's operator make the token.",
    },
  );
}
