import type { Tool } from "./tool.ts";

/** What changes the store as a whole: its SQL, its backups, its databases and tokens. */
export const adminTools: readonly Tool[] = [];
