import { type Page, type SessionItem, projectName } from "../../../operations/answers.ts";
import { type AnyView, view } from "../output.ts";
import { counted, modelName, money, short, when } from "../people.ts";
import type { Tone } from "../screen.ts";
import type { Column, Field } from "../table.ts";

interface SessionCells<Row> {
  readonly cost?: (row: Row) => string;
  readonly title?: (row: Row) => string;
}

/** The columns of every list of sessions. Ids come last: what one copies stands at the end of the line. */
export function sessionColumns<Row extends SessionItem>({
  cost = ({ costUsd, costComplete }) => money(costUsd, costComplete),
  title = titleOf,
}: SessionCells<Row> = {}): readonly Column<Row>[] {
  return [
    { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.updatedAt), now), priority: 2 },
    { title: "PROJECT", cell: (row) => projectName(row.projectPath), priority: 3, most: 12 },
    {
      title: " ",
      cell: (row) => stateMark(row.status),
      tone: ({ status }) => stateTone(status),
      tight: true,
    },
    { title: "SESSION", cell: title, flexible: 22 },
    { title: "MODEL", cell: (row) => modelName(row.model), priority: 5, most: 18 },
    { title: "MSGS", cell: (row) => row.messageCount, align: "right", priority: 4 },
    {
      title: "ERRORS",
      cell: (row) => row.errorCount || "",
      tone: () => "red",
      align: "right",
      priority: 7,
    },
    { title: "TOKENS", cell: (row) => short(tokenSum(row)), align: "right", priority: 6 },
    { title: "COST", cell: cost, align: "right", priority: 1 },
    { title: "ID", cell: (row, screen) => screen.shortId(row.id), tone: () => "cyan" },
  ];
}

function titleOf(row: SessionItem): string {
  const title = row.title ?? (row.parentId === null ? "(no title)" : row.agentType);
  return row.parentId === null ? title : `└ ${title}`;
}

function tokenSum({ tokens }: SessionItem): number {
  return tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
}

/** By shape as well as by colour. A session that simply ended has no mark. */
export function stateMark(status: string): string {
  return { error: "✗", running: "●", interrupted: "◌" }[status] ?? "";
}

export function stateTone(status: string): Tone | undefined {
  const tones: Readonly<Record<string, Tone>> = { error: "red", running: "green", interrupted: "yellow" };
  return tones[status];
}

export const sessionFields: readonly Field<SessionItem>[] = [
  { name: "id", value: (row) => row.id },
  { name: "parentId", value: (row) => row.parentId },
  { name: "agentType", value: (row) => row.agentType },
  { name: "source", value: (row) => row.source },
  { name: "projectPath", value: (row) => row.projectPath },
  { name: "title", value: (row) => row.title },
  { name: "model", value: (row) => row.model },
  { name: "status", value: (row) => row.status },
  { name: "startedAt", value: (row) => row.startedAt },
  { name: "endedAt", value: (row) => row.endedAt },
  { name: "updatedAt", value: (row) => row.updatedAt },
  { name: "messageCount", value: (row) => row.messageCount },
  { name: "toolCount", value: (row) => row.toolCount },
  { name: "errorCount", value: (row) => row.errorCount },
  { name: "inputTokens", value: (row) => row.tokens.input },
  { name: "outputTokens", value: (row) => row.tokens.output },
  { name: "cacheReadTokens", value: (row) => row.tokens.cacheRead },
  { name: "cacheWriteTokens", value: (row) => row.tokens.cacheWrite },
  { name: "costUsd", value: (row) => row.costUsd },
  { name: "costComplete", value: (row) => row.costComplete },
];

export const sessionsView: AnyView = view<Page<SessionItem>, SessionItem>({
  rows: (answer) => answer.items,
  columns: () => sessionColumns(),
  fields: () => sessionFields,
  sessions: (answer) => answer.items.map(({ id }) => id),
  empty: () =>
    "No sessions here. Looking for others? loci ls without flags; loci import PATH brings some in.",
  hints: ({ items, next }, { command }) =>
    next === null ? [] : [`${counted(items.length, "session")}; more: ${command} ls --all`],
});
