import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { LociError } from "../errors.ts";
import { checkName, type DatabaseItem, type DatabaseProvider, unknownDatabase } from "./provider.ts";

export interface LocalOptions {
  readonly folder: string;
  /** Makes a store of that path. */
  readonly make: (path: string) => Promise<void>;
  readonly now: () => number;
}

/** What belongs to a database; the log before the file, because a file without its log is an older state. */
const suffixes = [
  ".db-wal",
  ".db-shm",
  ".search.db-wal",
  ".search.db-shm",
  ".search.db",
  ".spool",
  ".backups",
  ".db",
];

/** Files of this machine: one database, one file, with what lies beside it. */
export function createLocalProvider({ folder, make, now }: LocalOptions): DatabaseProvider {
  const pathOf = (name: string): string => join(folder, `${name}.db`);
  const itemOf = (name: string): DatabaseItem => ({
    name,
    provider: "local",
    url: pathOf(name),
    group: null,
    bytes: statSync(pathOf(name), { throwIfNoEntry: false })?.size ?? null,
  });
  const names = (): string[] => {
    try {
      return readdirSync(folder)
        .filter((file) => file.endsWith(".db") && !file.endsWith(".search.db"))
        .map((file) => basename(file, ".db"))
        .sort();
    } catch {
      // No folder: no database was made.
      return [];
    }
  };
  return {
    name: "local",
    list: async () => names().map(itemOf),

    async create(name, { group, regions }) {
      const path = pathOf(checkName(name));
      if (group !== undefined || (regions !== undefined && regions.length > 0)) {
        throw new LociError("invalid", "A file of this machine has no group and no regions.", {
          next: "Leave them out, or set TURSO_API_TOKEN and TURSO_ORGANIZATION for Turso's.",
        });
      }
      if (existsSync(path))
        throw new LociError("invalid", `There is a database ${name} already.`, { where: path });
      await make(path);
      return itemOf(name);
    },

    async remove(name) {
      if (!names().includes(checkName(name))) throw unknownDatabase(name, names());
      const time = new Date(now()).toISOString().replace(/[-:]|\.\d+/g, "");
      const first = join(folder, "deleted", `${name}-${time}`);
      let target = first;
      for (let n = 2; existsSync(target); n++) target = `${first}-${n}`;
      mkdirSync(target, { recursive: true, mode: 0o700 });
      for (const suffix of suffixes) {
        const from = join(folder, name + suffix);
        if (existsSync(from)) renameSync(from, join(target, name + suffix));
      }
      return { name, provider: "local", setAside: target };
    },
  };
}
