import { LociError } from "../../errors.ts";
import { createBackup, listBackups, restoreBackup, verifyBackup } from "../../operations/backups.ts";
import { type Call, type Command, flagInput } from "./command.ts";
import { operated } from "./operated.ts";

const yes = { kind: "boolean", letter: "y", summary: "do it without asking" } as const;

function confirmed({ input }: Call, command: string): typeof input {
  if (flagInput(input, "yes")) return input;
  throw new LociError("invalid", "This exchanges what is stored, and --yes is missing.", {
    next: `${command} --yes`,
  });
}

/** The store as a whole: docs/backup.md. */
export const adminCommands: readonly Command[] = [
  operated(createBackup, {
    view: async () => (await import("./views/backups.ts")).backupView,
    details: "A backup lies beside the store, in a folder of its own, and is checked when it is made.",
    examples: [["loci backup create before-the-move", "with a name"]],
  }),
  operated(listBackups, {
    view: async () => (await import("./views/backups.ts")).backupsView,
    examples: [["loci backup ls", "with their ids"]],
  }),
  operated(verifyBackup, {
    view: async () => (await import("./views/backups.ts")).backupView,
    examples: [["loci backup verify before-the-move", "its digest, its pages, its counts"]],
  }),
  operated(restoreBackup, {
    view: async () => (await import("./views/backups.ts")).restoredView,
    flags: { yes },
    prepare: (call) => confirmed(call, "loci backup restore ID"),
    details: "One transaction. Refused while a recorder writes into the store.",
    examples: [["loci backup restore before-the-move --yes", "and what was there becomes a backup"]],
  }),
];
