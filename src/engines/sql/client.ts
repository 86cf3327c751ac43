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
}

export interface Answer {
  readonly changes: number;
  readonly rows: ReadonlyArray<readonly unknown[]>;
}

/** A database that takes statements. Errors come out as LociErrors, with the driver's own as their cause. */
export interface SqlClient {
  /** Where it is, without credentials. */
  readonly place: string;
  read(statement: Statement): Promise<Answer>;
  /** One transaction. `again`: doing it twice has the effect of once, so it may be tried again after a lost answer. */
  write(statements: readonly Statement[], options: { readonly again: boolean }): Promise<Answer[]>;
  /** Keeps a copy of everything before a step that rewrites; absent where the step itself makes copies. */
  keepCopy?(label: string): Promise<void>;
  close(): Promise<void>;
}

export function statement(sql: string, params: readonly Param[] = []): Statement {
  return { sql, sets: [params], answers: false };
}

export function query(sql: string, params: readonly Param[] = []): Statement {
  return { sql, sets: [params], answers: true };
}
