import type { Page } from "../../../operations/answers.ts";
import type {
  BroughtKnowledge,
  ExportedKnowledge,
  FoundItem,
  FoundKnowledge,
  KnowledgeAnswer,
  KnowledgeItem,
  Removed,
} from "../../../operations/knowledge.ts";
import { type AnyView, view } from "../output.ts";
import { counted, localTime, when } from "../people.ts";
import { safeLine, safeText } from "../safe.ts";
import type { Field } from "../table.ts";
import { wrap } from "../width.ts";
import { jsonBlock, jsonLine } from "./memory.ts";

const fields: readonly Field<KnowledgeItem>[] = [
  { name: "id", value: (row) => row.id },
  { name: "category", value: (row) => row.category },
  { name: "topic", value: (row) => row.topic },
  { name: "content", value: (row) => row.content },
  { name: "tags", value: (row) => row.tags.join(",") },
  { name: "metadata", value: (row) => (row.metadata === null ? null : jsonLine(row.metadata)) },
  { name: "agentId", value: (row) => row.agentId },
  { name: "sessionId", value: (row) => row.sessionId },
  { name: "messageId", value: (row) => row.messageId },
  { name: "supersedes", value: (row) => row.supersedes },
  { name: "uses", value: (row) => row.uses },
  { name: "createdAt", value: (row) => row.createdAt },
  { name: "updatedAt", value: (row) => row.updatedAt },
];

export const knowledgeView: AnyView = view<Page<KnowledgeItem>, KnowledgeItem>({
  rows: (answer) => answer.items,
  columns: () => [
    { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.createdAt), now), priority: 2 },
    { title: "CATEGORY", cell: (row) => row.category, most: 14, priority: 1 },
    { title: "TOPIC", cell: (row) => row.topic, flexible: 14 },
    { title: "TAGS", cell: (row) => row.tags.join(", "), most: 18, priority: 5 },
    { title: "FOUND BY", cell: (row) => row.agentId, most: 14, priority: 3 },
    { title: "USES", cell: (row) => row.uses || "", align: "right", priority: 4 },
    { title: "ID", cell: (row) => row.id, tone: () => "cyan" },
  ],
  fields: () => fields,
  empty: () => "Nothing is known here. To keep something: loci know add TOPIC CONTENT",
  hints: ({ items, next }, { command }) =>
    next === null
      ? []
      : [`${counted(items.length, "entry", "entries")}; more: ${command} know ls --after ${next}`],
});

export const foundKnowledgeView: AnyView = view<FoundKnowledge, FoundItem>({
  rows: (answer) => answer.items,
  columns: () => [],
  fields: () => [
    { name: "score", value: (row) => row.score },
    { name: "snippet", value: (row) => row.snippet },
    ...fields,
  ],
  draw: ({ items }, screen) =>
    items.flatMap((row) => {
      const facts = [
        row.category,
        ...row.tags,
        row.agentId ?? "",
        when(Date.parse(row.createdAt), screen.now),
      ];
      const about = safeLine(facts.filter((fact) => fact !== "").join(" · "));
      return [
        `${screen.tone(row.id, "cyan")}  ${screen.tone(safeLine(row.topic), "bold")}`,
        `    ${screen.tone(about, "dim")}`,
        ...wrap(safeLine(row.snippet), { cells: screen.columns - 4, lines: 2 }).map((line) => `    ${line}`),
      ];
    }),
  empty: () => "Nothing found. Fewer or other words find more; loci know ls shows what is there.",
  hints: ({ items, total, isCounted }, { command }) =>
    items[0] === undefined
      ? []
      : [
          `${isCounted ? "" : "about "}${counted(total, "entry", "entries")} · read one: ${command} know show ${items[0].id}`,
        ],
});

export const entryView: AnyView = view<KnowledgeAnswer, KnowledgeItem>({
  rows: ({ entry }) => [entry],
  columns: () => [],
  fields: () => fields,
  draw({ entry }, screen) {
    const facts = [
      entry.category,
      ...entry.tags,
      localTime(Date.parse(entry.createdAt)),
      counted(entry.uses, "use"),
      ...(entry.agentId === null ? [] : [`found by ${entry.agentId}`]),
      ...(entry.sessionId === null ? [] : [`session ${entry.sessionId}`]),
      ...(entry.messageId === null ? [] : [`message ${entry.messageId}`]),
      ...(entry.supersedes === null ? [] : [`replaces ${entry.supersedes}`]),
    ];
    return [
      `${screen.tone(entry.id, "cyan")}  ${screen.tone(safeLine(entry.topic), "bold")}`,
      screen.tone(safeLine(facts.join(" · ")), "dim"),
      ...safeText(entry.content).split("\n"),
      ...(entry.metadata === null ? [] : [screen.tone("metadata", "dim"), ...jsonBlock(entry.metadata)]),
    ];
  },
});

/** What a command that takes something away says. */
export const removedView: AnyView = view<Removed, string>({
  rows: ({ removed }) => [removed],
  columns: () => [],
  fields: () => [{ name: "removed", value: (id) => id }],
  draw: ({ removed }) => [`${removed} is taken away`],
  record: (removed) => ({ removed }),
});

/** A person gets Markdown: a heading a category, then the entries. */
export const exportedView: AnyView = view<ExportedKnowledge, KnowledgeItem>({
  rows: (answer) => answer.items,
  columns: () => [],
  fields: () => fields,
  draw({ items }) {
    const categories = [...new Set(items.map(({ category }) => category))].sort();
    return categories.flatMap((category) => [
      `# ${safeLine(category)}`,
      "",
      ...items.filter((row) => row.category === category).flatMap(markdownEntry),
    ]);
  },
  empty: () => "Nothing is known here. To keep something: loci know add TOPIC CONTENT",
});

function markdownEntry(row: KnowledgeItem): string[] {
  const facts = [
    ...(row.tags.length === 0 ? [] : [row.tags.join(", ")]),
    ...(row.agentId === null ? [] : [`found by ${row.agentId}`]),
    row.createdAt.slice(0, 10),
    row.id,
  ];
  return [
    `## ${safeLine(row.topic)}`,
    "",
    ...safeText(row.content).split("\n"),
    "",
    `*${safeLine(facts.join(" · "))}*`,
    "",
  ];
}

export const broughtView: AnyView = view<BroughtKnowledge, BroughtKnowledge>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => [
    { name: "entries", value: (row) => row.entries },
    { name: "added", value: (row) => row.added },
  ],
  draw: ({ entries, added }) => [
    `${counted(entries, "entry", "entries")}: ${added} new, ${entries - added} there already`,
  ],
});
