import type { AnyCollection, Collection, Millis } from "../model/collection.ts";
import type { Schema } from "../model/schema.ts";
import type { SyncedTable } from "../model/sync.ts";
import type { Applied, FeedPage, FeedQuery, Finding } from "./feed.ts";

/**
 * Tests a field can be put to. A plain value means "equal to it"; null means "is null". `not` holds for null too, as
 * `!==` does. Texts compare by their UTF-8 bytes. `json`, `payload` and `bytes` can be tested for null only.
 */
export type Test<Value> =
  | { readonly anyOf: readonly Value[] }
  | { readonly not: Value | null }
  | { readonly from?: Value; readonly upTo?: Value; readonly above?: Value; readonly below?: Value }
  | (Value extends string ? { readonly startsWith: string } : never);

/** All named tests hold. There is no `or`: ask twice. */
export type Where<Row> = { readonly [Name in keyof Row]?: Row[Name] | Test<NonNullable<Row[Name]>> };

/** Fields that are never null: null sorts first in SQLite and last in PostgreSQL. */
export type Sortable<Row> = {
  [Name in keyof Row & string]: null extends Row[Name] ? never : Name;
}[keyof Row & string];

export type Order<Row> = ReadonlyArray<readonly [field: Sortable<Row>, way: "up" | "down"]>;

export interface Query<Row> {
  readonly where?: Where<Row>;
  /** The key is added as the last field, so that the order is total. */
  readonly orderBy?: Order<Row>;
  readonly limit?: number;
  /** Only rows behind this one in the given order: its ordered fields and its key. */
  readonly after?: Partial<Row>;
}

/** Adds to an `integer` or a `real` in place; null stays null. A time is set, never added to. */
export interface Add {
  readonly add: number;
}

export type Patch<Row> = {
  readonly [Name in keyof Row]?: Row[Name] | (Row[Name] extends number ? Add : never);
};

/** One part of a write, made by {@link insert}, {@link update}, {@link remove} and {@link guard}. */
export type Change =
  | {
      readonly kind: "insert";
      readonly into: AnyCollection;
      readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>;
      readonly guard?: true;
    }
  | {
      readonly kind: "update";
      readonly rows: AnyCollection;
      readonly where: Readonly<Record<string, unknown>>;
      readonly patch: Readonly<Record<string, unknown>>;
      readonly guard?: true;
    }
  | {
      readonly kind: "remove";
      readonly from: AnyCollection;
      readonly where: Readonly<Record<string, unknown>>;
    };

/** Rows whose key, or another unique set of fields, is already there are left out. */
export function insert<Row extends object>(
  into: Collection<Row>,
  rows: readonly Row[],
): Extract<Change, { readonly kind: "insert" }> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: a Change names no row
  return { kind: "insert", into, rows: rows as ReadonlyArray<Readonly<Record<string, unknown>>> };
}

export function update<Row extends object>(
  rows: Collection<Row>,
  where: Where<Row>,
  patch: Patch<Row>,
): Extract<Change, { readonly kind: "update" }> {
  return { kind: "update", rows, where: { ...where }, patch: { ...patch } };
}

export function remove<Row extends object>(from: Collection<Row>, where: Where<Row>): Change {
  return { kind: "remove", from, where: { ...where } };
}

/**
 * The write stands or falls with this change: where it does not insert all of its rows, or finds no row to update,
 * nothing of the write is done, and every count that it answers is 0.
 */
export function guard(change: Exclude<Change, { readonly kind: "remove" }>): Change {
  return { ...change, guard: true };
}

export type Measure<Row> =
  | "count"
  | {
      readonly [Way in "sum" | "min" | "max" | "avg"]: Readonly<Record<Way, keyof Row & string>>;
    }["sum" | "min" | "max" | "avg"];

export interface Rollup<Row, By extends keyof Row & string, Out extends string> {
  readonly by: readonly By[];
  readonly where?: Where<Row>;
  readonly measures: Readonly<Record<Out, Measure<Row>>>;
  /**
   * Also groups by the start of the span of `size` ms (counted from 1970, UTC) that the time field falls in. Rows
   * where it is null are in no bucket.
   */
  readonly bucket?: { readonly field: keyof Row & string; readonly size: Millis };
}

/** One group: its fields, its measures (null where nothing could be measured) and its bucket's start. */
export type Rolled<Row, By extends keyof Row, Out extends string> = Pick<Row, By> &
  Readonly<Record<Out, number | null>> & { readonly bucket?: Millis };

/** What {@link Engine.exchange} takes. */
export interface Taking<Row extends object> {
  readonly from: Collection<Row>;
  readonly query: Query<Row> & { readonly limit: number };
  readonly patch: Patch<Row>;
}

export interface Exchanged<Row> {
  /** As `write` answers them. */
  readonly counts: readonly number[];
  /** As `take` answers them; none where a {@link guard} did not hold. */
  readonly taken: Row[];
}

/**
 * Wakes those who wait for rows. A hint and never the truth: one may come late, twice, or not at all, so who waits
 * looks by itself from time to time as well.
 */
export interface Wake {
  /** There may be something new in this collection: calls the listeners of every process that has the store open. */
  readonly tell: (about: AnyCollection) => void;
  /** Ends with the function that it answers. A listener keeps no process alive. */
  readonly listen: (about: AnyCollection, listener: () => void) => () => void;
  /** Whether hints reach this process now. Where they do not, who waits looks more often. */
  readonly works: () => boolean;
}

