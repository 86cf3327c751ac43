import type { ExecuteOptions, SqlDoor, SqlOptions } from "../../engine/engine.ts";
import type { Meter, PatternOf } from "../../engine/meter.ts";
import { type AnyCollection, columnName } from "../../model/collection.ts";
import { searchSchema, storeSchema } from "../../model/schema.ts";
import type { SqlClient } from "./client.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Lexis } from "./guard-tokens.ts";
import { views } from "./views.ts";

/** What a write takes beside its statements: the wait for its turn and for the lock, its beginning, its commit. */
const transaction = "begin; commit";
const ofTransaction: PatternOf = () => transaction;

/** Where what was measured is kept: keeping it is not measured. */
const ownTables = /"query_(?:performance|log)"/;

/**
 * Notes every statement with the time that the database took for it. The values are bound, so the text has none, and
 * quoted names are those of collections.
 */
export function meteredClient(client: SqlClient, meter: Meter, lexis: Lexis): SqlClient {
  const patternOf: PatternOf = (sql) => (ownTables.test(sql) ? undefined : fingerprint(sql, lexis));
  return {
    ...client,
    async read(statement) {
      const answer = await client.read(statement);
      meter.note(statement.sql, answer.ms, patternOf);
      return answer;
    },
    async write(statements, options) {
      const began = performance.now();
      const answers = await client.write(statements, options);
      const lasted = performance.now() - began;
      let worked = 0;
      let counted = 0;
      for (const [place, { sql }] of statements.entries()) {
        const ms = answers[place]?.ms;
        if (ms === undefined || !meter.note(sql, ms, patternOf)) continue;
        worked += ms;
        counted++;
      }
      if (counted > 0) {
        meter.note(transaction, Math.max(0, lasted - worked), ofTransaction);
        meter.noteChange();
      }
      return answers;
    },
  };
}

/**
 * Notes every statement with the time from the moment on when the database was asked: the start of a process is no
 * statement's. One that failed counts only where it took long.
 */
export function meteredDoor(door: SqlDoor, meter: Meter, lexis: Lexis): SqlDoor {
  const patternOf: PatternOf = (sql) => fingerprint(sql, lexis, { names: knownNames() });
  const measured =
    <Options extends SqlOptions, Answer>(ask: (sql: string, options: Options) => Promise<Answer>) =>
    async (sql: string, options: Options): Promise<Answer> => {
      let began = performance.now();
      const onAsk = (): void => {
        began = performance.now();
        options.onAsk?.();
      };
      try {
        const answer = await ask(sql, { ...options, onAsk });
        meter.note(sql, performance.now() - began, patternOf);
        return answer;
      } catch (error) {
        const lasted = performance.now() - began;
        if (lasted >= meter.slowFrom) meter.note(sql, lasted, patternOf);
        throw error;
      }
    };
  const run = door.execute?.bind(door);
  const execute =
    run &&
    measured(async (sql, options: ExecuteOptions) => {
      const done = await run(sql, options);
      meter.noteChange();
      return done;
    });
  const query = measured((sql, options: SqlOptions) => door.query(sql, options));
  return {
    ...door,
    query: (sql, options = {}) => query(sql, options),
    ...(execute && { execute: (sql, options = {}) => execute(sql, options) }),
  };
}

let known: ReadonlySet<string> | undefined;

/** Of tables, columns and views, as they are written in SQL. */
function knownNames(): ReadonlySet<string> {
  known ??= new Set([
    ...[storeSchema, searchSchema]
      .flatMap(({ migrations }) => migrations.flatMap(({ create }) => create ?? []))
      .flatMap((collection: AnyCollection) => [
        collection.name,
        ...Object.keys(collection.fields).map(columnName),
      ]),
    ...views.flatMap(({ name, columns }) => [name, ...columns.map(([column]) => column)]),
  ]);
  return known;
}
