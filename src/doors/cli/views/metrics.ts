import type {
  Activity,
  ActivityAnswer,
  ActivityItem,
  MetricItem,
  MetricLine,
  MetricsAnswer,
} from "../../../operations/metrics.ts";
import { type AnyView, view } from "../output.ts";
import { counted, duration, grouped, when } from "../people.ts";
import type { Screen, Tone } from "../screen.ts";
import { drawTable, type Column, type Field } from "../table.ts";

const none = "–";

function lasted(ms: number | null): string {
  return ms === null ? none : duration(ms);
}

function rate(percent: number): string {
  return `${percent.toFixed(Number.isInteger(percent) ? 0 : 1)} %`;
}

const columns: readonly Column<MetricLine>[] = [
  { title: "AGENT", cell: (row) => row.agentId, flexible: 8, most: 40 },
  { title: "TASK TYPE", cell: (row) => row.taskType, flexible: 8, most: 40 },
  { title: "TASKS", cell: (row) => grouped(row.taskCount), align: "right" },
  { title: "MEAN", cell: (row) => lasted(row.avgDurationMs), align: "right" },
  { title: "P50", cell: (row) => lasted(row.p50Ms), align: "right", priority: 3 },
  { title: "P95", cell: (row) => lasted(row.p95Ms), align: "right", priority: 2 },
  {
    title: "TOKENS",
    cell: (row) => (row.avgTokens === null ? none : grouped(Math.round(row.avgTokens))),
    align: "right",
    priority: 1,
  },
  {
    title: "SUCCESS",
    cell: (row) => rate(row.successRate),
    tone: (row) => (row.successRate < 50 ? "red" : row.successRate < 100 ? "yellow" : "green"),
    align: "right",
  },
];

const fields: readonly Field<MetricLine>[] = (
  ["agentId", "taskType", "taskCount", "avgDurationMs", "p50Ms", "p95Ms", "avgTokens", "successRate"] as const
).map((name) => ({ name, value: (row: MetricLine) => row[name] }));

export const metricsView: AnyView = view<MetricsAnswer, MetricLine>({
  rows: (answer) => answer.items,
  columns: () => columns,
  fields: () => fields,
  empty: ({ since }) =>
    `No metric was recorded since ${since.slice(0, 16).replace("T", " ")} UTC. Tasks and their agents: loci swarm ID. A wider span: loci metrics --since 30d`,
});

const metricFields = [
  "id",
  "agentId",
  "taskType",
  "durationMs",
  "tokensUsed",
  "filesModified",
  "edgeRegion",
  "success",
  "errorMessage",
  "swarmId",
  "taskId",
  "sessionId",
  "createdAt",
] as const;

export const metricView: AnyView = view<MetricItem, MetricItem>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => metricFields.map((name) => ({ name, value: (row: MetricItem) => row[name] })),
  draw: ({ agentId, taskType, success, durationMs }) => [
    `recorded: ${agentId}, ${taskType}, ${success ? "success" : "failed"}${durationMs === null ? "" : `, ${duration(durationMs)}`}`,
  ],
});

const marks: Readonly<Record<Activity, string>> = { active: "●", idle: "◐", inactive: "○" };
const tones: Readonly<Record<Activity, Tone>> = { active: "green", idle: "yellow", inactive: "dim" };

const agentColumns: readonly Column<ActivityItem>[] = [
  { title: "AGENT", cell: (row) => row.agentId, flexible: 8, most: 40 },
  { title: "REGION", cell: (row) => row.edgeRegion, priority: 2 },
  {
    title: "ACTIVITY",
    cell: ({ activity }) => `${marks[activity]} ${activity}`,
    tone: ({ activity }) => tones[activity],
  },
  {
    title: "LAST",
    cell: (row, { now }) => (row.lastActivity === null ? none : when(Date.parse(row.lastActivity), now)),
    priority: 1,
  },
  { title: "TASKS", cell: (row) => grouped(row.tasksCompleted), align: "right" },
  { title: "FAILED", cell: (row) => grouped(row.tasksFailed), align: "right", priority: 3 },
  { title: "MEAN", cell: (row) => lasted(row.avgTaskDurationMs), align: "right", priority: 4 },
  {
    title: "SEEN",
    cell: (row, { now }) => (row.lastHeartbeat === null ? none : when(Date.parse(row.lastHeartbeat), now)),
    priority: 5,
  },
];

function heading({ counts, items }: ActivityAnswer, screen: Screen): string {
  const states = (["active", "idle", "inactive"] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => screen.tone(`${marks[state]} ${counts[state]} ${state}`, tones[state]));
  return [screen.tone(counted(items.length, "agent"), "bold"), ...states].join("   ");
}

export const agentsView: AnyView = view<ActivityAnswer, ActivityItem>({
  rows: (answer) => answer.items,
  columns: () => agentColumns,
  fields: () =>
    (
      [
        "agentId",
        "edgeRegion",
        "type",
        "activity",
        "tasksCompleted",
        "tasksFailed",
        "avgTaskDurationMs",
        "lastActivity",
        "lastHeartbeat",
      ] as const
    ).map((name) => ({ name, value: (row) => row[name] })),
  draw: (answer, screen) =>
    answer.items.length === 0
      ? []
      : [heading(answer, screen), ...drawTable(agentColumns, answer.items, screen)],
  empty: () => "No agent is registered here: loci.swarm(…).register does that.",
});
