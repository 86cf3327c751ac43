/** What can be bound. A list is one bound value where the database has arrays. */
export type Param =
  | string
  | number
  | boolean
  | Uint8Array
  | null
  | ReadonlyArray<string | number | Uint8Array | boolean | null>;

/** One text, run once for each set of values. */
export interface Statement {
  readonly sql: string;
  readonly sets: ReadonlyArray<readonly Param[]>;
  /** Rows are wanted; otherwise only how many were changed. */
  readonly answers: boolean;
  /** How many rows each set brings, where one set brings several. */
  readonly rowsBySet?: readonly number[];
  /** Where fewer rows are changed, the transaction is rolled back, and answers nothing at all. */
  readonly least?: number;
  /** It divides by zero where a guard in it does not hold: nothing is done, and it answers nothing at all. */
  readonly stops?: true;
}

export interface Answer {
  readonly changes: number;
  /** How long the database took for it, in ms. */
  readonly ms: number;
  readonly rows: ReadonlyArray<readonly unknown[]>;
}

export interface WriteOptions {
  /** Doing it twice has the effect of once, so it may be tried again after a lost answer. */
  readonly again: boolean;
  /** It may take as long as it takes, and so may the wait for others who do the same. */
  readonly slow?: boolean;
  /** All statements travel before the first is answered, where the database is far away and none has a `least`. */
  readonly atOnce?: boolean;
}

/** A database that takes statements. Errors come out as LociErrors, with the driver's own as their cause. */
export interface SqlClient {
  /** Where it is, without credentials. */
  readonly place: string;
  read(statement: Statement): Promise<Answer>;
  /** One transaction. No answers: a statement changed fewer rows than its `least`, and nothing was done. */
  write(statements: readonly Statement[], options: WriteOptions): Promise<Answer[]>;
  /** Keeps a copy of everything before a step that rewrites; absent where the step itself makes copies. */
  keepCopy?(label: string): Promise<void>;
  close(): Promise<void>;
}

export function fellShort({ least = 0 }: Statement, { changes }: Answer): boolean {
  return changes < least;
}

export function statement(sql: string, params: readonly Param[] = []): Statement {
  return { sql, sets: [params], answers: false };
}

export function query(sql: string, params: readonly Param[] = []): Statement {
  return { sql, sets: [params], answers: true };
}
