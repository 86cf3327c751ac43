import { LociError } from "../../errors.ts";
import { nearest } from "../../operations/nearest.ts";
import type { Param, Params } from "../../operations/operation.ts";
import type { Given } from "../../operations/values.ts";
import { flagName } from "./command.ts";

/**
 * A parser over the table of parameters: `--name value`, `--name=value`, `-n value`, `-n5`, letters together, `--`
 * before what is not a flag. node:util's parseArgs knows no table, no did-you-mean and no positional names.
 */

type Values = Record<string, string | string[] | true>;

interface Flags {
  readonly byFlag: ReadonlyMap<string, readonly [name: string, param: Param]>;
  readonly byLetter: ReadonlyMap<string, readonly [name: string, param: Param]>;
}

function flagsOf(params: Params): Flags {
  const flags = Object.entries(params).filter(([, param]) => !param.positional);
  return {
    byFlag: new Map(flags.map(([name, param]) => [flagName(name), [name, param]])),
    byLetter: new Map(
      flags.flatMap(([name, param]) => (param.letter ? [[param.letter, [name, param]] as const] : [])),
    ),
  };
}

export interface ParseOptions {
  /** The command, for the sentences: `loci ls`. */
  readonly command: string;
}

export function parseArguments(tokens: readonly string[], params: Params, options: ParseOptions): Given {
  const flags = flagsOf(params);
  const help = `${options.command} --help`;
  const values: Values = {};
  const loose: string[] = [];
  const left = [...tokens];
  for (let token = left.shift(); token !== undefined; token = left.shift()) {
    if (token === "--") {
      loose.push(...left.splice(0));
    } else if (token.startsWith("--")) {
      longFlag(token, { flags, values, left, help });
    } else if (token.startsWith("-") && token.length > 1) {
      letters(token, { flags, values, left, help });
    } else {
      loose.push(token);
    }
  }
  place(loose, { params, values, options });
  return values;
}

interface Reading {
  readonly flags: Flags;
  readonly values: Values;
  readonly left: string[];
  readonly help: string;
}

function longFlag(token: string, reading: Reading): void {
  const equals = token.indexOf("=");
  const flag = equals < 0 ? token : token.slice(0, equals);
  const known = reading.flags.byFlag.get(flag);
  if (!known) {
    const meant = nearest(flag, reading.flags.byFlag.keys());
    throw new LociError(
      "invalid",
      `There is no flag ${flag} here.${meant ? ` Did you mean ${meant}?` : ""}`,
      {
        next: reading.help,
      },
    );
  }
  const [name, param] = known;
  if (equals >= 0) keep(name, param, { value: token.slice(equals + 1), values: reading.values });
  else if (param.kind === "boolean") keep(name, param, { value: true, values: reading.values });
  else keep(name, param, { value: following(flag, reading), values: reading.values });
}

/** `-q`, `-n 5`, `-n5`, `-qn5`. */
function letters(token: string, reading: Reading): void {
  for (let at = 1; at < token.length; at++) {
    const letter = token[at] ?? "";
    const known = reading.flags.byLetter.get(letter);
    if (!known) {
      const choices = [...reading.flags.byLetter.keys()].map((one) => `-${one}`).join(" ");
      throw new LociError("invalid", `There is no flag -${letter} here; there are ${choices}.`, {
        next: reading.help,
      });
    }
    const [name, param] = known;
    if (param.kind === "boolean") {
      keep(name, param, { value: true, values: reading.values });
      continue;
    }
    const rest = token.slice(at + 1).replace(/^=/, "");
    keep(name, param, { value: rest || following(`-${letter}`, reading), values: reading.values });
    return;
  }
}

/** The value behind a flag. One that looks like a flag is more likely a forgotten value: `=` says it is meant. */
function following(flag: string, { left, help }: Reading): string {
  const next = left[0];
  if (next === undefined || (/^--?[a-z]/i.test(next) && next !== "-")) {
    throw new LociError("invalid", `${flag} needs a value${next ? `, and ${next} looks like a flag` : ""}.`, {
      next: next ? `${flag}=${next}, if it is meant, or ${help}` : help,
    });
  }
  left.shift();
  return next;
}

function keep(
  name: string,
  param: Param,
  { value, values }: { readonly value: string | true; readonly values: Values },
): void {
  if (param.kind !== "list" || value === true) {
    values[name] = value;
    return;
  }
  const before = values[name];
  values[name] = Array.isArray(before) ? [...before, value] : [value];
}

interface Placing {
  readonly params: Params;
  readonly values: Values;
  readonly options: ParseOptions;
}

/** Gives what is not a flag to the positional parameters, in their order. */
function place(loose: string[], { params, values, options }: Placing): void {
  for (const [name, param] of Object.entries(params)) {
    if (!param.positional || loose.length === 0) continue;
    if (param.kind === "list") values[name] = loose.splice(0);
    else values[name] = loose.shift() ?? "";
  }
  const extra = loose[0];
  if (extra === undefined) return;
  const takes = Object.entries(params)
    .filter(([, param]) => param.positional)
    .map(([name]) => name.toUpperCase());
  const expected = takes.length === 0 ? "takes no arguments" : `takes ${takes.join(" ")} and nothing more`;
  throw new LociError("invalid", `${options.command} ${expected}; ${JSON.stringify(extra)} is left over.`, {
    next: `${options.command} --help`,
  });
}

/** Where the command's name stands: flags that every command takes may come before it. */
export function commandAt(tokens: readonly string[], globals: Params): number {
  const flags = flagsOf(globals);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] ?? "";
    if (token === "--") return -1;
    if (!token.startsWith("-") || token === "-") return at;
    const known = token.startsWith("--")
      ? flags.byFlag.get(token)
      : flags.byLetter.get(token.length === 2 ? token.slice(1) : "");
    if (known && known[1].kind !== "boolean") at++;
  }
  return -1;
}
