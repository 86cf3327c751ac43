import type { Loci } from "../../open.ts";
import type { Context, Input, Millis, Params } from "../../operations/operation.ts";
import type { Settings } from "./config.ts";
import { formats, type Output } from "./output.ts";
import type { Environment, Screen } from "./screen.ts";

/** What a command may use: everything of the outside world comes through here. */
export interface Call {
  readonly input: Input;
  readonly settings: Settings;
  readonly out: Output;
  readonly screen: Screen;
  readonly env: Environment;
  readonly folder: string;
  readonly now: () => Millis;
  readonly signal: AbortSignal;
  /** For operations. */
  readonly context: Context;
  /** All commands: for those that speak about them. */
  readonly commands: readonly Command[];
  /** Opens the store that the settings name; closed when the command ends. */
  open(url?: string): Promise<Loci>;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly params: Params;
  /** What one would type, with a word on what it does: for help and docs. */
  readonly examples: ReadonlyArray<readonly [line: string, does: string]>;
  /** Sentences below the summary, for help and docs. */
  readonly details?: string;
  /** After Ctrl-C the same command goes on where it stopped. */
  readonly resumable?: true;
  /** Works, and is not listed. */
  readonly hidden?: true;
  /** Answers the exit code; nothing means 0. */
  run(call: Call): Promise<number | undefined>;
}

/** What every command takes. One letter means the same everywhere. */
export const globalParams: Params = {
  db: {
    kind: "string",
    summary: "the store: a file, or a URL such as postgres://host/name",
    placeholder: "URL-or-file",
  },
  json: { kind: "boolean", summary: "one JSON object, versioned (docs/SPEC.md)" },
  format: {
    kind: "enum",
    choices: formats,
    summary: "table on a terminal and tsv elsewhere, unless this says otherwise",
  },
  noColor: { kind: "boolean", summary: "no colour (NO_COLOR does the same)" },
  quiet: { kind: "boolean", letter: "q", summary: "no progress, no hints" },
  verbose: { kind: "boolean", letter: "v", summary: "where an error came from" },
  help: { kind: "boolean", letter: "h", summary: "what a command does and takes" },
};

/** The flag of a parameter: `noColor` is `--no-color`. */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** How a sentence calls a parameter: `ID` or `--limit`. */
export function paramLabel(name: string, positional: boolean): string {
  return positional ? name.toUpperCase() : flagName(name);
}

/** A text of the input, or undefined: readInput() checked it, and a command's table is not in its type. */
export function textInput(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" ? value : undefined;
}

export function flagInput(input: Input, name: string): boolean {
  return input[name] === true;
}
