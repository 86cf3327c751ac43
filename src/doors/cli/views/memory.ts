import type { Page } from "../../../operations/answers.ts";
import type { MemoryAnswer, MemoryItem } from "../../../operations/memory.ts";
import { type AnyView, view } from "../output.ts";
import { counted, localTime, when } from "../people.ts";
import { safeLine, safeText } from "../safe.ts";
import type { Screen } from "../screen.ts";
import type { Field } from "../table.ts";

/** A JSON value in one line: a text as it is. */
export function jsonLine(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

const fields: readonly Field<MemoryItem>[] = [
  { name: "id", value: (row) => row.id },
  { name: "agentId", value: (row) => row.agentId },
  { name: "decisionType", value: (row) => row.decisionType },
  { name: "decisionData", value: (row) => jsonLine(row.decisionData) },
  { name: "context", value: (row) => (row.context === null ? null : jsonLine(row.context)) },
  { name: "scope", value: (row) => row.scope },
  { name: "sessionId", value: (row) => row.sessionId },
  { name: "messageId", value: (row) => row.messageId },
  { name: "supersedes", value: (row) => row.supersedes },
  { name: "createdAt", value: (row) => row.createdAt },
];

export const memoriesView: AnyView = view<Page<MemoryItem>, MemoryItem>({
  rows: (answer) => answer.items,
  columns: () => [
    { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.createdAt), now), priority: 2 },
    { title: "AGENT", cell: (row) => row.agentId, most: 16 },
    { title: "TYPE", cell: (row) => row.decisionType, most: 16, priority: 1 },
    { title: "DECISION", cell: (row) => jsonLine(row.decisionData), flexible: 14 },
    { title: "SCOPE", cell: (row) => row.scope, most: 14, priority: 3 },
    { title: "ID", cell: (row) => row.id, tone: () => "cyan" },
  ],
  fields: () => fields,
  empty: () => "No decision is kept here. To keep one: loci memory add AGENT TYPE DECISION",
  hints: ({ items, next }, { command }) =>
    next === null ? [] : [`${counted(items.length, "decision")}; more: ${command} memory ls --after ${next}`],
});

export const memoryView: AnyView = view<MemoryAnswer, MemoryItem>({
  rows: ({ memory, replaced }) => [memory, ...replaced],
  columns: () => [],
  fields: () => fields,
  draw: ({ memory, replaced }, screen) => [
    ...drawMemory(memory, screen),
    ...replaced.flatMap((row) => ["", screen.tone("replaced", "yellow"), ...drawMemory(row, screen)]),
  ],
});

function drawMemory(row: MemoryItem, screen: Screen): string[] {
  const facts = [
    localTime(Date.parse(row.createdAt)),
    row.scope,
    ...(row.sessionId === null ? [] : [`session ${row.sessionId}`]),
    ...(row.messageId === null ? [] : [`message ${row.messageId}`]),
  ];
  return [
    `${screen.tone(row.id, "cyan")}  ${screen.tone(safeLine(`${row.agentId} · ${row.decisionType}`), "bold")}`,
    screen.tone(safeLine(facts.join(" · ")), "dim"),
    ...jsonBlock(row.decisionData),
    ...(row.context === null ? [] : [screen.tone("context", "dim"), ...jsonBlock(row.context)]),
  ];
}

/** A JSON value over several lines: a text as it is. */
export function jsonBlock(value: unknown): string[] {
  return safeText(typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "")).split("\n");
}
