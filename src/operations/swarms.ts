import { swarmMembers } from "../model/agent.ts";
import { tasks as taskRows, type TaskStatus } from "../model/task.ts";
import { isoTime, type Operation, operation } from "./operation.ts";

export interface SwarmItem {
  readonly swarmId: string;
  readonly agents: number;
  /** The last heartbeat of any of its agents; null where none is registered. */
  readonly lastHeartbeat: string | null;
  readonly tasks: Readonly<Record<TaskStatus, number>>;
}

export interface SwarmsAnswer {
  /** The one that was heard of last first. */
  readonly items: readonly SwarmItem[];
}

const noTasks = { blocked: 0, ready: 0, running: 0, done: 0, dead: 0, cancelled: 0 } as const;

/** What `loci swarm` answers without a swarm. */
export const listSwarms: Operation = operation({
  name: "swarms",
  summary: "list swarms",
  access: "read",
  params: {},
  async run({ engine }): Promise<SwarmsAnswer> {
    const [members, counts] = await Promise.all([
      engine.rollup(swarmMembers, {
        by: ["swarmId"],
        measures: { agents: "count", last: { max: "lastHeartbeat" } },
      }),
      engine.rollup(taskRows, { by: ["swarmId", "status"], measures: { count: "count" } }),
    ]);
    const ids = [...new Set([...members, ...counts].map(({ swarmId }) => swarmId))];
    const items = ids.map((swarmId) => {
      const tasks: Record<TaskStatus, number> = { ...noTasks };
      for (const row of counts) if (row.swarmId === swarmId) tasks[row.status] = row.count ?? 0;
      const { agents, last } = members.find((row) => row.swarmId === swarmId) ?? { agents: 0, last: null };
      return { swarmId, agents: agents ?? 0, last: last ?? null, tasks };
    });
    items.sort((a, b) => (b.last ?? 0) - (a.last ?? 0) || (a.swarmId < b.swarmId ? -1 : 1));
    return { items: items.map(({ last, ...item }) => ({ ...item, lastHeartbeat: isoTime(last) })) };
  },
});
