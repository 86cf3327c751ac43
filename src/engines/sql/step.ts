import type { PlannedChange } from "../../engine/change.ts";
import type { Answer, SqlClient, Statement } from "./client.ts";
import { compileChange, compileTake } from "./compile.ts";
import { decodeRows, type Row } from "./decode.ts";
import type { Dialect, FusedTake } from "./dialect.ts";

export interface Stepped {
  readonly counts: number[];
  readonly taken: Row[];
}

/** Changes and a take behind them, all or none: `write`, `take` and `exchange` are this. */
export type Step = (planned: readonly PlannedChange[], take?: FusedTake) => Promise<Stepped>;

export function createSteps(client: SqlClient, dialect: Dialect): Step {
  return async (planned, given) => {
    const changes = planned.filter((change) => change.kind !== "insert" || change.rows.length > 0);
    const take = given?.plan.limit === 0 ? undefined : given;
    if (changes.length === 0 && take === undefined) return { counts: planned.map(() => 0), taken: [] };
    const countsFrom = (counts: readonly number[]): number[] =>
      planned.map((change) => counts[changes.indexOf(change)] ?? 0);
    const again = take === undefined && changes.every(isSafeTwice);

    const isOne = changes.length + (take ? 1 : 0) === 1;
    const fused = isOne ? undefined : dialect.fuse?.({ changes, ...(take && { take }) });
    if (fused) {
      const { statement, sizes } = fused;
      const [answer] = await client.write([statement], { again });
      const rows = answer?.rows ?? [];
      const counts = countsFrom(countsIn(sizes, rows[0]));
      // Where nothing was taken, there is one row without a key.
      const taken = rows.map((row) => row.slice(sizes.length)).filter((row) => row[0] !== null);
      return {
        counts,
        taken: take
          ? decode(
              dialect,
              take,
              taken.map((row) => row.slice(1)),
            )
          : [],
      };
    }

    const statements = changes.map((change) => compileGuarded(dialect, change));
    const takes = take ? compileTake(dialect, take.from, take) : [];
    const answers = await client.write([...statements, ...takes], { again });
    const counts = countsFrom(answers.slice(0, changes.length).map((answer) => answer.changes));
    return { counts, taken: take ? inOrder(dialect, take, answers.slice(changes.length)) : [] };
  };
}

export interface CompiledWrite {
  readonly statements: readonly Statement[];
  /** How many rows each change touched, from the answers to the statements; only zeros where there are none. */
  countsOf(answers: readonly Answer[]): number[];
  readonly again: boolean;
}

/** For a transaction in which more is done than that: none of it stands where a guard does not hold. */
export function compileWrite(dialect: Dialect, planned: readonly PlannedChange[]): CompiledWrite {
  const changes = planned.filter((change) => change.kind !== "insert" || change.rows.length > 0);
  const parts = partsOf(dialect, changes);
  return {
    statements: parts.map(({ statement }) => statement),
    countsOf(answers) {
      const counts = parts.flatMap(({ countsOf }, place) => countsOf(answers[place]));
      return planned.map((change) => counts[changes.indexOf(change)] ?? 0);
    },
    again: changes.every(isSafeTwice),
  };
}

interface Part {
  readonly statement: Statement;
  countsOf(answer: Answer | undefined): number[];
}

/** Guards that stop by themselves let all statements travel at once. */
function partsOf(dialect: Dialect, changes: readonly PlannedChange[]): Part[] {
  const groups: PlannedChange[][] = [];
  for (const change of changes) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const isAlike = dialect.fuse && change.least > 0 && first && first.least > 0;
    if (group && isAlike && first.kind === change.kind && first.collection === change.collection)
      group.push(change);
    else groups.push([change]);
  }
  return groups.flatMap(
    (group) => fusedPart(dialect, group) ?? group.map((change) => partOf(dialect, change)),
  );
}

function partOf(dialect: Dialect, change: PlannedChange): Part {
  const fused = change.least > 0 ? fusedPart(dialect, [change]) : undefined;
  if (fused) return fused;
  return { statement: compileGuarded(dialect, change), countsOf: (answer) => [answer?.changes ?? 0] };
}

function fusedPart(dialect: Dialect, changes: readonly PlannedChange[]): Part | undefined {
  const fused = changes.some(({ least }) => least > 0)
    ? dialect.fuse?.({ changes, amongOthers: true })
    : undefined;
  if (fused === undefined) return undefined;
  const { statement, sizes } = fused;
  return { statement, countsOf: (answer) => countsIn(sizes, answer?.rows[0]) };
}

function countsIn(sizes: readonly number[], row: readonly unknown[] = []): number[] {
  return sizes.flatMap((size, place) => {
    const count = Number(row[place] ?? 0);
    return size === 1 ? [count] : Array.from({ length: size }, () => (count === size ? 1 : 0));
  });
}

function decode(dialect: Dialect, { from, plan }: FusedTake, rows: ReadonlyArray<readonly unknown[]>): Row[] {
  return decodeRows(dialect, from, { fields: plan.fields, rows });
}

/** Where a take is two statements, the first says the order. */
function inOrder(dialect: Dialect, take: FusedTake, answers: readonly Answer[]): Row[] {
  const { from } = take;
  const rows = decode(dialect, take, answers.at(-1)?.rows ?? []);
  const [keys] = answers.length > 1 ? answers : [];
  if (!keys) return rows;
  const order = decodeRows(dialect, from, { fields: [from.key], rows: keys.rows });
  const places = new Map(order.map((row, place) => [row[from.key], place]));
  const placeOf = (row: Row): number => places.get(row[from.key]) ?? 0;
  return rows.sort((a, b) => placeOf(a) - placeOf(b));
}

function compileGuarded(dialect: Dialect, change: PlannedChange): Statement {
  const compiled = compileChange(dialect, change);
  return change.least > 0 ? { ...compiled, least: change.least } : compiled;
}

/** Adding twice adds twice, and a guard that held does not hold again; everything else is the same row again. */
function isSafeTwice(change: PlannedChange): boolean {
  if (change.least > 0) return false;
  return change.kind !== "update" || change.settings.every((setting) => "value" in setting);
}
