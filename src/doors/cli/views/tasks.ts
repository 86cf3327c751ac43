import type { Page } from "../../../operations/answers.ts";
import type { AttemptItem, ChangedTask, TaskAnswer, TaskItem } from "../../../operations/tasks.ts";
import { type AnyView, view } from "../output.ts";
import { duration, when } from "../people.ts";
import type { Screen, Tone } from "../screen.ts";
import { type Column, drawTable, type Field } from "../table.ts";
import { safeLine } from "../safe.ts";

const tones: Readonly<Record<TaskItem["status"], Tone>> = {
  blocked: "dim",
  ready: "cyan",
  running: "yellow",
  done: "green",
  dead: "red",
  cancelled: "dim",
};

const columns: readonly Column<TaskItem>[] = [
  { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.createdAt), now), priority: 2 },
  { title: "STATE", cell: (row) => row.status, tone: ({ status }) => tones[status] },
  { title: "TASK", cell: (row) => row.title, flexible: 12, most: 60 },
  { title: "SWARM", cell: (row) => row.swarmId, priority: 3, most: 20 },
  { title: "AGENT", cell: (row) => row.agentId, priority: 1, most: 24 },
  { title: "TRIES", cell: (row) => `${row.attempts}/${row.maxAttempts}`, align: "right", priority: 4 },
  { title: "ID", cell: (row) => row.id, tone: () => "cyan" },
];

const fields: readonly Field<TaskItem>[] = (
  [
    "id",
    "swarmId",
    "status",
    "title",
    "kind",
    "priority",
    "agentId",
    "region",
    "attempts",
    "maxAttempts",
    "fence",
    "dueAt",
    "progress",
    "error",
    "createdAt",
    "settledAt",
  ] as const
).map((name) => ({ name, value: (row: TaskItem) => row[name] }));

export const tasksView: AnyView = view<Page<TaskItem>, TaskItem>({
  rows: (answer) => answer.items,
  columns: () => columns,
  fields: () => fields,
  empty: () => "No task here: loci task add TITLE makes one.",
  hints: ({ items, next }, { command }) =>
    next === null ? [] : [`more: ${command} task ls --limit ${Math.min(1000, items.length * 5)}`],
});

/** What a command did to one task. */
export const changedView: AnyView = view<ChangedTask, TaskItem>({
  rows: ({ task }) => [task],
  columns: () => columns,
  fields: () => fields,
  hints: ({ task, changed }, { command }) => [
    changed ? `${command} task show ${task.id}` : `${task.id} was there already, and is ${task.status}.`,
  ],
});

const attemptColumns: readonly Column<AttemptItem>[] = [
  { title: "FENCE", cell: (row) => row.fence, align: "right" },
  { title: "AGENT", cell: (row) => row.agentId, flexible: 8, most: 30 },
  { title: "OUTCOME", cell: (row) => row.outcome, tone: (row) => (row.outcome === "done" ? "green" : "red") },
  { title: "TOOK", cell: (row) => duration(row.durationMs), align: "right" },
  { title: "ENDED", cell: (row, { now }) => when(Date.parse(row.endedAt), now), priority: 1 },
  { title: "ERROR", cell: (row) => row.error, flexible: 12, most: 90, tone: () => "red" },
];

export const taskView: AnyView = view<TaskAnswer, AttemptItem>({
  rows: (answer) => answer.attempts,
  columns: () => attemptColumns,
  fields: () =>
    (["taskId", "fence", "agentId", "outcome", "error", "assignedAt", "endedAt", "durationMs"] as const).map(
      (name) => ({ name, value: (row) => row[name] }),
    ),
  draw(answer, screen) {
    const lines = heading(answer, screen);
    if (answer.attempts.length === 0) return lines;
    return [...lines, "", ...drawTable(attemptColumns, answer.attempts, screen)];
  },
  hints: ({ task }, { command }) =>
    task.status === "dead" || task.status === "cancelled" ? [`again: ${command} task retry ${task.id}`] : [],
});

function heading({ task, dependsOn, dependents }: TaskAnswer, screen: Screen): string[] {
  const line = (name: string, value: string | null): string[] =>
    value === null || value === "" ? [] : [`  ${name.padEnd(11)}${safeLine(value)}`];
  const percent = task.progress === null ? null : `${Math.round(task.progress * 100)} %`;
  const running = task.status === "running";
  const lease = Date.parse(task.dueAt) > screen.now ? "until" : "ended";
  return [
    `${screen.tone(safeLine(task.title), "bold")}   ${screen.tone(task.status, tones[task.status])}`,
    ...line("id", task.id),
    ...line("swarm", task.swarmId),
    ...line("agent", task.agentId),
    ...line("lease", running ? `${lease} ${task.dueAt}, fence ${task.fence}` : null),
    ...line("not before", task.status === "ready" ? task.dueAt : null),
    ...line("progress", running ? [percent, task.progressNote].filter(Boolean).join(" ") : null),
    ...line("tries", `${task.attempts} of ${task.maxAttempts}`),
    ...line("depends on", dependsOn.join(" ")),
    ...line("awaited by", dependents.join(" ")),
    ...line("input", task.input === null ? null : JSON.stringify(task.input)),
    ...line("result", task.result === null ? null : JSON.stringify(task.result)),
    ...line("error", task.error),
  ];
}
