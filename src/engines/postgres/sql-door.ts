import type { Client } from "pg";
import type { SqlAnswer, SqlDoor } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import { guard, type ReadStatement } from "../sql/guard.ts";
import { createAnswer, type Limits, limitsOf } from "../sql/guard-answer.ts";
import { postgresRules } from "../sql/guard-lists.ts";
import { type Change, guardWrite, postgresWriting } from "../sql/guard-write.ts";
import { createView, views } from "../sql/views.ts";
import { importDriver, placeOf } from "./client.ts";
import { explained, tooSlow } from "./sql-errors.ts";
import { changeRows } from "./sql-change.ts";
import { nearestRows } from "./vectors.ts";
import { bindAll, numbered, readers } from "./sql-values.ts";

export interface PostgresSqlDoorOptions {
  /** The URL of a role that may only SELECT; it is used where it is given. Default: the store's own URL. */
  readonly readOnlyUrl?: string | undefined;
}

/** The most that one question may bring to this process, before it is cut: a cell may have a gigabyte there. */
const leastReceived = 16 * 1024 * 1024;

/**
 * Read-only SQL over PostgreSQL. The words are checked; then the statement becomes a cursor in a READ ONLY
 * transaction, which takes nothing but a SELECT and changes nothing, and the transaction is rolled back. Each
 * question has its own connection, so that nothing of it stays; the server stops it at the deadline, because a
 * backend goes on when its client is gone.
 */
export function createPostgresSqlDoor(url: string, { readOnlyUrl }: PostgresSqlDoorOptions = {}): SqlDoor {
  const address = readOnlyUrl ?? url;
  const query: SqlDoor["query"] = async (sql, options = {}) => {
    const statement = guard(numbered(sql, options.params), postgresRules);
    const limits = limitsOf(options);
    const values = bindAll(options.params ?? [], statement.places);
    return connected(address, { statement, limits }, (connection) => {
      options.onAsk?.();
      return answer(connection, { statement, values, limits });
    });
  };
  return {
    query,
    nearest: (search) => nearestRows(search, query, placeOf(address)),
    async execute(sql, options = {}) {
      const statement = guardWrite(numbered(sql, options.params), postgresWriting);
      if (!("targets" in statement)) {
        return { ...(await query(sql, options)), rowsAffected: 0, lastInsertRowid: null };
      }
      const limits = limitsOf(options);
      const values = bindAll(options.params ?? [], statement.places);
      const { maxChanges = 1_000 } = options;
      return connected(url, { statement, limits }, ({ client }) => {
        options.onAsk?.();
        return changeRows(client, statement, { values, limits, maxChanges });
      });
    },
  };
}

/** A connection for one statement; errors come out as sentences. */
async function connected<Result>(
  address: string,
  { statement, limits }: { readonly statement: ReadStatement | Change; readonly limits: Limits },
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(address, limits);
  try {
    return await work(connection);
  } catch (error) {
    throw await explained(error, {
      place: placeOf(address),
      statement,
      limits,
      stopped: connection.stopped(),
      client: connection.client,
    });
  } finally {
    await connection.end();
  }
}

interface Connection {
  readonly client: Client;
  /** Why this side ended it, where it did. */
  stopped(): LociError | undefined;
  end(): Promise<void>;
}

