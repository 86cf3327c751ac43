import type { Loci } from "../../open.ts";
import type { Context, Input, Operation, Params } from "../../operations/operation.ts";

export const toolsets = ["sessions", "conversations", "memory", "swarm", "sql", "admin"] as const;

export type Toolset = (typeof toolsets)[number];

/** What is offered without `--toolsets`; there it is called `loci`. */
export const usualToolsets: readonly Toolset[] = ["sessions", "conversations", "memory"];

/** Sets of other programs' names for what ours do; never among `all`. */
export const compatToolsets = ["claude-flow"] as const;

export type CompatToolset = (typeof compatToolsets)[number];

/** A flag of `loci mcp` that lets in what is shut out without it. */
export type Flag = "--allow-write-sql";

/** What a tool is called with, beside the arguments. */
export interface ToolCall {
  readonly loci: Loci;
  /** Checked, with defaults. */
  readonly input: Input;
  readonly context: Context;
  /** Only this project, unless the call names another. */
  readonly project: string | undefined;
  /** How many characters each form of the answer may have. */
  readonly room: number;
  /** The database that this connection named last; undefined for the store itself. */
  readonly database: string | undefined;
  /** Opens a database by its name. */
  readonly at: (database: string) => Promise<Loci>;
  /** Closes a database before it is taken away. */
  readonly forget: (database: string) => Promise<void>;
}

export interface ToolAnswer {
  /** For people and models: compact lines. */
  readonly text: string;
  /** The same for programs. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Writes {
  /** It may change or remove what stands in the store; else it only adds. */
  readonly destructive?: true;
  /** Calling it again with the same arguments changes nothing more. */
  readonly idempotent?: true;
  /** It acts on more than the store, such as an account at a provider. */
  readonly openWorld?: true;
}

/** One tool. Its effect is an operation's; the names of its arguments are those of the seed documents. */
export interface Tool {
  readonly name: string;
  /** At most 200 characters: what, what it answers, what it does not do, what comes next. */
  readonly description: string;
  readonly toolset: Toolset | CompatToolset;
  readonly operation: Operation;
  readonly params: Params;
  /** Offered only where the command had this flag. */
  readonly flag?: Flag;
  /** Offered only where the environment names an organization of Turso's. */
  readonly needs?: "platform";
  /** It acts on the database that its argument `database` names, or the connection named last. */
  readonly onDatabase?: true;
  /** A tool that writes says what its calls may do; one that reads has nothing to say. */
  readonly writes?: Writes;
  /** Arguments that it does not know are left, instead of refused. */
  readonly takesAnything?: true;
  /** Other names that an argument is known by. */
  readonly aliases?: Readonly<Record<string, string>>;
  run(call: ToolCall): Promise<ToolAnswer>;
}

/** Runs the operation. Its declaration forgot the answer's type, and the tool made of it says it again. */
export async function ask<Answer extends object>(
  operation: Operation,
  { loci, context }: ToolCall,
  input: Input,
): Promise<Answer> {
  // Here the type comes back that operation() took away.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await operation.run(loci, input, context)) as Answer;
}

/** How long an answer may be. */
export const maxTokens = {
  kind: "integer",
  default: 2000,
  min: 500,
  max: 50_000,
  summary: "",
} as const;

/** The same, taken and not shown: where answers are short by nature, or the list of tools has no room. */
export const quietMaxTokens = {
  kind: "integer",
  default: 2000,
  min: 500,
  max: 50_000,
  summary: "",
  hidden: true,
} as const;

/** The database that a tool acts on; `main` is the store itself. */
export const databaseParam = { kind: "string", summary: "" } as const;

/** The same, taken and not shown. */
export const quietDatabase = { kind: "string", summary: "", hidden: true } as const;

export const cursor = { kind: "string", summary: "" } as const;
