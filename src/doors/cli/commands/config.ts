import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { LociError } from "../../../errors.ts";
import { type Call, flagInput, textInput } from "../command.ts";
import {
  checkValue,
  isSettingName,
  readConfigFile,
  secretInFile,
  type Setting,
  settingKinds,
  shownValue,
  unknownSetting,
} from "../config.ts";
import { view } from "../output.ts";

interface ConfigAnswer {
  readonly settings: readonly Shown[];
}

interface Shown {
  readonly name: string;
  readonly value: string | null;
  readonly origin: string;
}

/** `loci config get|set|path`. */
export async function config(call: Call): Promise<number | undefined> {
  const { input, settings } = call;
  const name = textInput(input, "name");
  const value = textInput(input, "value");
  switch (textInput(input, "action")) {
    case "path":
      return show(call, [
        { name: "user", value: settings.userFile, origin: "your own settings" },
        { name: "project", value: settings.projectFile, origin: "loci.config.json here or above" },
        { name: "home", value: settings.home, origin: "store, index, spool and reports" },
      ]);
    case "set":
      return set(call, name, value);
    default: {
      if (value !== undefined)
        throw usage(`config get takes one name; ${JSON.stringify(value)} is left over.`);
      if (name === undefined) return show(call, settings.all.map(shown));
      if (!isSettingName(name)) throw unknownSetting(name, settings.userFile);
      return show(call, [shown(settings.get(name))]);
    }
  }
}

function shown(setting: Setting): Shown {
  return { name: setting.name, value: shownValue(setting), origin: setting.origin };
}

async function show({ out, input, screen }: Call, settings: readonly Shown[]): Promise<undefined> {
  const origin = flagInput(input, "origin");
  const configView = view<ConfigAnswer, Shown>({
    rows: (answer) => answer.settings,
    columns: () => [
      { title: "NAME", cell: (row) => row.name },
      { title: "VALUE", cell: (row) => row.value ?? "(not set)", flexible: 12 },
      ...(origin ? [{ title: "FROM", cell: (row: Shown) => row.origin, flexible: 12 }] : []),
    ],
    fields: () => [
      { name: "name", value: (row) => row.name },
      { name: "value", value: (row) => row.value },
      ...(origin ? [{ name: "origin", value: (row: Shown) => row.origin }] : []),
    ],
  });
  await out.answer({ settings }, configView, screen);
  return undefined;
}

async function set(call: Call, name: string | undefined, value: string | undefined): Promise<undefined> {
  const { settings, out } = call;
  if (name === undefined || value === undefined) throw usage("config set needs a name and a value.");
  if (!isSettingName(name)) throw unknownSetting(name, settings.userFile);
  if (settingKinds[name].secret) throw secretInFile(name, settings.userFile);
  const checked = checkValue(name, value, settings.userFile);
  writeSettings(settings.userFile, { ...readConfigFile(settings.userFile), [name]: checked });
  out.note(`${name} is set in ${settings.userFile}`);
  return undefined;
}

/** Beside the old file, then in its place: an interrupted write leaves the old one. */
function writeSettings(path: string, values: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(values, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

function usage(message: string): LociError {
  return new LociError("invalid", message, { next: "loci config --help" });
}