async function connect(url: string, limits: Limits): Promise<Connection> {
  const { default: pg } = await importDriver(placeOf(url));
  const client = new pg.Client({
    connectionString: url,
    application_name: "loci-sql",
    connectionTimeoutMillis: 5_000,
    types: { getTypeParser: (oid: number) => readers.get(oid) ?? String },
  });
  let reason: LociError | undefined;
  let ended = false;
  // The stream is the driver's, and not in its types: it is the one place where bytes can be counted as they come.
  const { stream } = (
    client as unknown as { connection: { stream: NodeJS.ReadableStream & { destroy(): void } } }
  ).connection;
  const stop = (error: LociError): void => {
    reason ??= error;
    stream.destroy();
  };
  client.on("error", () => undefined);
  const mostReceived = Math.max(leastReceived, limits.maxBytes * 2);
  let received = 0;
  stream.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > mostReceived) stop(tooLarge(mostReceived));
  });
  const timer = setTimeout(() => stop(tooSlow(limits.deadline)), limits.deadline + 1_000);
  const end = async (): Promise<void> => {
    clearTimeout(timer);
    if (ended) return;
    ended = true;
    if (reason) stream.destroy();
    else await client.end().catch(() => undefined);
  };
  try {
    await client.connect();
  } catch (error) {
    await end();
    throw await explained(error, {
      place: placeOf(url),
      statement: undefined,
      limits,
      stopped: reason,
      client: undefined,
    });
  }
  return { client, stopped: () => reason, end };
}

function tooLarge(bytes: number): LociError {
  const limit = `${Math.round(bytes / 1024 / 1024)} MB`;
  return new LociError("too-large", `The query brought more than ${limit} and was stopped.`, {
    next: "Ask for fewer columns, shorter texts with left(), or fewer rows with LIMIT",
  });
}

interface Question {
  readonly statement: ReadStatement;
  readonly values: readonly unknown[];
  readonly limits: Limits;
}

async function answer({ client }: Connection, { statement, values, limits }: Question): Promise<SqlAnswer> {
  await begin(client, statement, limits);
  // The extended protocol takes one statement and nothing behind it, whatever the guard thought of it.
  const ask = (text: string, bound: readonly unknown[] = []) =>
    client.query<unknown[]>({
      text,
      values: [...bound],
      rowMode: "array",
      queryMode: "extended",
    } as never) as never as Promise<Rows>;
  if (statement.kind === "explain") {
    const plan = await ask(statement.text, values);
    return collect(plan, limits);
  }
  await ask(`declare loci_answer no scroll cursor for ${statement.text}`, values);
  const first = await ask("fetch 1 from loci_answer");
  const answer = createAnswer(namesOf(first), limits);
  let rows = first.rows;
  let step = 1;
  // The step grows with what fits: a row may have a kilobyte or a gigabyte, and only the server knows.
  while (rows.length > 0 && rows.every((row) => answer.add(row))) {
    const bytes = Math.max(1, ...rows.map((row) => JSON.stringify(row).length));
    step = Math.max(1, Math.min(step * 4, 250, Math.floor((1024 * 1024) / bytes)));
    rows = (await ask(`fetch ${step} from loci_answer`)).rows;
  }
  await client.query("rollback");
  return answer.answer();
}

interface Rows {
  readonly fields: ReadonlyArray<{ readonly name: string }>;
  readonly rows: unknown[][];
}

function namesOf({ fields }: Rows): string[] {
  return fields.map(({ name }) => name);
}

function collect(rows: Rows, limits: Limits): SqlAnswer {
  const answer = createAnswer(namesOf(rows), limits);
  for (const row of rows.rows) if (!answer.add(row)) break;
  return answer.answer();
}

/** Views for people exist for the one transaction that names them, unless somebody has made them for good. */
async function begin(client: Client, { names }: ReadStatement, { deadline }: Limits): Promise<void> {
  await client.query("begin");
  for (const view of views.filter(({ name }) => names.has(name))) {
    const { rows } = await client.query<{ there: boolean }>("select to_regclass($1) is not null as there", [
      view.name,
    ]);
    if (rows[0]?.there === false) await client.query(createView(view, "postgres", "create temp view"));
  }
  await client.query(`set transaction read only; set local statement_timeout = ${Math.ceil(deadline)};
    set local lock_timeout = ${Math.min(2_000, Math.ceil(deadline))};
    set local idle_in_transaction_session_timeout = ${Math.ceil(deadline) + 5_000};
    set local standard_conforming_strings = on; set local timezone = 'UTC'; set local datestyle = 'ISO';
    set local bytea_output = 'hex'; set local work_mem = '16MB'; set local jit = off; set local max_parallel_workers_per_gather = 0`);
}
