import { LociError } from "../../errors.ts";
import { nearest } from "../../operations/nearest.ts";
import { commandAt } from "./args.ts";
import { type Command, globalParams } from "./command.ts";
import { commands } from "./commands.ts";
import { groupHelp } from "./help.ts";

/** A command by the words that name it, and where they stand; or the help of a word that several commands begin with. */
export type Named =
  | { readonly command: Command; readonly places: readonly number[] }
  | { readonly text: readonly string[] };

/** Reads a command's name, which is one word or two (`know add`), from its first one on. Errors: `invalid`. */
export function namedCommand(argv: readonly string[], at: number): Named {
  const word = argv[at] ?? "";
  const group = commands.filter(({ name }) => name.startsWith(`${word} `));
  const behind = commandAt(argv.slice(at + 1), globalParams);
  const second = at + 1 + behind;
  const one = behind < 0 ? undefined : group.find(({ name }) => name === `${word} ${argv[second]}`);
  if (one) return { command: one, places: [at, second] };
  const command = commands.find(({ name }) => name === word);
  if (command) return { command, places: [at] };
  if (group.length === 0) throw unknown(word, firstWords());
  if (argv.includes("--help") || argv.includes("-h")) return { text: groupHelp(word, group) };
  const names = group.map(({ name }) => name);
  if (behind >= 0) throw unknown(`${word} ${argv[second]}`, names);
  throw new LociError("invalid", `loci ${word} is half a command: there are ${names.join(", ")}.`, {
    next: `loci ${word} --help`,
  });
}

/** `loci help know add`, `loci help know`. */
export function helpAbout(words: readonly string[]): readonly string[] | Command {
  const named = namedCommand([...words, "--help"], 0);
  return "text" in named ? named.text : named.command;
}

/** The name of the command that was typed, as far as there is one; undefined for `loci` alone. */
export function nameIn(argv: readonly string[]): string | undefined {
  const at = commandAt(argv, globalParams);
  if (at < 0) return undefined;
  const two = `${argv[at]} ${argv[at + 1]}`;
  return commands.some(({ name }) => name === two) ? two : argv[at];
}

function firstWords(): string[] {
  return [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name))];
}

function unknown(word: string, known: readonly string[]): LociError {
  const meant = nearest(word, known);
  const sentence = `There is no command ${JSON.stringify(word)}.${meant ? ` Did you mean ${meant}?` : ""}`;
  return new LociError("invalid", sentence, { next: meant ? `loci ${meant} --help` : "loci help" });
}
