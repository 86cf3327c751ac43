import type { AgentItem, SwarmAnswer } from "../../../operations/swarm.ts";
import { type AnyView, view } from "../output.ts";
import { counted, duration, money } from "../people.ts";
import { safeLine } from "../safe.ts";
import type { Screen, Tone } from "../screen.ts";
import { type Column, drawTable, type Field } from "../table.ts";
import { displayWidth, truncate } from "../width.ts";

const marks = { healthy: "●", warning: "◐", unhealthy: "○" } as const;
const tones: Readonly<Record<AgentItem["health"], Tone>> = {
  healthy: "green",
  warning: "yellow",
  unhealthy: "red",
};

export const swarmView: AnyView = view<SwarmAnswer, AgentItem>({
  rows: (answer) => answer.agents,
  columns: () => columns,
  fields: () => fields,
  draw: drawSwarm,
  empty: ({ swarmId }) => `No agent is registered in ${swarmId}: loci.swarm(…).register does that.`,
});

/** By the store's clock, which is the one that wrote the heartbeats. */
export function drawSwarm(answer: SwarmAnswer, screen: Screen): string[] {
  const on = { ...screen, now: Date.parse(answer.at) };
  return [
    ...heading(answer, on),
    ...(answer.agents.length === 0 ? [] : drawTable(columns, answer.agents, on)),
    ...answer.unmatched.map((row) => {
      const wait = Date.parse(row.spillAt) - on.now;
      const then = wait <= 0 ? "they run anywhere" : `they run anywhere in ${duration(wait)}`;
      const line = `${counted(row.tasks, "task")} for ${row.region}, where no agent is: ${then}`;
      return screen.tone(truncate(safeLine(line), screen.columns), "yellow");
    }),
  ];
}

/** In one line where there is room, else in two. */
function heading({ swarmId, agents, health, tasks }: SwarmAnswer, screen: Screen): string[] {
  const states = (["healthy", "warning", "unhealthy"] as const)
    .filter((state) => health[state] > 0)
    .map((state) => [`${marks[state]} ${health[state]} ${state}`, tones[state]] as const);
  const work = [
    `${tasks.ready} queued`,
    `${tasks.running} claimed`,
    `${tasks.done} done`,
    ...(["blocked", "cancelled", "dead"] as const)
      .filter((state) => tasks[state] > 0)
      .map((state) => `${tasks[state]} ${state}`),
  ].join(" · ");
  const name = truncate(safeLine(swarmId), 30);
  const first = [name, counted(agents.length, "agent"), ...states.map(([text]) => text)];
  const toned = [
    screen.tone(name, "bold"),
    counted(agents.length, "agent"),
    ...states.map(([text, tone]) => screen.tone(text, tone)),
  ].join("   ");
  const second = `tasks ${work}`;
  const whole = displayWidth([...first, second].join("   "));
  return whole <= screen.columns ? [`${toned}   ${second}`] : [toned, second];
}

const columns: readonly Column<AgentItem>[] = [
  { title: "AGENT", cell: (row) => row.agentId, flexible: 8, most: 40 },
  { title: "REGION", cell: (row) => row.region, priority: 3 },
  {
    title: "HEALTH",
    cell: ({ health }) => `${marks[health]} ${health}`,
    tone: ({ health }) => tones[health],
  },
  {
    title: "SEEN",
    cell: (row, { now }) => duration(Math.max(0, now - Date.parse(row.lastHeartbeat))),
    align: "right",
    priority: 1,
  },
  { title: "TASK", cell: taskCell, flexible: 12, most: 60 },
  { title: "LEASE", cell: leaseCell, align: "right", priority: 2 },
  { title: "ACTIVITY", cell: (row) => row.activity, priority: 5 },
  { title: "DONE", cell: (row) => row.done, align: "right", priority: 4 },
  { title: "FAIL", cell: (row) => row.failed, align: "right", priority: 4 },
  {
    title: "COST",
    cell: (row) => (row.costUsd === null ? "" : money(row.costUsd)),
    align: "right",
    priority: 3,
  },
];

function taskCell({ tasks, currentTask }: AgentItem): string {
  const [first] = tasks;
  if (!first) return currentTask ?? "";
  const more = tasks.length > 1 ? ` (+${tasks.length - 1})` : "";
  return `${first.title}${more}`;
}

function leaseCell({ tasks }: AgentItem, { now }: Screen): string {
  const [first] = tasks;
  if (!first) return "";
  const left = Date.parse(first.leaseUntil) - now;
  return left <= 0 ? "expired" : duration(left);
}

const fields: readonly Field<AgentItem>[] = [
  ...(
    [
      "agentId",
      "type",
      "region",
      "status",
      "health",
      "activity",
      "lastHeartbeat",
      "lastActivity",
      "currentTask",
      "done",
      "failed",
      "tasksCompleted",
      "avgTaskDurationMs",
      "costUsd",
      "epoch",
    ] as const
  ).map((name) => ({ name, value: (row: AgentItem) => row[name] })),
  { name: "leaseUntil", value: (row) => row.tasks[0]?.leaseUntil },
];
