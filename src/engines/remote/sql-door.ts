import type { SqlAnswer, SqlDoor, SqlOptions } from "../../engine/engine.ts";
import { errorCode, LociError } from "../../errors.ts";
import { bindList } from "../libsql/binder.ts";
import { nearestRows } from "../libsql/vectors.ts";
import { guard, type ReadStatement } from "../sql/guard.ts";
import { createAnswer, type Limits, limitsOf } from "../sql/guard-answer.ts";
import { sqliteRules } from "../sql/guard-lists.ts";
import { checkProgram } from "../sql/guard-program.ts";
import { views, viewText } from "../sql/views.ts";
import { firstError } from "./batch.ts";
import { translated } from "./errors.ts";
import { fromHrana, type HranaError, type HranaStatement, type Step, type StepResult } from "./hrana.ts";
import { NoAnswer } from "./http.ts";
import type { Server } from "./server.ts";

/** Bytes that one question may bring to this process. */
const received = 16 * 1024 * 1024;

/**
 * Read-only SQL over a libSQL server, which has no `query_only` for one request. The words are checked here; then what
 * the server would do (EXPLAIN); then it runs in a transaction that is rolled back, whatever it was. With a token that
 * may only read (`LOCI_SQL_TOKEN`) the server itself refuses changes too. After the deadline nobody waits for it; the
 * server stops it by its own limits.
 */
export function createRemoteSqlDoor(server: Server): SqlDoor {
  const ask = async (steps: readonly Step[], limits: Limits): Promise<readonly (StepResult | null)[]> => {
    try {
      const result = await server.batch(steps, { again: true, deadline: limits.deadline, most: received });
      const error = firstError(result);
      if (error) throw explained(server.place, error);
      return result.step_results;
    } catch (error) {
      throw stopped(server.place, error, limits);
    }
  };
  const run = async (
    statement: ReadStatement,
    { isOurs, ...options }: SqlOptions & { readonly isOurs?: boolean } = {},
  ): Promise<SqlAnswer> => {
    const limits = limitsOf(options);
    const args = bindList(options.params ?? [], statement.places).map(bound);
    const said = (sql: string, values = args): HranaStatement => ({ sql, args: values, want_rows: true });
    const text = withViews(statement);
    if (statement.kind !== "pragma" && !isOurs) {
      const [program] = await ask([{ stmt: said(`explain ${text.inner}`) }], limits);
      checkProgram(
        (program?.rows ?? []).map((row) => row.map(fromHrana)),
        sqliteRules.functions,
      );
    }
    const [, result] = await ask(
      [
        { stmt: said("begin", []) },
        { condition: { type: "ok", step: 0 }, stmt: said(limited(statement, text.whole, limits)) },
        { condition: { type: "not", cond: { type: "is_autocommit" } }, stmt: said("rollback", []) },
      ],
      limits,
    );
    return answerOf(result, limits);
  };
  return {
    query: async (sql, options) => run(guard(sql, sqliteRules), options),
    nearest: (search) =>
      nearestRows(search, (statement, options) => run(statement, { ...options, isOurs: true })),
  };
}

/** Views for people are not in the database: they stand before the question that names them. */
function withViews({ inner, text, names }: ReadStatement): {
  readonly inner: string;
  readonly whole: string;
} {
  const named = views.filter(({ name }) => names.has(name));
  if (named.length === 0) return { inner, whole: text };
  const heads = named.map((view) => `${view.name} as (${viewText(view, "sqlite")})`).join(", ");
  const seen = `with ${heads} select * from (${inner})`;
  return { inner: seen, whole: `${text.slice(0, text.length - inner.length)}${seen}` };
}

/** One row more than is shown, so that the answer can say that there are more. */
function limited({ kind }: ReadStatement, text: string, { maxRows }: Limits): string {
  return kind === "rows" ? `select * from (${text}) limit ${maxRows + 1}` : text;
}

function answerOf(result: StepResult | null | undefined, limits: Limits): SqlAnswer {
  // SQLite tells columns of one name in a subquery apart by a number.
  const names = (result?.cols ?? []).map(({ name }) => (name ?? "").replace(/:\d+$/, ""));
  const collected = createAnswer(names, limits);
  for (const row of result?.rows ?? []) if (!collected.add(row.map(fromHrana))) break;
  return collected.answer();
}

function bound(value: ReturnType<typeof bindList>[number]): HranaStatement["args"][number] {
  if (value === null) return { type: "null" };
  if (typeof value === "string") return { type: "text", value };
  if (typeof value === "bigint" || Number.isSafeInteger(value))
    return { type: "integer", value: String(value) };
  if (typeof value === "number") return { type: "float", value };
  return { type: "blob", base64: value.toString("base64") };
}

function explained(place: string, error: HranaError): LociError {
  const told = translated(place, error);
  const isSql = told.code === "schema" || told.code === "invalid";
  if (!isSql) return told;
  return new LociError("invalid", `SQL: ${error.message}.`, {
    where: place,
    cause: told,
    next: "list_tables says what there is.",
  });
}

function stopped(place: string, error: unknown, { deadline }: Limits): unknown {
  if (error instanceof NoAnswer && error.stopped === "deadline") {
    return new LociError("interrupted", `The query was stopped: there was no answer after ${deadline} ms.`, {
      where: place,
    });
  }
  const tooLarge = error instanceof NoAnswer || errorCode(error) === "too-large";
  if (!tooLarge) return error;
  return new LociError("too-large", "The query has a larger answer than is brought here.", {
    where: place,
    next: "Ask for fewer columns, shorter texts with substr(), or fewer rows with LIMIT",
    cause: error instanceof NoAnswer ? undefined : error,
  });
}
