import { backupTools } from "./backup-tools.ts";
import { databaseTools } from "./database-tools.ts";
import type { Tool } from "./tool.ts";
import { writeTools } from "./write-tools.ts";

/** What changes the store as a whole: its SQL, its backups, its databases and tokens. */
export const adminTools: readonly Tool[] = [...writeTools, ...backupTools, ...databaseTools];
