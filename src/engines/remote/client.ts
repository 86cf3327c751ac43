import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "../../errors.ts";
import type { Answer, SqlClient, Statement } from "../sql/client.ts";
import { type Batch, batchOf, firstError, type Outcome, outcomesOf } from "./batch.ts";
import { isBusy, translated } from "./errors.ts";
import { type BatchResult, fromHrana, type HranaError, hranaStatement, type StepResult } from "./hrana.ts";
import { NoAnswer } from "./http.ts";
import type { RemoteOptions, Server } from "./server.ts";

/** Of a migration, which may wait for another process's. */
const slowAnswer = 600_000;

/** Reads side by side; writes one request after the other, in which all go that wait. */
export function createRemoteClient(server: Server, { busyTimeout = 30_000 }: RemoteOptions): SqlClient {
  const { place } = server;
  const write = createWriter(server, busyTimeout);
  const readOnce = async (statement: Statement): Promise<StepResult> => {
    const [params = []] = statement.sets;
    const asked = hranaStatement(statement.sql, params, true);
    const result = await patiently(busyTimeout, firstError, () =>
      // The server's clock is asked for often, and an old answer would be a wrong one.
      server.batch([{ stmt: asked }], { again: true }),
    );
    const error = firstError(result);
    // The answer of a batch has a largest size (sqld: 10 MB); a cursor's has none.
    if (error?.code === "RESPONSE_TOO_LARGE") return server.cursor(asked);
    if (error) throw translated(place, error);
    return result.step_results[0] ?? { cols: [], rows: [], affected_row_count: 0 };
  };
  return {
    place,
    async read(statement): Promise<Answer> {
      const began = performance.now();
      const { rows, query_duration_ms } = await readOnce(statement).catch(async (error: unknown) => {
        if (errorCode(error) !== "too-large") throw error;
        return server.cursor(hranaStatement(statement.sql, statement.sets[0] ?? [], true));
      });
      const ms = query_duration_ms ?? performance.now() - began;
      return { changes: 0, ms, rows: rows.map((row) => row.map(fromHrana)) };
    },
    write: (statements, { again, slow = false }) =>
      new Promise((resolve, reject) => write({ statements, again, slow, resolve, reject })),
    async close() {
      await write.idle();
      await server.close();
    },
  };
}

/** What met another writer was not done, and is done again. */
async function patiently(
  busyTimeout: number,
  errorOf: (result: BatchResult) => HranaError | undefined,
  work: () => Promise<BatchResult>,
): Promise<BatchResult> {
  const began = performance.now();
  for (let tries = 1; ; tries++) {
    const result = await work();
    const error = errorOf(result);
    if (!error || !isBusy(error) || performance.now() - began >= busyTimeout) return result;
    // Jitter, so that writers which met once do not meet again.
    await sleep(Math.random() * Math.min(200, 10 * tries));
  }
}

/** Where the commit went through, an error is one write's own, and the others stand. */
function undoneBy({ commit }: Batch): (result: BatchResult) => HranaError | undefined {
  return (result) =>
    commit !== undefined && result.step_results[commit] !== null ? undefined : firstError(result);
}

interface Write {
  readonly statements: readonly Statement[];
  readonly again: boolean;
  readonly slow: boolean;
  readonly resolve: (answers: Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Writer {
  (write: Write): void;
  idle(): Promise<void>;
}

/** Of one request. Its answer may be lost, and then all that may not be done twice is told so: not too many together. */
const together = { writes: 64, characters: 1024 * 1024 };

/**
 * One request at a time: many writers at once were slower than one (510 inserts/s against 1,200), and met each other
 * (sqld 0.24.1-pre.42, 2026-11). What waits meanwhile goes together in the next.
 */
function createWriter(server: Server, busyTimeout: number): Writer {
  const queue: Write[] = [];
  let turns: Promise<void> | undefined;

  const ask = (batch: Batch, { again, slow }: Write): Promise<BatchResult> =>
    patiently(busyTimeout, undoneBy(batch), () =>
      server.batch(batch.steps, { again, ...(slow && { answerTimeout: slowAnswer }) }),
    );
  const send = async (writes: readonly Write[]): Promise<void> => {
    const [first] = writes;
    if (!first) return;
    const batch = batchOf(writes.map(({ statements }) => statements));
    let outcomes: Outcome[];
    try {
      outcomes = outcomesOf(batch, await ask(batch, first));
    } catch (error) {
      for (const { reject } of writes) reject(error instanceof NoAnswer ? new Error(error.message) : error);
      return;
    }
    for (const [place, write] of writes.entries()) {
      const outcome = outcomes[place] ?? "undone";
      if (outcome === "undone") await sendAlone(write, writes.length);
      else if ("answers" in outcome) write.resolve(outcome.answers);
      else if (isBusy(outcome.error) && writes.length > 1) await sendAlone(write, writes.length);
      else write.reject(translated(server.place, outcome.error));
    }
  };
  const sendAlone = async (write: Write, of: number): Promise<void> => {
    if (of > 1) return send([write]);
    const message = "the transaction was undone by the server";
    write.reject(translated(server.place, { message, code: "SQLITE_BUSY" }));
  };
  const turn = async (): Promise<void> => {
    // Whoever calls in the same moment comes along.
    await Promise.resolve();
    while (queue.length > 0) await send(takeTogether(queue));
    turns = undefined;
  };
  const add = (write: Write): void => {
    queue.push(write);
    turns ??= turn();
  };
  return Object.assign(add, { idle: async () => turns });
}

/** From the front: those that may be sent again, or those that may not, never both; a slow one alone. */
function takeTogether(queue: Write[]): Write[] {
  const [first] = queue;
  let count = 0;
  let size = 0;
  for (const write of queue) {
    if (count >= together.writes || write.again !== first?.again) break;
    if (count > 0 && (write.slow || first.slow)) break;
    size += sizeOf(write);
    if (count > 0 && size > together.characters) break;
    count++;
  }
  return queue.splice(0, count);
}

function sizeOf({ statements }: Write): number {
  let size = 0;
  for (const { sql, sets } of statements) {
    size += sql.length;
    for (const set of sets) {
      for (const param of set)
        size += typeof param === "string" || param instanceof Uint8Array ? param.length : 8;
    }
  }
  return size;
}
