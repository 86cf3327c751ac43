import type { Backup, Backups } from "../backups/backups.ts";
import { LociError } from "../errors.ts";
import type { Loci } from "../open.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export interface BackupItem extends Omit<Backup, "createdAt"> {
  readonly createdAt: string;
}

export interface BackupAnswer {
  readonly backup: BackupItem;
}

export interface RestoredAnswer {
  readonly restored: BackupItem;
  /** What the store held before. */
  readonly setAside: BackupItem;
}

function backupsOf(loci: Loci): Backups {
  if (loci.backups !== undefined) return loci.backups;
  throw new LociError("unsupported", "A store in memory has no backups.", {
    where: loci.place,
    next: "Name a file or postgres://… with --db",
  });
}

function itemOf({ createdAt, ...backup }: Backup): BackupItem {
  return { ...backup, createdAt: isoTime(createdAt) };
}

const idParam = {
  kind: "string",
  positional: true,
  required: true,
  summary: "the backup's id, or its name where one has it",
} as const;

export const createBackup: Operation = operation({
  name: "backup create",
  summary: "copy the whole store, while others write",
  access: "write",
  params: { name: { kind: "string", positional: true, summary: "what to call it" } },
  run: async (loci, { name }): Promise<BackupAnswer> => ({
    backup: itemOf(await backupsOf(loci).create(name)),
  }),
});

export const listBackups: Operation = operation({
  name: "backup ls",
  summary: "the backups of the store, newest first",
  access: "read",
  params: {},
  run: async (loci) => ({ items: (await backupsOf(loci).list()).map(itemOf) }),
});

export const verifyBackup: Operation = operation({
  name: "backup verify",
  summary: "prove that a backup is whole",
  access: "read",
  params: { id: idParam },
  run: async (loci, { id }): Promise<BackupAnswer> => ({ backup: itemOf(await backupsOf(loci).verify(id)) }),
});

export const restoreBackup: Operation = operation({
  name: "backup restore",
  summary: "put a backup in the place of the store; what it held becomes a backup first",
  access: "write",
  params: { id: idParam },
  async run(loci, { id }): Promise<RestoredAnswer> {
    const { restored, setAside } = await backupsOf(loci).restore(id);
    return { restored: itemOf(restored), setAside: itemOf(setAside) };
  },
});
