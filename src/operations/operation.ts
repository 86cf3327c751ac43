import type { Millis } from "../model/collection.ts";

export type { Millis };
import type { Loci } from "../open.ts";

/**
 * One thing a user can ask, declared once. The command line's arguments, help, completions and page in the docs are
 * made from the declaration; the HTTP route and the MCP tool will be.
 */

interface Described {
  readonly summary: string;
  /** Given by its place instead of by a flag. */
  readonly positional?: true;
  /** One letter, which means the same in every command. */
  readonly letter?: string;
  /** Works, and is not shown. */
  readonly hidden?: true;
  readonly required?: true;
}

/**
 * - `time`: a moment, as RFC 3339, a date, or how long ago (`7d`, `12h`); {@link Millis} in the input
 * - `list`: texts: a flag given several times, or all that is left where it is positional
 * - `json`: an object, a list or any value, as JSON text where a door has only text
 */
export type Param =
  | (Described & {
      readonly kind: "string";
      readonly placeholder?: string;
      readonly default?: string;
    })
  | (Described & {
      readonly kind: "integer" | "number";
      readonly default?: number;
      readonly min?: number;
      readonly max?: number;
    })
  | (Described & { readonly kind: "boolean" })
  | (Described & { readonly kind: "time" })
  | (Described & { readonly kind: "enum"; readonly choices: readonly string[]; readonly default?: string })
  | (Described & { readonly kind: "list"; readonly placeholder?: string })
  | (Described & { readonly kind: "json"; readonly of: "object" | "list" | "value" });

export type Params = Readonly<Record<string, Param>>;

type ValueOf<One extends Param> = One extends { readonly kind: "integer" | "number" | "time" }
  ? number
  : One extends { readonly kind: "boolean" }
    ? boolean
    : One extends { readonly kind: "list" }
      ? readonly string[]
      : One extends { readonly kind: "json"; readonly of: infer Of }
        ? Of extends "list"
          ? readonly unknown[]
          : Of extends "object"
            ? Readonly<Record<string, unknown>>
            : {} | null
        : One extends { readonly kind: "enum"; readonly choices: readonly (infer Choice)[] }
          ? Choice
          : string;

type Always =
  | { readonly required: true }
  | { readonly default: string | number }
  | { readonly kind: "boolean" | "list" };

/** What `run` gets: values checked, defaults filled in; a list or a boolean is always there. */
export type InputOf<Table extends Params> = {
  readonly [Name in keyof Table]: Table[Name] extends Always
    ? ValueOf<Table[Name]>
    : ValueOf<Table[Name]> | undefined;
};

export type Input = Readonly<Record<string, unknown>>;

export interface Progress {
  /** What is being done, as a person would say it. */
  readonly doing: string;
  readonly done: number;
  /** Null where the end is not known. */
  readonly total: number | null;
}

/** What an operation needs from outside: time, environment and the caller's wishes are passed in. */
export interface Context {
  readonly now: () => Millis;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the person stands. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** A program asks, and names sessions by their whole ids; people type the beginning. */
  readonly wholeIds?: boolean;
  progress(step: Progress): void;
}

export interface Operation {
  readonly name: string;
  readonly summary: string;
  readonly access: "read" | "write";
  readonly params: Params;
  run(loci: Loci, input: Input, context: Context): Promise<object>;
}

export interface OperationSpec<Table extends Params, Answer extends object> {
  readonly name: string;
  readonly summary: string;
  readonly access: "read" | "write";
  readonly params: Table;
  /** Answers plain data: what JSON can say, moments as RFC 3339 text. */
  run(loci: Loci, input: InputOf<Table>, context: Context): Promise<Answer>;
}

/** Checks `run` against the table of parameters, and forgets the types: doors treat all operations alike. */
export function operation<const Table extends Params, Answer extends object>(
  spec: OperationSpec<Table, Answer>,
): Operation {
  // The input was made by readInput() from this same table, so it has the table's types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...spec, run: (loci, input, context) => spec.run(loci, input as InputOf<Table>, context) };
}

/** A moment as the answers say it: RFC 3339, UTC, milliseconds. */
export function isoTime(at: Millis): string;
export function isoTime(at: Millis | null): string | null;
export function isoTime(at: Millis | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
