import { existsSync, statSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { LociError } from "../../errors.ts";
import { type ClaudeFlowStore, claudeFlowAt } from "./claude-flow.ts";
import { type FoundFile, filesIn } from "./files.ts";
import { isOpenCodeName, type SourceName, type SourcePlace, sourcePlaces } from "./places.ts";
import type { ImportOptions } from "./run.ts";

/** What an import has to read. */
export interface Chosen {
  readonly flows: readonly ClaudeFlowStore[];
  /** Databases of OpenCode. */
  readonly opencodes: readonly string[];
  /** Files and folders of lines. */
  readonly rest: readonly string[];
  /** The programs that were looked for, when no path was given. */
  readonly sources: ReadonlyArray<{
    readonly source: SourceName;
    readonly where: readonly string[];
    readonly files: (found: readonly FoundFile[]) => number;
  }>;
}

/** Sorts the paths that were given; without any, looks for the programs that we know. */
export function choose({ paths, source }: ImportOptions): Chosen {
  if (paths === undefined && source !== "claude-flow") return ofThisMachine(source);
  const given = paths ?? ["."];
  if (source === "opencode") return { ...nothing, opencodes: given.map(openCodeAt) };
  if (source !== undefined && source !== "claude-flow") return { ...nothing, rest: given };
  const opencodes = source === undefined ? given.filter((path) => isOpenCode(path)) : [];
  const other = given.filter((path) => !opencodes.includes(path));
  const found = other.map((path) => ({ path, flow: path === "" ? undefined : claudeFlowAt(path) }));
  const flows = found.flatMap(({ flow }) => flow ?? []);
  const missing = source === "claude-flow" ? found.find(({ flow }) => flow === undefined) : undefined;
  if (missing) {
    throw new LociError("not-found", "No store of claude-flow is here: .swarm/memory.db or .claude-flow.", {
      where: missing.path,
      next: "loci import --source claude-flow PROJECT",
    });
  }
  // Those that hold transcripts too are read for both.
  const rest = found.filter(({ path, flow }) => flow === undefined || !path.endsWith(".db"));
  const lines = source === "claude-flow" ? [] : rest.map(({ path }) => path);
  return { ...nothing, flows, opencodes: opencodes.map(openCodeAt), rest: lines };
}

const nothing: Chosen = { flows: [], opencodes: [], rest: [], sources: [] };

function ofThisMachine(source: SourceName | undefined): Chosen {
  const places = sourcePlaces().filter((place) => source === undefined || place.source === source);
  if (places.length === 0) {
    throw new LociError("invalid", "Which file holds what loci export wrote?", {
      next: "loci import --source loci FILE",
    });
  }
  const present = places.map((place) => ({
    ...place,
    paths: place.paths.filter((path) => existsSync(path)),
  }));
  const databases = present.filter((place) => place.source === "opencode").flatMap(({ paths }) => paths);
  const rest = present.filter((place) => place.source !== "opencode").flatMap(({ paths }) => paths);
  if (databases.length === 0 && !rest.some((path) => filesIn(path).length > 0)) {
    throw new LociError("not-found", "No agent history was found on this machine.", {
      where: places.flatMap(({ where }) => where).join(", "),
      next: "loci import PATH, or loci demo",
    });
  }
  return { flows: [], opencodes: databases, rest, sources: present.map(counted) };
}

function counted({ source, where, paths }: SourcePlace): Chosen["sources"][number] {
  const below = (file: FoundFile): boolean => paths.some((path) => file.path.startsWith(`${path}${sep}`));
  return {
    source,
    where,
    files: (found) => (source === "opencode" ? paths.length : found.filter(below).length),
  };
}

/** Told from the name: any other database is one of claude-flow. */
function isOpenCode(path: string): boolean {
  if (path === "") return false;
  const file = resolve(path);
  if (isOpenCodeName(basename(file))) return existsSync(file);
  return existsSync(join(file, "opencode.db"));
}

/** The database that a path names: itself, or the folder it is in. */
function openCodeAt(path: string): string {
  const file = resolve(path);
  const isFolder = existsSync(file) && statSync(file).isDirectory();
  const database = isFolder ? join(file, "opencode.db") : file;
  if (existsSync(database)) return database;
  throw new LociError("not-found", "A database of OpenCode was expected here. There is no such file.", {
    where: database,
    next: "loci import --source opencode PATH",
  });
}
