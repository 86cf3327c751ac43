import type { SearchAnswer, SearchItem } from "../../../operations/search.ts";
import { type AnyView, view } from "../output.ts";
import { counted, projectName, when } from "../people.ts";

export const searchView: AnyView = view<SearchAnswer, SearchItem>({
  rows: (answer) => answer.items,
  columns: ({ sessions }) => [
    {
      title: "WHEN",
      cell: ({ sessionId }, { now }) => when(Date.parse(sessions[sessionId]?.updatedAt ?? ""), now),
      priority: 2,
    },
    {
      title: "PROJECT",
      cell: ({ sessionId }) => projectName(sessions[sessionId]?.projectPath ?? null),
      priority: 3,
      flexible: 6,
      most: 16,
    },
    {
      title: "SESSION",
      cell: ({ sessionId }) => sessions[sessionId]?.title,
      priority: 4,
      flexible: 12,
      most: 28,
    },
    { title: "ROLE", cell: (row) => row.role, priority: 1, most: 9 },
    { title: "FOUND", cell: (row) => row.snippet, flexible: 24 },
    {
      title: "ID",
      cell: (row, screen) => `${screen.shortId(row.sessionId)}#${row.sequence}`,
      tone: () => "cyan",
    },
  ],
  fields: () =>
    (["sessionId", "messageId", "sequence", "role", "score", "snippet"] as const).map((name) => ({
      name,
      value: (row) => row[name],
    })),
  sessions: (answer) => answer.items.map(({ sessionId }) => sessionId),
  empty: ({ behind }) =>
    behind > 0
      ? `Nothing found yet: ${counted(behind, "message")} are still to be indexed. Ask again in a moment.`
      : "Nothing found. Fewer or other words find more; loci ls shows what is there.",
  hints({ items, next, behind }, screen) {
    const first = items[0];
    if (!first) return [];
    const hints = [`read it: loci show ${screen.shortId(first.sessionId)}#${first.sequence}`];
    if (next !== null) hints[0] += ` · more: --after ${next}`;
    if (behind > 0) hints.push(`${counted(behind, "message")} are not indexed yet`);
    return hints;
  },
});
