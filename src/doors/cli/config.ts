import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { LociError } from "../../errors.ts";
import type { OpenOptions } from "../../open.ts";
import { nearest } from "../../operations/nearest.ts";
import { formats } from "./output.ts";
import type { Environment } from "./screen.ts";

/** Flags, then the environment, then a project's file, then the user's file, then the default. */

export interface SettingKind {
  readonly summary: string;
  /** The first of these that is set counts. */
  readonly env: readonly string[];
  readonly choices?: readonly string[];
  readonly integer?: { readonly min: number; readonly max: number };
  /** Never read from a file, never shown. */
  readonly secret?: true;
}

const modes = ["push", "pull", "full"] as const;

export type SettingName =
  | "url"
  | "authToken"
  | "syncUrl"
  | "syncToken"
  | "syncMode"
  | "limit"
  | "format"
  | "redact";

export const settingKinds: Readonly<Record<SettingName, SettingKind>> = {
  url: { summary: "the store: a file or a URL", env: ["LOCI_URL", "TURSO_DATABASE_URL"] },
  authToken: {
    summary: "the token for a server that wants one; from the environment only",
    env: ["LOCI_AUTH_TOKEN", "TURSO_AUTH_TOKEN"],
    secret: true,
  },
  syncUrl: { summary: "the hub that the store syncs with: a file or a URL", env: ["LOCI_SYNC_URL"] },
  syncToken: {
    summary: "the token for the hub; from the environment only",
    env: ["LOCI_SYNC_TOKEN"],
    secret: true,
  },
  syncMode: {
    summary: "what the store does with its hub: push, pull or full, which is the default",
    env: ["LOCI_SYNC_MODE"],
    choices: modes,
  },
  limit: {
    summary: "how many rows a list shows",
    env: ["LOCI_LIMIT"],
    integer: { min: 1, max: 1000 },
  },
  format: {
    summary: "how answers look; table on a terminal and tsv elsewhere, unless this says otherwise",
    env: ["LOCI_FORMAT"],
    choices: formats,
  },
  redact: {
    summary: "whether secrets are taken out of what is imported",
    env: ["LOCI_REDACT"],
    choices: ["on", "off"],
  },
};

export interface Setting {
  readonly name: SettingName;
  readonly value: string | null;
  /** `flag --db`, `environment LOCI_URL`, a file's path, `default`. */
  readonly origin: string;
}

export interface Settings {
  readonly all: readonly Setting[];
  get(name: SettingName): Setting;
  /** The folder of our own files. */
  readonly home: string;
  readonly userFile: string;
  readonly projectFile: string | null;
}

export interface SettingsOptions {
  readonly flags: Readonly<Partial<Record<SettingName, string>>>;
  readonly env: Environment;
  readonly folder: string;
}

type FileValues = Readonly<Partial<Record<SettingName, string>>>;

export function readSettings({ flags, env, folder }: SettingsOptions): Settings {
  const person = env["HOME"] || homedir();
  const home = env["LOCI_HOME"] ? resolve(folder, env["LOCI_HOME"]) : join(person, ".loci");
  const userFile = userConfigFile(env, person);
  const projectFile = findProjectFile(folder, person);
  const user = readConfigFile(userFile);
  const project = projectFile === null ? {} : checkProject(readConfigFile(projectFile), projectFile);
  const defaults: FileValues = { url: join(home, "loci.db"), limit: "20", redact: "on" };

  const all = settingNames.map((name): Setting => {
    const flag = flags[name];
    if (flag !== undefined) return { name, value: flag, origin: `flag --${flagOf[name] ?? name}` };
    for (const variable of settingKinds[name].env) {
      // A Turso URL alone belongs to some other program: without its token it is nothing we could open.
      if (variable === "TURSO_DATABASE_URL" && !env["TURSO_AUTH_TOKEN"]) continue;
      const value = env[variable];
      if (value) return { name, value: checkValue(name, value, variable), origin: `environment ${variable}` };
    }
    if (project[name] !== undefined) return { name, value: project[name], origin: projectFile ?? "" };
    if (user[name] !== undefined) return { name, value: user[name], origin: userFile };
    return { name, value: defaults[name] ?? null, origin: "default" };
  });
  return {
    all,
    home,
    userFile,
    projectFile,
    get: (name) => all.find((one) => one.name === name) ?? { name, value: null, origin: "default" },
  };
}

/** Flags that are called otherwise than their setting. */
const flagOf: Partial<Record<SettingName, string>> = { url: "db", syncUrl: "hub" };

export const settingNames: readonly SettingName[] = [
  "url",
  "authToken",
  "syncUrl",
  "syncToken",
  "syncMode",
  "limit",
  "format",
  "redact",
];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingKinds, name);
}

function userConfigFile(env: Environment, person: string): string {
  return join(env["XDG_CONFIG_HOME"] || join(person, ".config"), "loci", "config.json");
}

/** `loci.config.json` here or above, up to the person's own folder. */
function findProjectFile(folder: string, person: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, "loci.config.json");
    if (existsSync(path)) return path;
    if (at === person || at === dirname(at)) return null;
  }
}

