import type { Page } from "../../../operations/answers.ts";
import type {
  CheckpointAnswer,
  CheckpointItem,
  DiffAnswer,
  SavedAnswer,
} from "../../../operations/checkpoints.ts";
import { type AnyView, view } from "../output.ts";
import { counted, localTime, when } from "../people.ts";
import { safeLine } from "../safe.ts";
import type { Screen } from "../screen.ts";
import type { Column, Field } from "../table.ts";
import { truncate } from "../width.ts";
import { jsonBlock, jsonLine } from "./memory.ts";

const fields: readonly Field<CheckpointItem>[] = (
  ["id", "type", "sessionId", "projectId", "parentId", "createdAt"] as const
).map((name) => ({ name, value: (row) => row[name] }));

const columns: readonly Column<CheckpointItem>[] = [
  { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.createdAt), now), priority: 1 },
  { title: "TYPE", cell: (row) => row.type, most: 18 },
  { title: "SESSION", cell: (row) => row.sessionId, flexible: 8, priority: 2 },
  { title: "PROJECT", cell: (row) => row.projectId, flexible: 8, priority: 3 },
  { title: "ID", cell: (row) => row.id, tone: () => "cyan" },
];

export const checkpointsView: AnyView = view<Page<CheckpointItem>, CheckpointItem>({
  rows: (answer) => answer.items,
  columns: () => columns,
  fields: () => fields,
  empty: () => `No checkpoint is saved here. To save one: loci ckpt save '{"step":1}' --project NAME`,
  hints: ({ items, next }, { command }) =>
    next === null ? [] : [`${counted(items.length, "checkpoint")}; more: ${command} ckpt ls --after ${next}`],
});

export const savedView: AnyView = view<SavedAnswer, CheckpointItem>({
  rows: ({ checkpoint }) => [checkpoint],
  columns: () => columns,
  fields: () => fields,
});

export const checkpointView: AnyView = view<CheckpointAnswer, CheckpointAnswer["checkpoint"]>({
  rows: ({ checkpoint }) => [checkpoint],
  columns: () => [],
  fields: () => [...fields, { name: "data", value: (row) => JSON.stringify(row.data) }],
  draw: ({ checkpoint }, screen) => [...heading(checkpoint, screen), ...jsonBlock(checkpoint.data)],
});

function heading(row: CheckpointItem, screen: Screen): string[] {
  const facts = [
    localTime(Date.parse(row.createdAt)),
    ...(row.sessionId === null ? [] : [`session ${row.sessionId}`]),
    ...(row.projectId === null ? [] : [`project ${row.projectId}`]),
    ...(row.parentId === null ? [] : [`from ${row.parentId}`]),
  ];
  return [
    `${screen.tone(row.id, "cyan")}  ${screen.tone(safeLine(row.type), "bold")}`,
    screen.tone(safeLine(facts.join(" · ")), "dim"),
  ];
}

type Change = DiffAnswer["items"][number];

export const diffView: AnyView = view<DiffAnswer, Change>({
  rows: (answer) => answer.items,
  columns: () => [],
  fields: () => [
    { name: "path", value: (row) => row.path },
    { name: "kind", value: (row) => row.kind },
    { name: "before", value: (row) => (row.kind === "added" ? null : jsonLine(row.before)) },
    { name: "after", value: (row) => (row.kind === "removed" ? null : jsonLine(row.after)) },
  ],
  draw: ({ items }, screen) => items.map((row) => drawChange(row, screen)),
  empty: () => "The two hold the same.",
  hints: ({ items }) => (items.length === 0 ? [] : [counted(items.length, "change")]),
});

function drawChange({ path, kind, before, after }: Change, screen: Screen): string {
  const short = (value: unknown): string => truncate(safeLine(JSON.stringify(value)), 60);
  const place = safeLine(path);
  if (kind === "added") return `${screen.tone("+", "green")} ${place}: ${short(after)}`;
  if (kind === "removed") return `${screen.tone("-", "red")} ${place}: ${short(before)}`;
  return `${screen.tone("~", "yellow")} ${place}: ${short(before)} → ${short(after)}`;
}
