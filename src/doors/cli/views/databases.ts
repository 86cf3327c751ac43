import type {
  DatabaseAnswer,
  DatabaseItem,
  DatabasesAnswer,
  RemovedDatabase,
  TokenAnswer,
} from "../../../operations/databases.ts";
import { type AnyView, view } from "../output.ts";
import type { Column, Field } from "../table.ts";

const fields: readonly Field<DatabaseItem>[] = (["name", "provider", "group", "bytes", "url"] as const).map(
  (name) => ({ name, value: (row) => row[name] }),
);

const columns: readonly Column<DatabaseItem>[] = [
  { title: "NAME", cell: (row) => row.name, tone: () => "cyan" },
  { title: "ON", cell: (row) => row.provider },
  { title: "GROUP", cell: (row) => row.group, priority: 2 },
  {
    title: "MB",
    cell: (row) => (row.bytes === null ? null : (row.bytes / 1_000_000).toFixed(1)),
    align: "right",
    priority: 3,
  },
  { title: "URL", cell: (row) => row.url, flexible: 20, priority: 1 },
];

export const databasesView: AnyView = view<DatabasesAnswer, DatabaseItem>({
  rows: ({ items }) => items,
  columns: () => columns,
  fields: () => fields,
  empty: () => "There is no database by name yet. To make one: loci database create NAME",
});

export const databaseView: AnyView = view<DatabaseAnswer, DatabaseItem>({
  rows: ({ database }) => [database],
  columns: () => columns,
  fields: () => fields,
});

export const removedDatabaseView: AnyView = view<RemovedDatabase, RemovedDatabase>({
  rows: (answer) => [answer],
  columns: () => [
    { title: "DELETED", cell: (row) => row.name },
    { title: "ON", cell: (row) => row.provider },
    { title: "ITS FILES ARE IN", cell: (row) => row.setAside ?? "nowhere: it is gone", flexible: 20 },
  ],
  fields: () =>
    (["name", "provider", "setAside"] as const).map((name) => ({ name, value: (row) => row[name] })),
});

export const tokenView: AnyView = view<TokenAnswer, TokenAnswer>({
  rows: (answer) => [answer],
  columns: () => [],
  // A token is copied: it stands alone, whole, on its line.
  draw: ({ token = "" }) => [token],
  fields: () => [{ name: "token", value: (row) => row.token ?? null }],
  hints: ({ database, permission, expiresAt }) => [
    `for ${database}, ${permission}, ${expiresAt === null ? "without end" : `until ${expiresAt}`}; it is told once`,
  ],
});
