import { LociError } from "../../errors.ts";
import { createBackup, listBackups, restoreBackup, verifyBackup } from "../../operations/backups.ts";
import { createDatabase, createToken, listDatabases, removeDatabase } from "../../operations/databases.ts";
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
  operated(listDatabases, {
    view: async () => (await import("./views/databases.ts")).databasesView,
    examples: [["loci database ls", "on this machine, and at the servers that are configured"]],
  }),
  operated(createDatabase, {
    view: async () => (await import("./views/databases.ts")).databaseView,
    details:
      "A store by its name: a file below ~/.loci/databases, or a database at a sqld or at Turso. db:NAME opens it.",
    examples: [
      ["loci database create agent-1", "one agent's own"],
      ["loci ls --db db:agent-1", "what is in it"],
    ],
  }),
  operated(removeDatabase, {
    view: async () => (await import("./views/databases.ts")).removedDatabaseView,
    flags: { yes },
    prepare: (call) => confirmed(call, "loci database rm NAME"),
    examples: [["loci database rm agent-1 --yes", "a file is set aside; what a server deletes is gone"]],
  }),
  operated(createToken, {
    view: async () => (await import("./views/databases.ts")).tokenView,
    details:
      "Made with the organization's token (TURSO_API_TOKEN), or signed with LOCI_SQLD_KEY_FILE. Printed once, kept nowhere.",
    examples: [["loci database token agent-1 --permission read-only --expiration 1d", "for a reader"]],
  }),
];
