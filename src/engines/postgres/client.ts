import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient, PoolConfig } from "pg";
import { errorCode, LociError } from "../../errors.ts";
import type { Millis } from "../../model/collection.ts";
import { type Answer, fellShort, type SqlClient, type Statement } from "../sql/client.ts";
import { translated } from "./errors.ts";
import { createNames, type Names } from "./names.ts";

export interface PostgresOptions {
  /** Connections at most. Default 10. */
  readonly max?: number;
  /** A connection without work is closed after that long. Default 30 s. */
  readonly idleTimeout?: Millis;
  /** Default 5 s. */
  readonly connectTimeout?: Millis;
  /** How long one statement may go unanswered before its connection counts as lost. Default 60 s. */
  readonly answerTimeout?: Millis;
}

const withinDay = { query_timeout: 86_400_000 };

/** Twelve writers that lock two rows in opposite orders needed up to 5 tries. */
const busyTries = 12;

export interface PostgresClient extends SqlClient {
  /** One transaction on one connection, begun by these words, for as long as the work takes. */
  transaction<Result>(begin: string, work: (client: SqlClient) => Promise<Result>): Promise<Result>;
}

export async function openPool(url: string, options: PostgresOptions): Promise<PostgresClient> {
  const place = placeOf(url);
  const { default: pg } = await importDriver(place);
  const open = (config: PoolConfig): Pool => {
    const pool = new pg.Pool(config);
    // A connection at rest that breaks: the pool has dropped it already, and an unheard event would end the process.
    return pool.on("error", () => undefined);
  };
  const config = poolConfig(url, options);
  // Of its own, since a pipelined connection that is given up for a timeout is lost. An older driver has no pipeline.
  return createClient(place, open(config), () => open({ ...config, max: 2, pipeline: true }));
}

function poolConfig(url: string, options: PostgresOptions): PoolConfig {
  const { max = 10, idleTimeout = 30_000, connectTimeout = 5_000, answerTimeout = 60_000 } = options;
  return {
    connectionString: url,
    application_name: "loci",
    max,
    idleTimeoutMillis: idleTimeout,
    connectionTimeoutMillis: connectTimeout,
    query_timeout: answerTimeout,
    keepAlive: true,
    // An engine at rest keeps no process alive.
    allowExitOnIdle: true,
    // Values are decoded by the kind that the collection declares, from the text that the server sent.
    types: { getTypeParser: () => String },
  };
}

function createClient(place: string, pool: Pool, openPipelined: () => Pool): PostgresClient {
  let pipelined: Pool | undefined;
  let closed: Promise<void> | undefined;
  const names = createNames();

  const attempt = async <Result>(work: () => Promise<Result>, again: boolean): Promise<Result> => {
    for (let tries = 1; ; tries++) {
      if (closed) throw new LociError("closed", `${place} was closed.`, { where: place });
      try {
        return await work();
      } catch (raw) {
        // Nothing was done yet: the whole of it again, without names.
        if (names.giveUp(raw) && tries === 1) continue;
        const error = translated(place, raw);
        const code = errorCode(error);
        // A transaction that met another one was rolled back whole. A lost connection may have hidden a commit.
        const retry = code === "busy" ? tries < busyTries : code === "unreachable" && again && tries === 1;
        if (!retry) throw error;
        await sleep(Math.random() * 50 * tries);
      }
    }
  };
  return {
    place,
    read: (statement) => attempt(() => run(pool, statement, { names }), true),
    write: (statements, { again, slow = false, atOnce = false }) => {
      const [only] = statements;
      // One statement is a transaction by itself: one round trip instead of three.
      if (only && statements.length === 1 && only.least === undefined)
        return attempt(() => runAlone(pool, only, { slow, names }), again);
      const through = atOnce ? (pipelined ??= openPipelined()) : pool;
      return attempt(() => inTransaction(through, statements, { slow, names, atOnce }), again);
    },
    transaction: (begin, work) => longTransaction(place, pool, { begin, work }),
    close: () => (closed ??= Promise.all([pool.end(), pipelined?.end()]).then(() => undefined)),
  };
}

