import type { Param, Params } from "../../operations/operation.ts";
import { type Command, flagName, globalParams } from "./command.ts";
import { commands } from "./commands.ts";

/** `loci help`: the commands, one line each. */
export function overview(): string[] {
  const shown = commands.filter((command) => !command.hidden);
  const width = Math.max(...shown.map(({ name }) => name.length));
  return [
    "loci: every session of your agents kept, listed with its cost, found again.",
    "",
    "  loci                 reads what is new and shows the last sessions",
    "  loci COMMAND --help  what a command takes",
    "",
    ...shown.flatMap(({ name, summary }) => entry(`  ${name.padEnd(width)}  `, summary)),
    "",
    "Every command takes:",
    ...flagLines(globalParams),
  ];
}

/** `loci know --help`: the commands that begin with a word. */
export function groupHelp(word: string, group: readonly Command[]): string[] {
  const width = Math.max(...group.map(({ name }) => name.length));
  return [
    `loci ${word} …`,
    "",
    ...group.flatMap(({ name, summary }) => entry(`  ${name.padEnd(width)}  `, summary)),
    "",
    `What one of them takes: loci ${group[0]?.name ?? word} --help`,
  ];
}

/** `loci ls --help`. */
export function commandHelp(command: Command): string[] {
  const own = Object.entries(command.params).filter(([, param]) => !param.hidden);
  const flags = Object.fromEntries(own.filter(([, param]) => !param.positional));
  const lines = [`${usage(command)}`, "", `${upper(command.summary)}.`];
  if (command.details) lines.push("", ...fold(command.details, page));
  const places = own.filter(([, param]) => param.positional);
  if (places.length > 0) {
    lines.push("");
    for (const [name, param] of places) {
      lines.push(...entry(`  ${name.toUpperCase().padEnd(26)}  `, param.summary));
    }
  }
  if (Object.keys(flags).length > 0) lines.push("", ...flagLines(flags));
  if (command.examples.length > 0) lines.push("", "Examples:");
  for (const [line, does] of command.examples) lines.push(`  ${line}`, `      ${does}`);
  lines.push("", "What every command takes, such as --db and --json: loci help");
  return lines;
}

export function usage({ name, params }: Command): string {
  const places = Object.entries(params)
    .filter(([, param]) => param.positional && !param.hidden)
    .map(([place, param]) => {
      const text = `${place.toUpperCase()}${param.kind === "list" ? "…" : ""}`;
      return param.required ? ` ${text}` : ` [${text}]`;
    });
  const flags = Object.values(params).some((param) => !param.positional && !param.hidden) ? " [flags]" : "";
  return `loci ${name}${places.join("")}${flags}`;
}

function flagLines(params: Params): string[] {
  return Object.entries(params)
    .filter(([, param]) => !param.hidden)
    .flatMap(([name, param]) => {
      const letter = param.letter ? `-${param.letter}, ` : "    ";
      const flag = `  ${`${letter}${flagName(name)}${flagValue(param)}`.padEnd(26)}  `;
      return entry(flag, param.summary + ending(param));
    });
}

/** What stands behind a flag. */
export function flagValue(param: Param): string {
  switch (param.kind) {
    case "boolean":
      return "";
    case "integer":
    case "number":
      return " N";
    case "time":
      return " WHEN";
    case "enum":
      return ` ${param.choices.length > 3 ? "NAME" : param.choices.join("|")}`;
    case "json":
      return " JSON";
    case "string":
    case "list":
      return ` ${param.placeholder ?? "TEXT"}`;
  }
}

function ending(param: Param): string {
  const choices = param.kind === "enum" && param.choices.length > 3 ? ` (${param.choices.join(", ")})` : "";
  const usual = "default" in param && param.default !== undefined ? ` (${param.default})` : "";
  return choices + usual;
}

export function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Help is as wide as the narrowest terminal in use, also where there is more room: it is read in pagers and pages. */
const page = 80;

/** A text beside what it is about, folded under itself. */
function entry(left: string, text: string): string[] {
  const [first = "", ...more] = fold(text, page - left.length);
  return [left + first, ...more.map((line) => " ".repeat(left.length) + line)];
}

function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return line === "" ? lines : [...lines, line];
}
