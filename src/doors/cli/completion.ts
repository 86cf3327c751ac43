import type { Params } from "../../operations/operation.ts";
import { flagName } from "./command.ts";
import type { Command } from "./command.ts";

/** Scripts that a shell reads once; they hold every command, flag and choice, and call nothing. */

export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, commands: readonly Command[], globals: Params): string {
  const all = commands
    .filter((command) => !command.hidden)
    .map((command) => ({ ...command, params: { ...command.params, ...globals } }));
  if (shell === "bash") return bash(all);
  return shell === "zsh" ? zsh(all) : fish(all);
}

function flagsOf(command: Command): string[] {
  return Object.entries(command.params).flatMap(([name, param]) =>
    param.hidden || param.positional ? [] : [flagName(name), ...(param.letter ? [`-${param.letter}`] : [])],
  );
}

/** First words, each with the second ones of the commands that begin with it. */
function groupsOf(commands: readonly Command[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = "", second] = name.split(" ");
    groups.set(first, [...(groups.get(first) ?? []), ...(second === undefined ? [] : [second])]);
  }
  return groups;
}

/** The words that may stand behind a flag, or in the first place of a command. */
function choicesOf(command: Command): Array<readonly [where: string, words: readonly string[]]> {
  return Object.entries(command.params).flatMap(([name, param]) =>
    param.kind === "enum" && !param.hidden
      ? [[param.positional ? "" : flagName(name), param.choices] as const]
      : [],
  );
}

function bash(commands: readonly Command[]): string {
  const groups = groupsOf(commands);
  const names = new Set(commands.map(({ name }) => name));
  const cases = commands.map((command) => {
    const values = choicesOf(command);
    const lines = values
      .filter(([flag]) => flag !== "")
      .map(([flag, words]) => `        ${flag}) words="${words.join(" ")}" ;;`);
    const first = values.find(([flag]) => flag === "")?.[1] ?? [];
    return [
      `    "${command.name}")`,
      '      case "$previous" in',
      ...lines,
      `        *) words="${[...(groups.get(command.name) ?? []), ...first, ...flagsOf(command)].join(" ")}" ;;`,
      "      esac ;;",
    ].join("\n");
  });
  for (const [first, seconds] of groups) {
    if (seconds.length > 0 && !names.has(first)) cases.push(`    ${first}) words="${seconds.join(" ")}" ;;`);
  }
  const halves = [...groups].flatMap(([first, seconds]) => (seconds.length > 0 ? [`"${first}"`] : []));
  return `# bash completion of loci. To use it: eval "$(loci completion bash)"
_loci() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
      --db) ((at++)) ;;
      -*) ;;
      *)
        command="\${command:+$command }\${COMP_WORDS[at]}"
        case "$command" in
          ${halves.join("|") || '""'}) ;;
          *) break ;;
        esac ;;
    esac
  done
  case "$command" in
    "") words="${[...groups.keys()].join(" ")}" ;;
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _loci loci
`;
}

function zsh(commands: readonly Command[]): string {
  const groups = groupsOf(commands);
  const names = [...groups].map(([first, seconds]) => {
    const about = commands.find(({ name }) => name === first)?.summary ?? seconds.join(", ");
    return `    ${single(`${first}:${about}`)}`;
  });
  const cases = commands.map((command) => {
    const specs = Object.entries(command.params).flatMap(([name, param]) => {
      if (param.hidden || param.positional) return [];
      const about = `[${param.summary.replace(/[[\]:]/g, "")}]`;
      if (param.kind === "boolean") return [single(flagName(name) + about)];
      const words = param.kind === "enum" ? `(${param.choices.join(" ")})` : "_files";
      return [single(`${flagName(name)}=${about}:${name}:${words}`)];
    });
    const first = choicesOf(command).find(([flag]) => flag === "")?.[1];
    const rest = single(first ? `*:argument:(${first.join(" ")})` : "*:argument:_files");
    return `    "${command.name}") _arguments ${[...specs, rest].join(" ")} ;;`;
  });
  const halves = [...groups].flatMap(([first, seconds]) =>
    seconds.length === 0
      ? []
      : [
          `    ${first})`,
          "      if ((CURRENT == 2)); then",
          `        compadd ${seconds.join(" ")}`,
          "        return",
          "      fi",
          '      command="$command $words[2]"',
          "      shift words",
          "      ((CURRENT--)) ;;",
        ],
  );
  return `#compdef loci
# zsh completion of loci. To use it: eval "$(loci completion zsh)"
_loci() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  ((CURRENT--))
  case "$command" in
${halves.join("\n")}
  esac
  case "$command" in
${cases.join("\n")}
  esac
}
compdef _loci loci
`;
}

function fish(commands: readonly Command[]): string {
  const lines = [
    "# fish completion of loci. To use it: loci completion fish | source",
    "complete -c loci -f",
  ];
  for (const [first, seconds] of groupsOf(commands)) {
    if (seconds.length === 0) continue;
    lines.push(
      `complete -c loci -n __fish_use_subcommand -a ${first} -d ${single(seconds.join(", "))}`,
      `complete -c loci -n ${single(`__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(" ")}`)} -a ${single(seconds.join(" "))}`,
    );
  }
  for (const command of commands) {
    const words = command.name.split(" ");
    if (words.length === 1) {
      lines.push(
        `complete -c loci -n __fish_use_subcommand -a ${command.name} -d ${single(command.summary)}`,
      );
    }
    const only = `-n ${single(words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and "))}`;
    for (const [name, param] of Object.entries(command.params)) {
      if (param.hidden) continue;
      if (param.positional) {
        if (param.kind === "enum")
          lines.push(`complete -c loci ${only} -a ${single(param.choices.join(" "))}`);
        else lines.push(`complete -c loci ${only} -F`);
        continue;
      }
      const letter = param.letter ? ` -s ${param.letter}` : "";
      const value =
        param.kind === "boolean"
          ? ""
          : param.kind === "enum"
            ? ` -x -a ${single(param.choices.join(" "))}`
            : " -r";
      lines.push(
        `complete -c loci ${only} -l ${flagName(name).slice(2)}${letter}${value} -d ${single(param.summary)}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

/** A word in single quotes, for all three shells. */
function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
