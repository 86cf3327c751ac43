import type { Page } from "../../../operations/answers.ts";
import type { BackupAnswer, BackupItem, RestoredAnswer } from "../../../operations/backups.ts";
import { type AnyView, view } from "../output.ts";
import { when } from "../people.ts";
import type { Column, Field } from "../table.ts";

const fields: readonly Field<BackupItem>[] = (
  ["id", "name", "createdAt", "engine", "bytes", "sha256", "path"] as const
).map((name) => ({ name, value: (row) => row[name] }));

const columns: readonly Column<BackupItem>[] = [
  { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.createdAt), now), priority: 1 },
  { title: "ID", cell: (row) => row.id, tone: () => "cyan" },
  { title: "MB", cell: (row) => (row.bytes / 1_000_000).toFixed(1), align: "right", priority: 2 },
  { title: "SESSIONS", cell: (row) => row.counts["sessions"] ?? 0, align: "right", priority: 3 },
  { title: "MESSAGES", cell: (row) => row.counts["messages"] ?? 0, align: "right", priority: 3 },
];

export const backupsView: AnyView = view<Pick<Page<BackupItem>, "items">, BackupItem>({
  rows: ({ items }) => items,
  columns: () => columns,
  fields: () => fields,
  empty: () => "There is no backup yet. To make one: loci backup create",
});

export const backupView: AnyView = view<BackupAnswer, BackupItem>({
  rows: ({ backup }) => [backup],
  columns: () => columns,
  fields: () => fields,
  hints: ({ backup }) => [backup.path],
});

export const restoredView: AnyView = view<RestoredAnswer, BackupItem>({
  rows: ({ restored }) => [restored],
  columns: () => columns,
  fields: () => fields,
  hints: ({ setAside }, { command }) => [
    `what was there before is ${setAside.id}; back to it: ${command} backup restore ${setAside.id} --yes`,
  ],
});
