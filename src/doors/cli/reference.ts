import type { Params } from "../../operations/operation.ts";
import { type Command, flagName, globalParams } from "./command.ts";
import { commands, summaryCommand } from "./commands.ts";
import { settingKinds, settingNames } from "./config.ts";
import { flagValue, upper, usage } from "./help.ts";

/** docs/cli.md: `node scripts/docs.mjs` writes it, and a test fails when it is stale. */
export function reference(): string {
  const shown = commands.filter((command) => !command.hidden);
  return [
    "# The command line",
    "",
    "<!-- Made by scripts/docs.mjs from the list of commands. Edit the commands, then run it again. -->",
    "",
    `\`loci\` alone ${summaryCommand.summary}. The commands:`,
    "",
    "| command | what it does |",
    "|---|---|",
    ...shown.map(
      ({ name, summary }) => `| [\`loci ${name}\`](#loci-${name.replace(" ", "-")}) | ${cell(summary)} |`,
    ),
    "",
    "## What every command takes",
    "",
    ...flagTable(globalParams),
    "",
    ...rules,
    "",
    "## Settings",
    "",
    "Flags count first, then the environment, then `loci.config.json` of the project (here or above), then your own",
    "`~/.config/loci/config.json` (below `XDG_CONFIG_HOME` where that is set), then the default.",
    "`loci config get --origin` shows each value and where it comes from. A project's file may neither turn redaction",
    "off nor name a store outside its own folder, since it comes with code that others wrote.",
    "",
    "| setting | environment | what it is |",
    "|---|---|---|",
    ...settingNames.map((name) => {
      const { env, summary } = settingKinds[name];
      return `| \`${name}\` | ${env.map((variable) => `\`${variable}\``).join(", ")} | ${cell(summary)} |`;
    }),
    "",
    "Also read: `LOCI_HOME` (the folder of the store, the prices and the reports; `~/.loci` unless set),",
    "`CLAUDE_CONFIG_DIR`, `CODEX_HOME`, `GEMINI_CLI_HOME`, `XDG_DATA_HOME` and `OPENCODE_DB` (where these programs",
    "keep their files), `NO_COLOR`, `FORCE_COLOR`, `COLUMNS`.",
    "",
    ...shown.flatMap(section),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

const rules = [
  "## What comes out",
  "",
  "- stdout is data, stderr is everything else: progress, hints, errors.",
  "- On a terminal a table that fits it: columns are dropped before anything wraps. In a pipe TSV with a head, full ids",
  "  and moments in UTC (`2026-11-20T10:00:00.000Z`); tabs and line ends within a field are `\\t` and `\\n`.",
  '- `--json`: one object, `{"v":1,…}`, as docs/SPEC.md says. `next` is what `--after` takes for the page behind, or',
  "  null. An error is one object on stderr.",
  "- Recorded text is made safe for the terminal: controls, escape sequences and marks that turn the reading direction",
  "  are shown as `\\x1b`, `\\u202e`. JSON keeps them, escaped.",
  "- A short id is any beginning of 4 characters or more that names one session; a sub-agent's is `PARENT/AGENT`.",
  "- Moments: `2026-08-23`, `2026-08-23T10:00:00Z`, `7d`, `12h`, `today`, `yesterday`; without a zone, your own.",
  "- Exit codes: 0 ok, 1 a bug of ours, 2 usage, 3 not found, 4 settings, permissions or schema, 5 a store that does",
  "  not answer, 6 a check failed, 7 partly done with `--strict`, 130 and 143 signals. [Errors](ERRORS.md) has each one.",
];

function section(command: Command): string[] {
  const own = Object.entries(command.params).filter(([, param]) => !param.hidden);
  const places = own.filter(([, param]) => param.positional);
  const flags = Object.fromEntries(own.filter(([, param]) => !param.positional));
  const lines = [
    `## loci ${command.name}`,
    "",
    "```",
    usage(command),
    "```",
    "",
    `${upper(command.summary)}.`,
  ];
  if (command.details) lines.push("", command.details);
  if (places.length > 0) lines.push("");
  for (const [name, param] of places) lines.push(`- \`${name.toUpperCase()}\`: ${cell(param.summary)}`);
  if (Object.keys(flags).length > 0) lines.push("", ...flagTable(flags));
  if (command.examples.length > 0) {
    lines.push("", "```sh");
    for (const [line, does] of command.examples) lines.push(`${line}  # ${does}`);
    lines.push("```");
  }
  return [...lines, ""];
}

function flagTable(params: Params): string[] {
  const rows = Object.entries(params)
    .filter(([, param]) => !param.hidden)
    .map(([name, param]) => {
      const letter = param.letter ? `\`-${param.letter}\`, ` : "";
      const usual = "default" in param && param.default !== undefined ? `\`${param.default}\`` : "";
      const choices = param.kind === "enum" ? ` (${param.choices.join(", ")})` : "";
      return `| ${letter}\`${cell(flagName(name) + flagValue(param))}\` | ${cell(param.summary)}${choices} | ${usual} |`;
    });
  return ["| flag | what it is | default |", "|---|---|---|", ...rows];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
