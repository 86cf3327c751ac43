import {
  type BackupAnswer,
  createBackup,
  type RestoredAnswer,
  restoreBackup,
} from "../../operations/backups.ts";
import { ask, type Tool } from "./tool.ts";

const backupTool: Tool = {
  name: "backup_database",
  description: "Copy the whole store beside it; answers its backup_id.",
  toolset: "admin",
  operation: createBackup,
  writes: {},
  params: { backup_name: { kind: "string", summary: "" } },
  async run(call) {
    const name = call.input["backup_name"];
    const { backup } = await ask<BackupAnswer>(createBackup, call, { name });
    return {
      text: `Backup ${backup.id}: ${backup.bytes} bytes, checked.`,
      data: { backup_id: backup.id, bytes: backup.bytes, sha256: backup.sha256, rows: backup.counts },
    };
  },
};

const restoreTool: Tool = {
  name: "restore_database",
  description: "Put a backup in the store's place; what was there becomes a backup.",
  toolset: "admin",
  operation: restoreBackup,
  writes: { destructive: true },
  params: { backup_id: { kind: "string", required: true, summary: "" } },
  async run(call) {
    const id = call.input["backup_id"];
    const { restored, setAside } = await ask<RestoredAnswer>(restoreBackup, call, { id });
    return {
      text: `Restored ${restored.id}. What was there before is backup ${setAside.id}.`,
      data: { backup_id: restored.id, replaced_backup_id: setAside.id, rows: restored.counts },
    };
  },
};

export const backupTools: readonly Tool[] = [backupTool, restoreTool];
