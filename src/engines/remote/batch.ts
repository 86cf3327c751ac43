import type { Answer, Statement } from "../sql/client.ts";
import {
  type BatchResult,
  type Condition,
  fromHrana,
  type HranaError,
  hranaStatement,
  type Step,
} from "./hrana.ts";

/** One write as the steps of a batch: which of them are its statements, and which one says that it stands. */
interface Part {
  readonly statements: ReadonlyArray<readonly number[]>;
  readonly checks: ReadonlySet<number>;
  readonly steps: readonly number[];
  readonly whole: number;
}

export interface Batch {
  readonly steps: readonly Step[];
  readonly parts: readonly Part[];
  /** The step of the commit; undefined where one statement is its own transaction. */
  readonly commit: number | undefined;
}

export type Outcome =
  | { readonly answers: Answer[] }
  | { readonly error: HranaError }
  /** The transaction around it fell: nothing of it was done, and it is not to blame. */
  | "undone";

const autocommit: Condition = { type: "is_autocommit" };
const inTransaction: Condition = { type: "not", cond: autocommit };
const ok = (step: number): Condition => ({ type: "ok", step });
const not = (cond: Condition): Condition => ({ type: "not", cond });
const and = (...conds: Condition[]): Condition => ({ type: "and", conds });

/**
 * Writes that do not know of each other as one request and one commit, each all or none. The server goes on by itself,
 * so each step says when it may run. Some errors end the whole transaction (a full disk): a savepoint after such a one
 * would begin, and commit, one of its own, so each asks whether there is a transaction still.
 */
export function batchOf(writes: ReadonlyArray<readonly Statement[]>): Batch {
  const steps: Step[] = [];
  const add = (sql: string, condition?: Condition): number =>
    steps.push({ stmt: hranaStatement(sql, [], false), ...(condition && { condition }) }) - 1;
  const [only] = writes;
  const alone = only && writes.length === 1 ? only : undefined;
  const [first] = alone ?? [];
  if (alone?.length === 1 && first?.sets.length === 1 && first.least === undefined) {
    return { steps, parts: [addPart(steps, alone, undefined)], commit: undefined };
  }
  const begun = add("begin immediate");
  const parts = writes.map((statements): Part => {
    if (alone) return addPart(steps, statements, begun);
    const saved = add("savepoint loci_part", and(ok(begun), inTransaction));
    const part = addPart(steps, statements, saved);
    const released = add("release loci_part", ok(part.whole));
    const undone = add("rollback to loci_part", and(ok(saved), not(ok(released)), inTransaction));
    add("release loci_part", ok(undone));
    return { ...part, whole: released };
  });
  const commit = add("commit", alone ? ok(parts[0]?.whole ?? begun) : and(ok(begun), inTransaction));
  add("rollback", and(ok(begun), not(ok(commit)), inTransaction));
  return { steps, parts, commit };
}

function addPart(steps: Step[], statements: readonly Statement[], before: number | undefined): Part {
  const checks = new Set<number>();
  const own: number[] = [];
  let last = before;
  const add = (step: Omit<Step, "condition">): number => {
    last = steps.push({ ...step, ...(last === undefined ? {} : { condition: ok(last) }) }) - 1;
    own.push(last);
    return last;
  };
  const places = statements.map(({ sql, sets, answers, least, rowsBySet }) =>
    sets.map((params, place) => {
      const step = add({ stmt: hranaStatement(sql, params, answers) });
      if (least !== undefined) {
        // Of a list that was cut, each piece has to bring all of its rows.
        const wanted = sets.length > 1 ? (rowsBySet?.[place] ?? least) : least;
        const check = `select json(case when changes() < ${wanted} then 'fell short' else '1' end)`;
        checks.add(add({ stmt: hranaStatement(check, [], false) }));
      }
      return step;
    }),
  );
  return { statements: places, checks, steps: own, whole: last ?? 0 };
}

/** What became of each write. */
export function outcomesOf({ parts, commit }: Batch, result: BatchResult): Outcome[] {
  const stands = commit === undefined || result.step_results[commit] !== null;
  return parts.map((part): Outcome => {
    const failed = part.steps.find((step) => result.step_errors[step]);
    if (failed !== undefined && part.checks.has(failed)) return { answers: [] };
    const error = failed === undefined ? undefined : result.step_errors[failed];
    if (error) return { error };
    if (!stands || result.step_results[part.whole] === null) return "undone";
    return { answers: part.statements.map((sets) => answerOf(sets, result)) };
  });
}

/** The server could not begin: another writer was there for longer than it waits. */
export function firstError(result: BatchResult): HranaError | undefined {
  return result.step_errors.find((error) => error !== null) ?? undefined;
}

function answerOf(sets: readonly number[], { step_results }: BatchResult): Answer {
  let changes = 0;
  let ms = 0;
  const rows: unknown[][] = [];
  for (const set of sets) {
    const result = step_results[set];
    if (!result) continue;
    changes += result.affected_row_count;
    ms += result.query_duration_ms ?? 0;
    for (const row of result.rows) rows.push(row.map(fromHrana));
  }
  return { changes, ms, rows };
}
