import type { PlannedChange, Setting } from "../../engine/change.ts";
import type { Plan } from "../../engine/query.ts";
import type { Stored, StoredRow } from "../../engine/stored.ts";
import type { AnyCollection, FieldKind } from "../../model/collection.ts";
import type { SyncedTable } from "../../model/sync.ts";
import type { Param, Statement } from "./client.ts";
import type { Lexis } from "./guard-tokens.ts";
import type { Writer } from "./writer.ts";

/** Everything in which two SQL databases differ. There is no other place that asks which one it is. */
export interface Dialect {
  /** The engine's name. */
  readonly name: string;
  /** Where a word ends in its language. */
  readonly lexis: Lexis;
  readonly types: Readonly<Record<FieldKind, string>>;
  /** An expression for the moment by the server's clock; absent where the database runs in our process. */
  readonly clock?: string;
  /** Expressions that make what a statement left out. */
  readonly made: { readonly id: string; readonly time: string };
  /** Answers a row where a table lacks its defaults. */
  lacksDefaults(collection: AnyCollection): Statement;
  /** How a table that is there gains them; absent where it has to be made anew. */
  gainDefaults?(collection: AnyCollection, defaultOf: (field: string) => string | undefined): Statement[];
  placeholder(position: number): string;
  /** A stored value as it is bound. */
  encode(kind: FieldKind, stored: Stored): Param;
  /** What the database answered for a column, as callers get it. Never called with null. */
  decode(kind: FieldKind, raw: unknown): unknown;
  /** What stands between `select` and `from`. */
  select(columns: readonly Column[]): string;
  /** Makes of a row that such a selection answered one raw value for each column. */
  unpacker(columns: readonly Column[]): (row: readonly unknown[]) => readonly unknown[];
  /** Whole milliseconds since 1970 of a time. */
  millis(expression: string): string;
  /** What stands in an index for a column: where entries have a largest size, its beginning. */
  indexed(kind: FieldKind, expression: string): string;
  /** Rows of which the key or another unique set is there are left out. */
  insert(collection: AnyCollection, rows: readonly StoredRow[]): Statement;
  anyOf(list: AnyOf, writer: Writer): string;
  /** Changes the chosen rows and answers them; where two statements are needed, the first selects the keys in order. */
  take(parts: TakeParts): Statement[];
  /**
   * Several changes, and a take behind them, as one statement of one round trip: a row that begins with the count of each
   * change, for each row that was taken or for none. Absent where statements go nowhere; undefined where the order of the
   * changes could be seen.
   */
  readonly fuse?: (fusing: Fusing) => Fused | undefined;
  /** Answers a row if there is a table of this name. */
  hasTable(name: string): Statement;
  /** What a transaction that changes the schema begins with, so that two processes do it one after the other. */
  readonly lockSchema: readonly Statement[];
  /** How the database notes changes; absent where it cannot. */
  readonly feed?: FeedDialect;
  /** Copies of the tables that a step rewrites, made in the step; nothing where the whole store is copied before. */
  copyTable(name: string, label: string): readonly Statement[];
}

export interface FeedDialect {
  /** What notes the changes of these tables; it takes the place of what is there, and is never half there. */
  program(tables: readonly SyncedTable[]): {
    readonly statements: readonly Statement[];
    readonly triggers: readonly string[];
  };
  /** Answers the names of all triggers. */
  readonly triggerNames: string;
  /** Answers what makes a table's triggers: a table that is made anew has none. */
  triggersOf(name: string): Statement;
  /** Answers a row where the versions were numbered by another server: the program makes another store of it. */
  readonly moved?: Statement;
  /** Between the two, the changes of a transaction are not noted. */
  readonly quiet: readonly Statement[];
  readonly loud: readonly Statement[];
  /** Where a version stands in the feed: whole numbers, the weightiest first, with dots between them. */
  readonly position: string;
  /** Where the feed ends now. */
  readonly end: string;
  /** Tests whether a version stands behind a position, and may be seen. */
  behind(position: readonly string[], writer: Writer): string;
  readonly order: string;
}

/** A column of an answer. */
export interface Column {
  readonly kind: FieldKind;
  readonly expression: string;
}

export interface AnyOf {
  readonly column: string;
  readonly kind: FieldKind;
  readonly values: readonly Stored[];
}

export interface TakeParts {
  readonly table: string;
  readonly key: string;
  /** `select key from … where … order by … limit …`, with its values bound to that writer. */
  choose(writer: Writer): string;
  /** `set a = …, b = …` */
  settings(writer: Writer): string;
  /** One row at most: it needs no order. */
  readonly single: boolean;
  readonly columns: readonly Column[];
  newWriter(): Writer;
}

export interface Fusing {
  readonly changes: readonly PlannedChange[];
  readonly take?: FusedTake;
  /** More stands in the transaction: a guard that does not hold stops all of it. */
  readonly amongOthers?: true;
}

export interface Fused {
  /** Its answer's rows begin with one count for each of {@link sizes}. */
  readonly statement: Statement;
  /** How many changes a count is of. More than one: all of them were done, one row each, or nothing at all. */
  readonly sizes: readonly number[];
}

export interface FusedTake {
  readonly from: AnyCollection;
  readonly plan: Plan;
  readonly settings: readonly Setting[];
}
