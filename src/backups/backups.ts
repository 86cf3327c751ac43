import { createHash } from "node:crypto";
import {
  createReadStream,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Copies, Engine } from "../engine/engine.ts";
import { makeFolder } from "../engine/folder.ts";
import { LociError } from "../errors.ts";
import type { Millis } from "../model/collection.ts";
import { storeSchema } from "../model/schema.ts";
import { listSpool } from "../record/leftovers.ts";
import { lifeOf, thisProcess } from "../record/owner.ts";

/** A copy of the whole store, as its manifest tells it. */
export interface Backup {
  readonly id: string;
  /** What the user called it. */
  readonly name: string | null;
  readonly createdAt: Millis;
  /** The engine that it was made of; only such a store takes it back. */
  readonly engine: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The version of the schema. */
  readonly schema: number;
  /** Rows by table. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Restored {
  readonly restored: Backup;
  /** What the store held before: a backup like any other. */
  readonly setAside: Backup;
}

export interface Backups {
  readonly folder: string;
  /** Made while others write. Errors: `invalid` for a name that is none. */
  create(name?: string): Promise<Backup>;
  /** Newest first. */
  list(): Promise<Backup[]>;
  /** Proves that a backup is what it was: its digest, the engine's own check, the counts. Errors: `corrupt`, `not-found`. */
  verify(id: string): Promise<Backup>;
  /**
   * Puts a backup in the place of the store, in one transaction; what the store held becomes a backup first. Refused
   * (`busy`) while a recorder writes.
   */
  restore(id: string): Promise<Restored>;
}

export interface BackupsOptions {
  readonly folder: string;
  /** Where recorders of this store spool. */
  readonly spool: string;
  readonly now: () => Millis;
}

const schemaVersion = Math.max(...storeSchema.migrations.map(({ version }) => version));

/** Absent where the engine has no copies. */
export function createBackups(engine: Engine, options: BackupsOptions): Backups | undefined {
  const { copies } = engine;
  if (copies === undefined) return undefined;
  const parts: Parts = { engine, copies, ...options };
  const list = async (): Promise<Backup[]> => listBackups(parts.folder);
  return {
    folder: parts.folder,
    list,
    create: async (name) => {
      const id = newBackupId(parts, name);
      const path = pathOf(parts, id);
      await copies.make(path);
      return describe(parts, { id, name: name ?? null });
    },
    verify: (id) => verify(parts, known(parts, id)),
    async restore(id) {
      const backup = await verify(parts, known(parts, id));
      if (backup.engine !== engine.name) {
        throw new LociError(
          "unsupported",
          `${id} is a backup of ${backup.engine}, and this store is ${engine.name}.`,
          {
            where: backup.path,
            next: "Bring its sessions over with loci export and loci import.",
          },
        );
      }
      if (backup.schema > schemaVersion) throw newer(backup);
      refuseRecorders(parts);
      const aside = newBackupId(parts, "replaced");
      await copies.restore(backup.path, pathOf(parts, aside));
      const setAside = await describe(parts, { id: aside, name: "replaced" });
      await engine.prepare(storeSchema);
      return { restored: backup, setAside };
    },
  };
}

interface Parts extends BackupsOptions {
  readonly engine: Engine;
  readonly copies: Copies;
}

function pathOf({ folder, copies }: Parts, id: string): string {
  return join(folder, `${id}.${copies.extension}`);
}

/** `20261121T031500Z-before-the-move`: sorts by time, and is a file's name everywhere. */
function newBackupId(parts: Parts, name: string | undefined): string {
  const { folder, now } = parts;
  if (name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._ -]{0,59}$/.test(name)) {
    throw new LociError(
      "invalid",
      `A backup's name has 1 to 60 letters, digits, spaces and . _ -, not ${JSON.stringify(name.slice(0, 80))}.`,
    );
  }
  makeFolder(folder);
  removeUnfinished(folder, now());
  const time = new Date(now()).toISOString().replace(/[-:]|\.\d+/g, "");
  const base = name === undefined ? time : `${time}-${name.replaceAll(" ", "-")}`;
  let id = base;
  const taken = new Set(readdirSync(folder));
  for (let n = 2; taken.has(`${id}.json`) || taken.has(`${id}.${parts.copies.extension}`); n++)
    id = `${base}-${n}`;
  return id;
}

