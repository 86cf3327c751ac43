import type { Engine } from "../../engine/engine.ts";
import { LociError } from "../../errors.ts";
import type { Answer, SqlClient, Statement } from "../sql/client.ts";
import { createSqlEngine } from "../sql/engine.ts";
import { remoteDialect } from "./dialect.ts";
import { translated } from "./errors.ts";
import { type Condition, fromHrana, hranaStatement, type Step, type StepResult } from "./hrana.ts";
import type { Server } from "./server.ts";

/** One connection of the server, for requests that belong together. */
export interface HranaStream {
  batch(steps: readonly Step[]): Promise<ReadonlyArray<StepResult | null>>;
  /** One question whose answer may have any size. */
  cursor(step: Step): Promise<StepResult>;
  close(): Promise<void>;
}

/** Characters of one request, some rows more or less. */
const together = 2 * 1024 * 1024;

/**
 * The server ends a transaction that others wait for (sqld after 5 s), and what comes after it would be done all the
 * same, each by itself: so each step asks whether the transaction is still there.
 */
const inTransaction: Condition = { type: "not", cond: { type: "is_autocommit" } };

/** One transaction over several requests: all of what the work does, or nothing. */
export async function inOneTransaction(
  server: Server,
  begin: "begin" | "begin immediate",
  work: (engine: Engine, client: SqlClient) => Promise<void>,
): Promise<void> {
  const stream = server.stream();
  try {
    await stream.batch([{ stmt: hranaStatement(begin, [], false) }]);
    const client = clientOf(server.place, stream);
    await work(createSqlEngine(client, remoteDialect), client);
    const [done] = await stream.batch([
      { stmt: hranaStatement("commit", [], false), condition: inTransaction },
    ]);
    if (!done) throw ended(server.place);
  } finally {
    // Closing it undoes what was not committed.
    await stream.close();
  }
}

function clientOf(place: string, stream: HranaStream): SqlClient {
  const run = async (steps: Step[]): Promise<StepResult[]> =>
    (await stream.batch(steps)).map((result) => {
      if (result) return result;
      throw ended(place);
    });
  return {
    place,
    async read({ sql, sets }): Promise<Answer> {
      const [params = []] = sets;
      const { rows } = await stream.cursor({
        stmt: hranaStatement(sql, params, true),
        condition: inTransaction,
      });
      return { changes: 0, ms: 0, rows: rows.map((row) => row.map(fromHrana)) };
    },
    async write(statements) {
      const answers: Answer[] = [];
      for (const statement of statements) answers.push(await writeOne(statement, run));
      return answers;
    },
    close: async () => undefined,
  };
}

async function writeOne(
  { sql, sets, answers }: Statement,
  run: (steps: Step[]) => Promise<StepResult[]>,
): Promise<Answer> {
  const results: StepResult[] = [];
  let steps: Step[] = [];
  let size = 0;
  for (const params of sets) {
    steps.push({ stmt: hranaStatement(sql, params, answers), condition: inTransaction });
    for (const param of params) size += typeof param === "string" ? param.length : 8;
    if (size < together) continue;
    results.push(...(await run(steps)));
    steps = [];
    size = 0;
  }
  if (steps.length > 0) results.push(...(await run(steps)));
  return {
    changes: results.reduce((sum, result) => sum + result.affected_row_count, 0),
    ms: 0,
    rows: results.flatMap(({ rows }) => rows.map((row) => row.map(fromHrana))),
  };
}

function ended(place: string): LociError {
  return translated(place, {
    code: "TRANSACTION_TIMEOUT",
    message: "others waited to write, and nothing was done",
  });
}
