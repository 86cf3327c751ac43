import type { SwarmItem, SwarmsAnswer } from "../../../operations/swarms.ts";
import { type AnyView, view } from "../output.ts";
import { when } from "../people.ts";
import type { Column, Field } from "../table.ts";

const states = ["ready", "running", "blocked", "done", "dead", "cancelled"] as const;
const titles = {
  ready: "QUEUED",
  running: "CLAIMED",
  blocked: "BLOCKED",
  done: "DONE",
  dead: "DEAD",
} as const;

const columns: readonly Column<SwarmItem>[] = [
  { title: "SWARM", cell: (row) => row.swarmId, flexible: 12, most: 60 },
  { title: "AGENTS", cell: (row) => row.agents, align: "right" },
  {
    title: "SEEN",
    cell: ({ lastHeartbeat }, { now }) => lastHeartbeat && when(Date.parse(lastHeartbeat), now),
    priority: 1,
  },
  ...(["ready", "running", "blocked", "done", "dead"] as const).map(
    (state, at): Column<SwarmItem> => ({
      title: titles[state],
      cell: ({ tasks }) => tasks[state],
      align: "right",
      priority: at + 2,
    }),
  ),
];

const fields: readonly Field<SwarmItem>[] = [
  { name: "swarmId", value: (row) => row.swarmId },
  { name: "agents", value: (row) => row.agents },
  { name: "lastHeartbeat", value: (row) => row.lastHeartbeat },
  ...states.map((state): Field<SwarmItem> => ({ name: state, value: ({ tasks }) => tasks[state] })),
];

export const swarmsView: AnyView = view<SwarmsAnswer, SwarmItem>({
  rows: ({ items }) => items,
  columns: () => columns,
  fields: () => fields,
  empty: () => "There is no swarm yet: loci.swarm(ID).register makes one, and so does loci task add.",
  hints: () => ["one of them: loci swarm ID"],
});