export function readConfigFile(path: string): FileValues {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (isMissing(cause)) return {};
    throw new LociError("config", `The settings in ${path} cannot be read.`, { where: path, cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new LociError("config", `${path} is not JSON: ${cause instanceof Error ? cause.message : ""}`, {
      where: path,
      next: `Mend it, or remove it: ${path}`,
      cause,
    });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new LociError("config", `${path} holds no JSON object.`, {
      where: path,
      next: `It holds settings, such as {"limit": 50}`,
    });
  }
  const values: Partial<Record<SettingName, string>> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "$schema") continue;
    if (!isSettingName(name)) throw unknownSetting(name, path);
    if (settingKinds[name].secret) throw secretInFile(name, path);
    values[name] = checkValue(name, String(value), path);
  }
  return values;
}

export function unknownSetting(name: string, where: string): LociError {
  const meant = nearest(name, settingNames);
  return new LociError(
    "config",
    `There is no setting ${JSON.stringify(name)}.${meant ? ` Did you mean ${meant}?` : ""}`,
    { where, next: `Settings are ${settingNames.join(", ")}: loci config get` },
  );
}

export function secretInFile(name: SettingName, path: string): LociError {
  return new LociError("config", `${name} is a secret, and secrets are not kept in files.`, {
    where: path,
    next: `Set ${settingKinds[name].env.join(" or ")} in the environment.`,
  });
}

/** A value that a setting can have; `where` is a variable or a file. */
export function checkValue(name: SettingName, value: string, where: string): string {
  const kind = settingKinds[name];
  const { choices, integer } = kind;
  const whole = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  const expected = choices
    ? choices.includes(value)
      ? undefined
      : choices.join(", ")
    : integer && !(whole >= integer.min && whole <= integer.max)
      ? `a whole number from ${integer.min} to ${integer.max}`
      : undefined;
  if (expected === undefined && value !== "") return value;
  throw new LociError("config", `${name} is ${expected ?? "a text"}, not ${JSON.stringify(value)}.`, {
    where,
    next: `loci config get ${name} --origin`,
  });
}

/**
 * A project's file comes with a repository that somebody else wrote. It may not send what is recorded elsewhere, nor
 * have secrets kept.
 */
function checkProject(values: FileValues, path: string): FileValues {
  const refuse = (what: string, next: string): never => {
    throw new LociError("config", `A project's file may not ${what}: it comes with code that others wrote.`, {
      where: path,
      next,
    });
  };
  if (values.redact === "off") refuse("turn redaction off", "loci config set redact off, if you mean it");
  if (values.syncUrl !== undefined)
    refuse("name a hub", "Set LOCI_SYNC_URL, or loci config set syncUrl URL, if you mean it.");
  if (values.url === undefined) return values;
  const file = values.url.replace(/^file:(\/\/)?/, "");
  const target = resolve(dirname(path), file);
  const inside = relative(dirname(path), target);
  if (/^[a-z][a-z0-9+.-]+:/i.test(file) || inside.startsWith("..") || isAbsolute(inside)) {
    refuse("name a store outside its folder", "Set LOCI_URL, or loci config set url URL, if you mean it.");
  }
  return { ...values, url: target };
}

/** A setting as it may be shown: passwords and tokens of URLs starred, secrets by their last two letters. */
export function shownValue({ name, value }: Setting): string | null {
  if (value === null) return null;
  const kind = settingKinds[name];
  return kind.secret ? `set (ends in …${value.slice(-2)})` : withoutSecrets(value);
}

/** `~/x` for what is below the person's folder. */
export function tilde(path: string, env: Environment): string {
  const person = env["HOME"];
  return person && path.startsWith(`${person}/`) ? `~${path.slice(person.length)}` : path;
}

/** How the person started us: through npm there may be no `loci` to type. */
export function calledAs(env: Environment): string {
  return env["npm_command"] ? "npx loci" : "loci";
}

/** What one types to stay with a store. */
export function withStore(url: string, env: Environment): string {
  const shown = tilde(withoutSecrets(url), env);
  return `${calledAs(env)} --db ${/^[\w./:~@+-]+$/.test(shown) ? shown : JSON.stringify(shown)}`;
}

export function withoutSecrets(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):[^/]*@/i, "$1:***@")
    .replace(/([?&](?:authToken|password|token|sslpassword)=)[^&#]*/gi, "$1***");
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/**
 * What `open()` is told of the hub, where one is named. A hub that the settings name is for the store that they name: a
 * store of another name is sent somewhere only where the command says so. So is the token.
 */
export function syncSettings(settings: Settings, env: Environment): Pick<OpenOptions, "sync"> {
  const { value: url, origin } = settings.get("syncUrl");
  const isSaid = origin.startsWith("flag");
  if (url === null || (!isSaid && settings.get("url").origin.startsWith("flag"))) return { sync: false };
  const mode = modes.find((one) => one === settings.get("syncMode").value);
  const token = settings.get("syncToken").value;
  const isItsToken = !env["LOCI_SYNC_URL"] || env["LOCI_SYNC_URL"] === url;
  return {
    sync: {
      url,
      ...(mode === undefined ? {} : { mode }),
      ...(token !== null && isItsToken ? { authToken: token } : {}),
    },
  };
}
