import type { SqlExecuted } from "../engine/engine.ts";
import type { AuthToken } from "../engine/json-web-token.ts";
import { LociError } from "../errors.ts";
import { type Loci, open } from "../open.ts";
import { ownTables } from "../operations/tables.ts";
import type { SyncReport } from "../sync/report.ts";

/** `sync` and `full` are both ways, `push` sends only, `pull` takes only. */
export type ConnectMode = "sync" | "full" | "push" | "pull";

export interface ConnectOptions {
  /** The local file. Default: `agent.db` in the folder where the program runs. */
  readonly path?: string | undefined;
  /** The database it syncs with: `libsql://…`, `https://….turso.io`, `postgres://…`. Without one, nothing leaves the file. */
  readonly url?: string | undefined;
  readonly authToken?: AuthToken | undefined;
  /** Default `full`. */
  readonly sync?: ConnectMode | undefined;
}

type Row = Readonly<Record<string, unknown>>;

/** One statement. Statements run in the order of their calls, also where nobody waits for them. */
export interface Statement {
  run(
    ...values: readonly unknown[]
  ): Promise<Pick<SqlExecuted, "lastInsertRowid"> & { readonly changes: number }>;
  get(...values: readonly unknown[]): Promise<Row | undefined>;
  all(...values: readonly unknown[]): Promise<Row[]>;
}

export interface ConnectSynced extends SyncReport {
  /** Tables of your own: sync carries what Loci stores, and they stay in the file. */
  readonly leftOut: readonly string[];
}

/** A local store that answers SQL and syncs when it is told to. */
export interface AgentDatabase extends AsyncDisposable {
  prepare(sql: string): Statement;
  exec(sql: string): Promise<void>;
  /** One sync in the mode of `connect`. Errors: `config` without a `url`, and what the server answers. */
  sync(): Promise<ConnectSynced>;
  push(): Promise<ConnectSynced>;
  pull(): Promise<ConnectSynced>;
  /** The store itself: everything else. */
  readonly loci: Loci;
  close(): Promise<void>;
}

/** Opens a local store by its path, or by what it syncs with: docs/compat.md. */
export async function connect(options: string | ConnectOptions): Promise<AgentDatabase> {
  const {
    path = "agent.db",
    url,
    authToken,
    sync: mode = "full",
  } = typeof options === "string" ? { path: options } : options;
  const settings = { mode: mode === "sync" ? "full" : mode, authToken } as const;
  const loci = await open(path, { sync: url === undefined ? false : { url, ...settings } });
  let last: Promise<unknown> = Promise.resolve();
  const next = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
  const synced = (way: "run" | "push" | "pull"): Promise<ConnectSynced> =>
    next(async () => {
      if (loci.sync === undefined)
        throw new LociError("unsupported", `${loci.place} cannot take part in sync.`);
      const [report, leftOut] = [await loci.sync[way](), await ownTables(loci)];
      return { ...report, leftOut };
    });
  const close = async (): Promise<void> => {
    await last;
    await loci.close();
  };
  return {
    prepare: (sql) => statement(loci, sql, next),
    exec: async (sql) => void (await statement(loci, sql, next).run()),
    sync: () => synced("run"),
    push: () => synced("push"),
    pull: () => synced("pull"),
    loci,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function statement(
  { sql: door, engine }: Loci,
  sql: string,
  next: <Result>(work: () => Promise<Result>) => Promise<Result>,
): Statement {
  const refused = (): LociError => new LociError("unsupported", `${engine.name} does not answer SQL.`);
  const all = (values: readonly unknown[]): Promise<Row[]> =>
    next(async () => {
      if (door === undefined) throw refused();
      const { columns, rows } = await door.query(sql, { params: values });
      return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
    });
  return {
    run: (...values) =>
      next(async () => {
        if (door?.execute === undefined) throw refused();
        const { rowsAffected, lastInsertRowid } = await door.execute(sql, { params: values });
        return { changes: rowsAffected, lastInsertRowid };
      }),
    get: async (...values) => (await all(values))[0],
    all: (...values) => all(values),
  };
}
