import type { Page } from "../../../operations/answers.ts";
import type { TailItem } from "../../../operations/sessions.ts";
import { type AnyView, view } from "../output.ts";
import { localTime } from "../people.ts";

export const tailView: AnyView = view<Page<TailItem>, TailItem>({
  rows: (answer) => answer.items,
  columns: () => [
    { title: "AT", cell: (row) => localTime(Date.parse(row.createdAt)), priority: 1 },
    { title: "ROLE", cell: (row) => row.role, priority: 2, most: 9 },
    { title: "TEXT", cell: (row) => row.text, flexible: 20 },
    {
      title: "ID",
      cell: (row, screen) => `${screen.shortId(row.sessionId)}#${row.sequence}`,
      tone: () => "cyan",
    },
  ],
  fields: () =>
    (["sessionId", "messageId", "sequence", "role", "createdAt", "text"] as const).map((name) => ({
      name,
      value: (row) => row[name],
    })),
  sessions: (answer) => answer.items.map(({ sessionId }) => sessionId),
  empty: () => "Nothing is stored yet: loci reads what is there, loci demo shows samples.",
});
