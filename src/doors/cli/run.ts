import { LociError } from "../../errors.ts";
import type { Loci } from "../../open.ts";
import type { Input, Millis } from "../../operations/operation.ts";
import { readInput } from "../../operations/values.ts";
import { commandAt, parseArguments } from "./args.ts";
import { type Command, globalParams, paramLabel } from "./command.ts";
import { commands, summaryCommand } from "./commands.ts";
import {
  calledAs,
  readSettings,
  type SettingName,
  type Settings,
  syncSettings,
  withStore,
} from "./config.ts";
import { commandHelp, overview } from "./help.ts";
import { helpAbout, namedCommand, nameIn } from "./named.ts";
import { createOutput, type Format, formats, jsonText } from "./output.ts";
import type { ProgressLine } from "./progress.ts";
import { exitCodes, reportError } from "./report.ts";
import { createScreen, type Environment, type Screen } from "./screen.ts";
import { version } from "./version.ts";

type Stream = NodeJS.WritableStream & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

export interface World {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly folder: string;
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly signal: AbortSignal;
  readonly now: () => Millis;
  progress(wanted: boolean): ProgressLine;
}

/** Reads the arguments, runs the command, answers the exit code. Never throws. */
export async function run(world: World): Promise<number> {
  let home = `${world.env["HOME"] ?? "."}/.loci`;
  let resumable = false;
  try {
    const asked = readCommand(world);
    if ("text" in asked) {
      const text = asked.text.join("\n");
      world.stdout.write(`${wantsJson(world.argv) ? jsonText({ v: 1, text }) : text}\n`);
      return 0;
    }
    home = asked.settings.home;
    resumable = asked.command.resumable === true;
    const code = await runCommand(asked, world);
    if (!world.signal.aborted) return code;
  } catch (error) {
    // What breaks because it was told to stop is no error.
    if (!world.signal.aborted) return tell(error, world, home);
  }
  if (resumable) world.stderr.write("Stopped. What was read is kept: continue with the same command.\n");
  return 130;
}

/** What was asked for, also where the arguments could not be read. */
function wantsJson(argv: readonly string[]): boolean {
  return /(^| )--(json|format[= ](nd)?json)( |$)/.test(argv.join(" "));
}

function tell(error: unknown, world: World, home: string): number {
  const { argv, stderr } = world;
  const report = reportError(error, {
    screen: screenOf(world, stderr, argv.includes("--no-color")),
    json: wantsJson(argv),
    verbose: argv.includes("--verbose") || argv.includes("-v"),
    help: (code) => {
      const word = nameIn(argv);
      return exitCodes[code] === 2 && word !== undefined ? `loci ${word} --help` : "loci doctor";
    },
    home,
  });
  stderr.write(`${report.lines.join("\n")}\n`);
  return report.exitCode;
}

interface Asked {
  readonly command: Command;
  readonly input: Input;
  readonly settings: Settings;
  readonly format: Format;
}

function readCommand({
  argv,
  env,
  folder,
  now,
  stdout,
}: World): Asked | { readonly text: readonly string[] } {
  const at = commandAt(argv, globalParams);
  const word = at < 0 ? undefined : argv[at];
  if (word === "help") {
    const about = argv.slice(at + 1).filter((token) => !token.startsWith("-"));
    if (about.length === 0) return { text: overview() };
    const found = helpAbout(about);
    return { text: "run" in found ? commandHelp(found) : found };
  }
  const asksVersion = word === undefined && argv.includes("--version");
  if (asksVersion && !wantsJson(argv)) return { text: [version()] };
  const named = asksVersion
    ? namedCommand(["version"], 0)
    : word === undefined
      ? { command: summaryCommand, places: [] }
      : namedCommand(argv, at);
  if ("text" in named) return named;
  const { command, places } = named;
  const spoken = word === undefined ? "loci" : `loci ${command.name}`;
  const params = { ...command.params, ...globalParams };
  const tokens =
    at < 0
      ? argv.filter((token) => !asksVersion || token !== "--version")
      : argv.filter((_, place) => !places.includes(place));
  const given = parseArguments(tokens, params, { command: spoken });
  if (given["help"] === true) return { text: word === undefined ? overview() : commandHelp(command) };

  const flags: Partial<Record<SettingName, string>> = {};
  for (const [flag, name] of [
    ["db", "url"],
    ["redact", "redact"],
    ["hub", "syncUrl"],
  ] as const) {
    const value = given[flag];
    if (typeof value === "string" && value !== "") flags[name] = value;
  }
  const settings = readSettings({ flags, env, folder });
  const filled = { ...given };
  for (const name of ["limit", "redact"] as const) {
    const { value, origin } = settings.get(name);
    if (name in command.params && value !== null && origin !== "default") filled[name] ??= value;
  }
  const input = readInput(params, filled, {
    now: now(),
    nameOf: (name, param) => paramLabel(name, param.positional === true),
    help: `${spoken} --help`,
  });
  return { command, input, settings, format: formatOf(input, settings, stdout.isTTY === true) };
}

function formatOf(input: Input, settings: Settings, isTerminal: boolean): Format {
  const asked = asFormat(input["format"]);
  if (input["json"] === true) {
    if (asked !== undefined && asked !== "json") {
      throw new LociError("invalid", `--json and --format ${asked} contradict each other.`, {
        next: "Leave one of them out.",
      });
    }
    return "json";
  }
  return asked ?? asFormat(settings.get("format").value) ?? (isTerminal ? "table" : "tsv");
}

function asFormat(value: unknown): Format | undefined {
  return formats.find((choice) => choice === value);
}

function screenOf({ env, now }: World, stream: Stream, noColor: boolean): Screen {
  return createScreen({
    isTerminal: stream.isTTY === true,
    columns: stream.columns,
    env,
    noColor,
    now: now(),
  });
}

async function runCommand({ command, input, settings, format }: Asked, world: World): Promise<number> {
  const { env, folder, stdout, stderr, signal, now } = world;
  const noColor = input["noColor"] === true;
  const quiet = input["quiet"] === true;
  const url = settings.get("url");
  const screen = {
    ...screenOf(world, stdout, noColor),
    command: url.origin.startsWith("flag") ? withStore(url.value ?? "", env) : calledAs(env),
  };
  const isTerminal = stdout.isTTY === true;
  const progress = world.progress(!quiet);
  const opened = new Map<string, Loci>();
  try {
    const out = createOutput({
      format,
      quiet,
      isTerminal,
      // A table and what stands above it has to fit, or it cannot be written over.
      redraws: isTerminal && env["TERM"] !== "dumb" && (stdout.rows ?? 0) >= 20,
      screen,
      stdout,
      stderr,
      beforeNote: () => progress.pause(),
    });
    const code = await command.run({
      input,
      settings,
      out,
      screen,
      env,
      folder,
      now,
      signal,
      commands,
      context: { now, env, folder, signal, progress: (step) => progress.show(step) },
      async open(place = url.value ?? "") {
        const before = opened.get(place);
        if (before) return before;
        // What only answers itself (help, config, completion) does not load the store's code.
        const { open } = await import("../../open.ts");
        const loci = await open(place, { inThread: true, ...syncSettings(settings, env) });
        opened.set(place, loci);
        return loci;
      },
    });
    return code ?? 0;
  } finally {
    progress.end();
    for (const loci of opened.values()) await loci.close();
  }
}