/** Writes the manifest, last: what has none was not finished, and is not listed. */
async function describe(
  parts: Parts,
  { id, name }: { readonly id: string; readonly name: string | null },
): Promise<Backup> {
  const path = pathOf(parts, id);
  const backup: Backup = {
    id,
    name,
    createdAt: parts.now(),
    engine: parts.engine.name,
    path,
    bytes: statSync(path).size,
    sha256: await digestOf(path),
    schema: schemaVersion,
    counts: await parts.copies.check(path),
  };
  const manifest = join(parts.folder, `${id}.json`);
  writeFileSync(`${manifest}.part`, `${JSON.stringify({ v: 1, ...backup }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${manifest}.part`, manifest);
  return backup;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

function listBackups(folder: string): Backup[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // No folder: no backup was made.
    return [];
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .map((name) => manifestOf(folder, name))
    .filter((backup) => backup !== undefined)
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
}

/** Where the folder was moved, the files are where it is now. */
function manifestOf(folder: string, name: string): Backup | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file; what it claims is checked by verify
    const { v: _, ...backup } = JSON.parse(readFileSync(join(folder, name), "utf8")) as Backup & {
      readonly v: number;
    };
    const extension = backup.path.slice(backup.path.lastIndexOf(backup.id) + backup.id.length);
    return { ...backup, path: join(folder, `${backup.id}${extension}`) };
  } catch {
    // Somebody else's file, or a damaged one: what it belongs to cannot be told.
    return undefined;
  }
}

function known({ folder }: Parts, id: string): Backup {
  const all = listBackups(folder);
  const found = all.find((backup) => backup.id === id) ?? onlyOne(all.filter((backup) => backup.name === id));
  if (found !== undefined) return found;
  const ids = all.slice(0, 10).map((backup) => backup.id);
  throw new LociError("not-found", `There is no backup ${JSON.stringify(id.slice(0, 100))}.`, {
    where: folder,
    next: ids.length > 0 ? `Backups: ${ids.join(", ")}` : "loci backup create makes one",
  });
}

function onlyOne<Item>(items: readonly Item[]): Item | undefined {
  return items.length === 1 ? items[0] : undefined;
}

async function verify({ copies, folder }: Parts, backup: Backup): Promise<Backup> {
  const { path, sha256, counts } = backup;
  const wrong = (why: string): LociError =>
    new LociError("corrupt", `The backup ${backup.id} is not what it was: ${why}.`, {
      where: path,
      next: "loci backup ls shows the others",
    });
  if (statSync(path, { throwIfNoEntry: false }) === undefined) throw wrong(`its file is not in ${folder}`);
  if ((await digestOf(path)) !== sha256) throw wrong("its digest is another");
  const found = await copies.check(path);
  for (const [name, count] of Object.entries(counts)) {
    if ((found[name] ?? 0) !== count) throw wrong(`${name} has ${found[name] ?? 0} rows, not ${count}`);
  }
  return backup;
}

function newer({ id, schema, path }: Backup): LociError {
  return new LociError(
    "schema",
    `${id} was made by a newer Loci: its schema is ${schema}, this one knows ${schemaVersion}.`,
    {
      where: path,
      next: "npm install loci@latest",
    },
  );
}

/** What a recorder wrote since the backup is settled with the store it knows; it must not find another one. */
function refuseRecorders({ spool }: Parts): void {
  const here = thisProcess();
  const alive = new Set(
    listSpool(spool)
      .filter(({ owner }) => lifeOf(owner, here) === "alive")
      .map(({ owner }) => owner.pid),
  );
  if (alive.size === 0) return;
  throw new LociError("busy", `A recorder writes into this store (process ${[...alive].join(", ")}).`, {
    where: spool,
    next: "Close it, then restore.",
  });
}

/** What a killed process left half made. */
function removeUnfinished(folder: string, now: Millis): void {
  const hour = 3_600_000;
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".part")) continue;
    const path = join(folder, name);
    if (now - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now) > hour)
      rmSync(path, { force: true });
  }
}