/** How a backend copies the whole of a store to a file, and takes it back. */
export interface Copies {
  /** What the files are called behind the dot. */
  readonly extension: string;
  /** A whole and consistent copy (0600), made while others write; nothing may be at the path. */
  make(path: string): Promise<void>;
  /** Looks through a copy: how many rows of each collection it has. Errors: `corrupt`. */
  check(path: string): Promise<Readonly<Record<string, number>>>;
  /**
   * Puts a copy in the place of everything, in one transaction: killed at any point, the store is as it was or as the copy
   * was. What it held before is copied to `aside` first, with nobody writing in between.
   */
  restore(path: string, aside: string): Promise<void>;
}

/** How a store tells which of its rows changed: what sync is made of. */
export interface Feed {
  /**
   * Switches it on: from now on the database itself notes every change of these tables' rows in `sync_versions`, whoever
   * makes it. Idempotent, safe from many processes at once; rows that are there already are noted in pieces, so that
   * nobody waits long. Answers the store's id.
   */
  start(tables: readonly SyncedTable[]): Promise<string>;
  /** The versions of rows in the order in which their latest changes became visible: none is ever skipped. */
  read(query: FeedQuery): Promise<FeedPage>;
  /**
   * A write of which the database notes nothing, since the versions are among its changes; then rows are read back. All in
   * one atomic step.
   */
  apply(changes: readonly Change[], finds: readonly Finding[]): Promise<Applied>;
}

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly unknown[]>;
  /** More rows were there than the limit lets through. */
  readonly truncated: boolean;
}

export interface SqlDoor {
  /**
   * Answers one statement that can change nothing: refused by its words (`read-only`), by the engine, and run where
   * it can be stopped. Deadline 5 s, 256 MB, 1,000 rows and 256 KiB unless options say otherwise.
   */
  query(sql: string, options?: SqlOptions): Promise<SqlAnswer>;
  /**
   * Runs one statement that may change rows, or make, alter and drop tables of the user's own; what belongs to Loci is
   * refused (`read-only`). In one transaction, with the same limits. Absent where the store cannot be written.
   */
  execute?(sql: string, options?: ExecuteOptions): Promise<SqlExecuted>;
  /**
   * The rows of a user's table that are nearest to a vector by cosine, nearest first, with `distance` as the last column
   * and without the vector. Errors: `not-found` for a table or a column, `unsupported` where the server lacks vectors.
   */
  nearest?(search: SqlVectorSearch): Promise<SqlAnswer>;
}

export interface SqlVectorSearch {
  readonly table: string;
  readonly column: string;
  readonly vector: readonly number[];
  readonly limit: number;
}

export interface ExecuteOptions extends SqlOptions {
  /** A statement that changes more rows is undone. Default 1,000. */
  readonly maxChanges?: number;
}

export interface SqlExecuted extends SqlAnswer {
  readonly rowsAffected: number;
  /** Of the last row that an INSERT made; null for every other statement, and where the backend has none. */
  readonly lastInsertRowid: number | string | null;
}

export interface SqlOptions {
  readonly params?: readonly unknown[];
  readonly deadline?: Millis;
  readonly maxRows?: number;
  readonly maxBytes?: number;
  /** Called when the database is asked: its process or connection is there, and it is this question's turn. */
  readonly onAsk?: (() => void) | undefined;
}

/**
 * A storage backend. Few verbs, strong promises; domains need nothing else. A backend is a backend because it passes
 * `engineSuite` of `loci/testing`.
 */
export interface Engine extends AsyncDisposable {
  /** `memory`, `libsql`, `turso`, `postgres`, `remote`. */
  readonly name: string;
  /** Where the data is, without credentials: for messages to people. */
  readonly place: string;

  /** Brings the store to this schema: idempotent, safe from many processes at once, refuses a newer one (`schema`). */
  prepare(schema: Schema): Promise<void>;

  /** All or none. Answers how many rows each change touched; only zeros where a {@link guard} did not hold. */
  write(changes: readonly Change[]): Promise<number[]>;

  /**
   * Claims rows and changes them in one atomic step: each row goes to one taker. Answers them as they are now, in the
   * order of the query. The key cannot be patched.
   */
  take<Row extends object>(
    from: Collection<Row>,
    query: Query<Row> & { readonly limit: number },
    patch: Patch<Row>,
  ): Promise<Row[]>;

  /**
   * A write and then a take, in one atomic step: a worker hands in what it did and gets the next. Where a {@link guard}
   * did not hold, nothing is done and nothing is taken.
   */
  exchange<Row extends object>(changes: readonly Change[], taking: Taking<Row>): Promise<Exchanged<Row>>;

  /** Rows in order; without `orderBy`, by key. `fields` brings only those (and the key). All or `limit` rows. */
  find<Row extends object>(from: Collection<Row>, query?: Query<Row>): Promise<Row[]>;
  find<Row extends object, Name extends keyof Row & string>(
    from: Collection<Row>,
    query: Query<Row> & { readonly fields: readonly Name[] },
  ): Promise<Array<Pick<Row, Name>>>;

  /** Grouped numbers. Without `by` and `bucket` there is one group, also over nothing. Groups come in no order. */
  rollup<Row extends object, By extends keyof Row & string, Out extends string>(
    from: Collection<Row>,
    spec: Rollup<Row, By, Out>,
  ): Promise<Array<Rolled<Row, By, Out>>>;

  /** The store's clock. Absent where the store is on this machine, whose clock is the store's. */
  readonly now?: () => Promise<Millis>;

  /** Absent where the backend cannot reach other processes: who waits there looks from time to time. */
  readonly wake?: Wake;

  /** Absent where the backend has no SQL: it cannot be called there. */
  readonly sql?: SqlDoor;

  /** Absent where the backend cannot note by itself what changes. */
  readonly feed?: Feed;

  /** Copies of the whole store. Absent where there is nothing that outlives the process. */
  readonly copies?: Copies;

  /** Ends it; twice is fine. */
  close(): Promise<void>;
}
