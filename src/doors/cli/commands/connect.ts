import { rmSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { LociError } from "../../../errors.ts";
import { type Call, flagInput, flagName, textInput } from "../command.ts";
import { tilde, withoutSecrets } from "../config.ts";
import { type Change, connected, disconnected } from "../connect/change.ts";
import {
  clientNames,
  clients,
  type ClientName,
  type Command,
  commandFor,
  fileOf,
  serverTarget,
  type Target,
  type Whereabouts,
} from "../connect/clients.ts";
import { unifiedDiff } from "../connect/diff.ts";
import { type Found, readConfig, removeFolders, replaceFile } from "../connect/file.ts";
import { createKeeper, digestOf } from "../connect/kept.ts";
import { connections } from "../connect/list.ts";
import { pluginFile, pluginText, settingsFile, settingsTarget } from "../connect/plugin.ts";
import { jsonText } from "../output.ts";
import { safeText } from "../safe.ts";

/** What happened, as `--json` says it. */
interface Outcome {
  readonly client: ClientName;
  readonly file: string;
  readonly changed: boolean;
  readonly written: boolean;
  readonly diff: readonly string[];
}

/** `loci connect CLIENT`: shows the difference, asks, writes; with `--undo` the way back. */
export async function connect(call: Call): Promise<number | undefined> {
  const { input, env, folder } = call;
  const where = { env, folder, person: env["HOME"] || homedir(), platform: process.platform };
  const name = clientNames.find((one) => one === textInput(input, "client"));
  if (name === undefined) {
    const asked = ["project", "plugin", "dryRun", "undo", "yes"].find((flag) => flagInput(input, flag));
    if (asked === undefined) return connections(call, where);
    throw new LociError("invalid", `${flagName(asked)} is for one program: which?`, {
      next: `loci connect ${clientNames.join("|")}`,
    });
  }
  if (flagInput(input, "plugin")) return connectPlugin(call, name, where);
  const project = flagInput(input, "project");
  const file = fileOf(name, project, where);
  return flagInput(input, "undo")
    ? undo(call, serverTarget(name, project), file)
    : write(call, serverTarget(name, project, commandOf(call, name, where)), file);
}

/** The programs that have a plugin of ours, and how each is started. */
const withPlugin: Readonly<Partial<Record<ClientName, string>>> = {
  "claude-code": "claude",
  opencode: "opencode",
};

/** `loci connect PROGRAM --plugin`: the program loads the plugin from where this package is. */
async function connectPlugin(call: Call, name: ClientName, where: Whereabouts): Promise<number | undefined> {
  const { input, settings } = call;
  const project = flagInput(input, "project");
  const { title } = clients[name];
  const program = withPlugin[name];
  if (program === undefined) {
    throw new LociError("invalid", `${title} takes no plugin from us.`, {
      where: "--plugin",
      next: `loci connect ${Object.keys(withPlugin).join("|")} --plugin`,
    });
  }
  if (settings.get("url").origin === "flag --db") {
    throw new LociError(
      "invalid",
      `The plugin uses the store that LOCI_URL names where ${title} is started.`,
      {
        where: "--db",
        next: `LOCI_URL=URL ${program}`,
      },
    );
  }
  if (name === "opencode") return connectOpencode(call, name, where);
  const [target, file] = [settingsTarget(project), settingsFile(project, where)];
  return flagInput(input, "undo") ? undo(call, target, file) : write(call, target, file);
}

/** A file of its own, which OpenCode loads. */
async function connectOpencode(
  call: Call,
  name: ClientName,
  where: Whereabouts,
): Promise<number | undefined> {
  const { input } = call;
  const project = flagInput(input, "project");
  const found = readConfig(pluginFile(project, where));
  const undo = flagInput(input, "undo");
  const text = undo ? "" : pluginText();
  const bytes = undo ? undefined : Buffer.from(text);
  const plan: Plan = { name, found, change: { text, bytes, changed: text !== found.text } };
  if (!plan.change.changed) {
    return say(
      call,
      outcome(plan, false),
      undo ? "The plugin is not there." : "OpenCode has the plugin already.",
    );
  }
  if (!(await agreed(call, plan))) return undefined;
  if (undo) rmSync(found.path);
  else replaceFile(found, Buffer.from(text), project ? 0o644 : 0o600);
  const way = `loci connect opencode --plugin${project ? " --project" : ""} --undo`;
  return say(
    call,
    outcome(plan, true),
    undo
      ? "The plugin is out. Start OpenCode anew."
      : `OpenCode records from its next start on. The way back: ${way}`,
  );
}

/** With the store, where one was named: the client has neither our flags nor our folder. */
function commandOf(
  { input, env, folder, settings }: Call,
  name: ClientName,
  { platform }: Whereabouts,
): Command {
  const script = process.argv[1] ?? "";
  const command = commandFor(clients[name], flagInput(input, "project"), {
    env,
    platform,
    node: process.execPath,
    script,
  });
  const { value: url, origin } = settings.get("url");
  if (url === null || origin !== "flag --db") return command;
  if (withoutSecrets(url) !== url) {
    throw new LociError("config", "That URL holds a secret, and a client's file is no place for one.", {
      where: "--db",
      next: "Give the client LOCI_URL in its environment, or a URL without the password.",
    });
  }
  const isFile = !/^[a-z][a-z0-9+.-]+:/i.test(url) && !isAbsolute(url);
  return [...command, "--db", isFile ? resolve(folder, url) : url];
}

/** What a client's file is, and what it shall be. */
interface Plan {
  readonly name: ClientName;
  readonly found: Found;
  readonly change: Change;
}

async function write(call: Call, target: Target, file: string): Promise<number | undefined> {
  const { client: name, title, next, asked } = target;
  const found = readConfig(file);
  const change = connected(target, found);
  const plan: Plan = { name, found, change };
  if (!change.changed) return say(call, outcome(plan, false), `${title} is already connected.`);
  if (!(await agreed(call, plan))) return undefined;
  const keeper = createKeeper(call.settings.home);
  const old = keeper.read(name, found.path);
  const bytes = change.bytes ?? Buffer.alloc(0);
  const folders = replaceFile(found, bytes, flagInput(call.input, "project") ? 0o644 : 0o600);
  // Who connects twice goes back to where it was before the first time, unless others wrote in between.
  const goesOn = old !== undefined && found.bytes !== undefined && digestOf(found.bytes) === old.after;
  keeper.write({
    v: 1,
    client: name,
    file: found.path,
    before: goesOn ? old.before : (found.bytes?.toString("base64") ?? null),
    after: digestOf(bytes),
    folders: goesOn ? old.folders : folders,
  });
  return say(call, outcome(plan, true), `${title} is connected. ${next} The way back: ${asked} --undo`);
}

async function undo(call: Call, target: Target, file: string): Promise<number | undefined> {
  const { client: name, title, entries } = target;
  const found = readConfig(file);
  const keeper = createKeeper(call.settings.home);
  const kept = keeper.read(name, found.path);
  if (kept === undefined) {
    throw new LociError("not-found", `Loci did not connect ${title} there, so it takes nothing back.`, {
      where: found.path,
      next: `If ${entries.map(({ path }) => path.join(".")).join(" or ")} stands there, take it out by hand.`,
    });
  }
  const change = disconnected(target, found, kept);
  const plan = { name, found, change };
  if (change.changed) {
    if (!(await agreed(call, plan))) return undefined;
    replaceFile(found, change.bytes, 0o600);
  }
  if (change.bytes === undefined) removeFolders(kept.folders);
  keeper.forget(kept);
  const said = change.exact
    ? "The file is as it was."
    : "Others wrote in the file since: the entry is out, and what they wrote is kept.";
  return say(call, outcome(plan, true), change.changed ? said : "The entry is not there any more.");
}

/** Shows the difference; then whether it may be written. */
async function agreed(call: Call, plan: Plan): Promise<boolean> {
  const { input, out, signal, screen } = call;
  const shown = outcome(plan, false);
  const dry = flagInput(input, "dryRun");
  if (!machine(call)) {
    await out.lines(
      shown.diff.map((line, at) => {
        const text = safeText(line);
        if (at > 1 && line.startsWith("+")) return screen.tone(text, "green");
        return at > 1 && line.startsWith("-") ? screen.tone(text, "red") : text;
      }),
    );
  } else if (dry) await out.write(`${jsonText({ v: 1, ...shown })}\n`);
  if (dry) {
    out.note("Nothing was written (--dry-run).");
    return false;
  }
  if (flagInput(input, "yes")) return true;
  if (!out.isTerminal || !process.stdin.isTTY || machine(call)) {
    throw new LociError("invalid", "Nothing was written: nobody is there to be asked.", {
      next: "Add --yes, when the difference is what you want.",
    });
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await Promise.race([
      asking.question("Write it? [y/N] ", { signal }),
      new Promise<string>((done) => asking.once("close", () => done(""))),
    ]);
    if (/^y(es)?$/i.test(answer.trim())) return true;
  } finally {
    asking.close();
  }
  throw new LociError("interrupted", "Nothing was written.", {
    next: "loci connect shows what is connected.",
  });
}

function outcome({ name: client, found, change }: Plan, written: boolean): Outcome {
  const about = {
    name: found.path,
    existed: found.bytes !== undefined,
    exists: change.bytes !== undefined,
  };
  const diff = change.changed ? unifiedDiff(about, found.text, change.text) : [];
  return { client, file: found.path, changed: change.changed, written: written && change.changed, diff };
}

function machine({ out: { format } }: Call): boolean {
  return format === "json" || format === "ndjson";
}

async function say(call: Call, { file, ...answer }: Outcome, sentence: string): Promise<undefined> {
  if (machine(call)) await call.out.write(`${jsonText({ v: 1, ...answer, file })}\n`);
  else call.out.note(`${sentence}\n  ${tilde(file, call.env)}`);
  return undefined;
}
