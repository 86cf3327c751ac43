import { LociError } from "../errors.ts";
import { tasks as taskRows } from "../model/task.ts";
import { type Turso, type TursoRows, turso } from "./turso.ts";

/** The guide's coordinator of a swarm, over `loci.swarm`. */
export class TursoSwarmCoordinator {
  readonly #turso: Turso;

  constructor(on: Turso = turso) {
    this.#turso = on;
  }

  /**
   * Registers these agents as ready; one that is there keeps its task and its heartbeat. With a task, one of them that
   * is free is given it, or the one that is named. Answers who has it, null where nobody is free.
   */
  async coordinateSwarm(
    swarmId: string,
    agents: readonly string[],
    { taskData, selectedAgent }: { readonly taskData?: string; readonly selectedAgent?: string } = {},
  ): Promise<{ readonly task_id: string; readonly agent_id: string } | null> {
    const loci = await this.#turso.open();
    const swarm = loci.swarm(swarmId);
    const members = await swarm.register(agents.map((agent) => ({ agent })));
    const fresh = members.filter(({ status, currentTask }) => status === "idle" && currentTask === null);
    if (fresh.length > 0)
      await swarm.heartbeat(
        fresh.map(({ agentId }) => agentId),
        { status: "ready" },
      );
    if (taskData === undefined) return null;
    const { task } = await loci.tasks.create({ swarm: swarmId, title: taskData });
    for (const agent of selectedAgent === undefined ? agents : [selectedAgent]) {
      const given = await loci.tasks.assign(task, { agent });
      if (given !== null) return { task_id: task.id, agent_id: agent };
    }
    return null;
  }

  /** All agents that were ever registered: agent_id, status, current_task and health_status. */
  async getSwarmStatus(swarmId: string): Promise<TursoRows> {
    const loci = await this.#turso.open();
    const agents = await loci.swarm(swarmId).agents();
    return {
      columns: ["agent_id", "status", "current_task", "health_status"],
      rows: agents.map(({ agentId, status, currentTask, health }) => ({
        agent_id: agentId,
        status,
        current_task: currentTask,
        health_status: health,
      })),
      truncated: false,
    };
  }
}

/** A task for {@link EdgeAwareTaskDistributor}: with an id that is known it is that one, else it is made. */
export interface Task {
  readonly id: string;
  readonly swarm?: string;
  readonly title?: string;
  readonly input?: unknown;
  readonly capabilities?: readonly string[];
  readonly region?: string;
}

/** The guide's distributor: one task to one idle agent of the best region, in one atomic step. */
export class EdgeAwareTaskDistributor {
  readonly #turso: Turso;

  constructor(on: Turso = turso) {
    this.#turso = on;
  }

  /** Null where no agent that could do it is idle. Errors: `not-found` without a region, `busy`, `invalid`. */
  async distributeTask(task: Task): Promise<{
    readonly task_id: string;
    readonly agent_id: string;
    readonly edge_region: string | null;
    readonly assigned_at: string;
  } | null> {
    const { engine, tasks } = await this.#turso.open();
    const { id, title = id, ...more } = task;
    const [known] = await engine.find(taskRows, { where: { id }, limit: 1 });
    if (known === undefined) await tasks.create({ id, title, ...more });
    const given = await tasks.assign(id);
    if (given === null) return null;
    return {
      task_id: id,
      agent_id: given.agentId,
      edge_region: given.region,
      assigned_at: new Date(given.task.claimedAt ?? 0).toISOString(),
    };
  }
}

export interface AgentHealthRow {
  readonly agent_id: string;
  readonly edge_region: string | null;
  readonly tasks_completed: number;
  readonly avg_task_duration: number | null;
  readonly last_activity: string | null;
  readonly status: "active" | "idle" | "inactive";
}

/** Every agent of every region, with its last hour; silent ones too. */
export async function monitorAgentHealth(on: Turso = turso): Promise<AgentHealthRow[]> {
  const { metrics } = await on.open();
  return (await metrics.activity()).map((agent) => ({
    agent_id: agent.agentId,
    edge_region: agent.edgeRegion,
    tasks_completed: agent.tasksCompleted,
    avg_task_duration: agent.avgTaskDurationMs,
    last_activity: agent.lastActivity === null ? null : new Date(agent.lastActivity).toISOString(),
    status: agent.activity,
  }));
}

/** The region that is nearest to where the user is, as far as anybody there has measured. Errors: `not-found`. */
export async function determineNearestEdge(
  userLocation: string,
  on: Turso = turso,
): Promise<{ readonly region: string; readonly latency_ms: number | null }> {
  const { edge } = await on.open();
  const { edgeRegion, latencyMs } = await edge.nearest({ from: userLocation });
  return { region: edgeRegion, latency_ms: latencyMs };
}

/** Asks for the rows of the region nearest to the user: the query has one `?`, which is that region. */
export async function nearestEdgeQuery(
  userLocation: string,
  query: string = "SELECT * FROM data WHERE region = ?",
  on: Turso = turso,
): Promise<TursoRows> {
  if (typeof userLocation !== "string" || userLocation === "") {
    throw new LociError(
      "invalid",
      `A location is a text that is not empty, not ${JSON.stringify(userLocation)}.`,
    );
  }
  const edge = await determineNearestEdge(userLocation, on);
  return on.execute_read_only_query({ query, params: [edge.region] });
}