async function runAlone(pool: Pool, statement: Statement, how: RunOptions): Promise<Answer[]> {
  try {
    return [await run(pool, statement, how)];
  } catch (error) {
    if (statement.stops && Reflect.get(Object(error), "code") === divisionByZero) return [];
    throw error;
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const divisionByZero = "22012";

async function longTransaction<Result>(
  place: string,
  pool: Pool,
  { begin, work }: { readonly begin: string; readonly work: (client: SqlClient) => Promise<Result> },
): Promise<Result> {
  const connection = await pool.connect();
  const heard = (): void => undefined;
  connection.on("error", heard);
  let broken = false;
  try {
    await connection.query({ text: begin, ...withinDay });
    const result = await work({
      place,
      read: (statement) => run(connection, statement, { slow: true }),
      async write(statements) {
        const answers: Answer[] = [];
        for (const statement of statements) answers.push(await run(connection, statement, { slow: true }));
        return answers;
      },
      close: async () => undefined,
    });
    await connection.query("commit");
    return result;
  } catch (error) {
    broken = await connection.query("rollback").then(
      () => false,
      () => true,
    );
    throw translated(place, error);
  } finally {
    connection.off("error", heard);
    connection.release(broken);
  }
}

async function inTransaction(
  pool: Pool,
  statements: readonly Statement[],
  how: RunOptions,
): Promise<Answer[]> {
  const connection = await pool.connect();
  // The pool listens to connections at rest only; a break between two statements would end the process.
  const heard = (): void => undefined;
  connection.on("error", heard);
  let broken = false;
  try {
    // Where no statement waits for the answer to another, all of them travel at once, in one round trip.
    if (statements.every(({ least }) => least === undefined))
      return await runAtOnce(connection, statements, how);
    await connection.query("begin");
    const answers: Answer[] = [];
    for (const statement of statements) {
      const answer = await run(connection, statement, how);
      if (fellShort(statement, answer)) {
        await connection.query("rollback");
        return [];
      }
      answers.push(answer);
    }
    await connection.query("commit");
    return answers;
  } catch (error) {
    broken = await connection.query("rollback").then(
      () => false,
      () => true,
    );
    throw error;
  } finally {
    connection.off("error", heard);
    connection.release(broken);
  }
}

/** After an error the server does nothing more until the end, which is then no commit. */
async function runAtOnce(
  connection: PoolClient,
  statements: readonly Statement[],
  how: RunOptions,
): Promise<Answer[]> {
  const begun = connection.query("begin");
  const running = statements.map((statement) => run(connection, statement, how));
  const ended = connection.query("commit");
  const outcomes = await Promise.allSettled([begun, ...running, ended]);
  const failed = outcomes.findIndex(({ status }) => status === "rejected");
  if (failed < 0) return Promise.all(running);
  const statement = statements[failed - 1];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- found by its being rejected
  const { reason } = outcomes[failed] as PromiseRejectedResult;
  if (statement?.stops && Reflect.get(Object(reason), "code") === divisionByZero) return [];
  throw reason;
}

interface RunOptions {
  readonly atOnce?: boolean;
  readonly slow?: boolean;
  readonly names?: Names;
}

async function run(
  connection: Pool | PoolClient,
  { sql, sets, answers }: Statement,
  { slow = false, names }: RunOptions,
): Promise<Answer> {
  const began = performance.now();
  let changes = 0;
  const rows: unknown[][] = [];
  for (const values of sets) {
    const name = names?.of(sql);
    const asked = { text: sql, values: [...values], rowMode: "array" as const, ...(name && { name }) };
    // The driver takes a query's own time over the pool's; its types do not know.
    const result = await connection.query(slow ? { ...asked, ...withinDay } : asked);
    changes += result.rowCount ?? 0;
    // rowMode says that each row is a list.
    if (answers) for (const row of result.rows as unknown[][]) rows.push(row);
  }
  return { changes, rows, ms: performance.now() - began };
}

export async function importDriver(place: string): Promise<typeof import("pg")> {
  try {
    return await import("pg");
  } catch (error) {
    throw new LociError("config", "PostgreSQL needs the package pg, which is not installed.", {
      where: place,
      next: "npm install pg",
      cause: error,
    });
  }
}

/** For messages: without user, password and options. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) {
    throw new LociError("config", "The URL of the PostgreSQL database cannot be read.", {
      next: "postgres://user:password@host:5432/database",
    });
  }
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
