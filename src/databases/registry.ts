import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../engine/folder.ts";
import { checkName, type DatabaseItem } from "./provider.ts";

/** What this machine knows of one provider's databases: a file each, so that many processes may write at once. */
export interface Registry {
  all(): DatabaseItem[];
  note(item: DatabaseItem): void;
  forget(name: string): void;
  /** These are all there are. */
  replace(items: readonly DatabaseItem[]): void;
}

/** Providers whose databases are servers; those of this machine are files, and need no registry. */
export const remoteProviders = ["sqld", "turso"] as const;

export type RemoteProvider = (typeof remoteProviders)[number];

export function databasesFolder(home: string): string {
  return join(home, "databases");
}

/** Databases at servers that were made or listed from this machine. */
export function knownDatabases(home: string): DatabaseItem[] {
  return remoteProviders.flatMap((provider) => createRegistry(home, provider).all());
}

export function createRegistry(home: string, provider: RemoteProvider): Registry {
  const folder = join(databasesFolder(home), provider);
  const pathOf = (name: string): string => join(folder, `${checkName(name)}.json`);
  const all = (): DatabaseItem[] =>
    namesIn(folder)
      .map((name) => itemIn(pathOf(name), name, provider))
      .filter((item) => item !== undefined);
  const note = (item: DatabaseItem): void => {
    const { name, url, group } = item;
    const path = pathOf(name);
    makeFolder(folder);
    const part = `${path}.${process.pid}.part`;
    writeFileSync(part, `${JSON.stringify({ v: 1, name, url, group })}\n`, { mode: 0o600 });
    renameSync(part, path);
  };
  const forget = (name: string): void => rmSync(pathOf(name), { force: true });
  return {
    all,
    note,
    forget,
    replace(items) {
      const before = new Map(all().map((item) => [item.name, item]));
      for (const item of items) {
        const known = before.get(item.name);
        before.delete(item.name);
        // A name that somebody else gave, and that is none of ours, is not noted: it cannot be opened by name.
        if (known?.url !== item.url && isName(item.name)) note(item);
      }
      for (const name of before.keys()) forget(name);
    },
  };
}

function isName(name: string): boolean {
  try {
    return checkName(name) === name;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith(".json"))
      .map((file) => file.slice(0, -".json".length))
      .filter(isName)
      .sort();
  } catch {
    // No folder: nothing was noted.
    return [];
  }
}

function itemIn(path: string, name: string, provider: string): DatabaseItem | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof read !== "object" || read === null) return undefined;
    const [url, group]: unknown[] = [Reflect.get(read, "url"), Reflect.get(read, "group")];
    if (typeof url !== "string") return undefined;
    return { name, provider, url, group: typeof group === "string" ? group : null, bytes: null };
  } catch {
    // Another process took it away meanwhile, or it is none of ours.
    return undefined;
  }
}
