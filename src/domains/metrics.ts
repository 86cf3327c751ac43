import { type Engine, insert, remove, type Where } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import { type AgentMetric, agentMetrics } from "../model/agent-metric.ts";
import { type Agent, agents } from "../model/agent.ts";
import type { Millis } from "../model/collection.ts";
import { newId, stableId } from "../model/id.ts";
import type { Task } from "../model/task.ts";
import { type Activity, type ActivityLimits, activityLimits, activityOf, finishedWork } from "./activity.ts";
import { needed } from "./chain.ts";
import type { Clock } from "./clock.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import { type MetricLine, reportLines } from "./metric-report.ts";
import { duration } from "./rows.ts";
import type { Page } from "./sessions.ts";

export interface MetricGiven {
  readonly agent: string;
  /** What sort of work it was. */
  readonly taskType: string;
  readonly startTime?: Millis | undefined;
  readonly endTime?: Millis | undefined;
  /** From start and end when left out. */
  readonly durationMs?: number | undefined;
  readonly tokensUsed?: number | undefined;
  readonly filesModified?: number | undefined;
  readonly region?: string | undefined;
  /** When left out: true, and false where there is an `error`. */
  readonly success?: boolean | undefined;
  readonly error?: string | undefined;
  readonly metadata?: unknown;
  readonly swarm?: string | undefined;
  /** A task of this store. */
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** A metric with an id that is there is not recorded again. */
  readonly id?: string | undefined;
}

/** What a task does not know of itself. */
export type TaskWork = Pick<
  MetricGiven,
  "tokensUsed" | "filesModified" | "region" | "success" | "error" | "metadata" | "sessionId"
>;

export interface MetricFilter {
  /** Recorded from this moment on. */
  readonly since?: Millis | undefined;
  readonly agent?: string | undefined;
  readonly swarm?: string | undefined;
  readonly taskType?: string | undefined;
}

export interface MetricQuery extends MetricFilter {
  readonly success?: boolean | undefined;
  /** 1 to 1,000; 20 when left out. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface ActivityQuery {
  /** From when on work counts; an hour ago when left out. */
  readonly since?: Millis | undefined;
  readonly limits?: Partial<ActivityLimits> | undefined;
  /** Only agents of this region. */
  readonly region?: string | undefined;
}

/** One agent, in whatever swarms it works. */
export interface AgentActivity {
  readonly agentId: string;
  readonly edgeRegion: string | null;
  readonly type: string | null;
  /** Work that it finished in the span, failed work too. */
  readonly tasksCompleted: number;
  readonly tasksFailed: number;
  readonly avgTaskDurationMs: number | null;
  /** When it last finished something, also before the span; null where it never did. */
  readonly lastActivity: Millis | null;
  readonly activity: Activity;
  /** Null for an agent that was never registered. */
  readonly lastHeartbeat: Millis | null;
}

export interface Metrics {
  readonly record: (metric: MetricGiven) => Promise<AgentMetric>;
  /** All or none. */
  readonly recordAll: (metrics: readonly MetricGiven[]) => Promise<AgentMetric[]>;
  /** Records a finished task's attempt, once however often it is called: its kind, its agent, its time from the claim. */
  readonly fromTask: (task: Task, work?: TaskWork) => Promise<AgentMetric>;
  /** By agent and task type; of the last 24 h unless `since` says otherwise. `percentiles` reads every duration. */
  readonly report: (
    filter?: MetricFilter & { readonly percentiles?: boolean | undefined },
  ) => Promise<MetricLine[]>;
  /** Newest first. */
  readonly list: (query?: MetricQuery) => Promise<Page<AgentMetric>>;
  /** Every agent that was ever registered, silent ones too, and every other that finished something in the span. */
  readonly activity: (query?: ActivityQuery) => Promise<AgentActivity[]>;
  /** Removes what was recorded longer ago than that. Answers how many. */
  readonly clean: (which: { readonly olderThan: Millis }) => Promise<number>;
}

const hour = 3_600_000;

/** What agents finished, how long it took and how it went. */
export function createMetrics(engine: Engine, { now }: { readonly now: Clock }): Metrics {
  const recordAll = async (given: readonly MetricGiven[]): Promise<AgentMetric[]> => {
    const at = await now();
    const rows = given.map((one) => metricRow(one, at));
    if (rows.length > 0) await engine.write([insert(agentMetrics, rows)]);
    return rows;
  };
  const record = async (given: MetricGiven): Promise<AgentMetric> => {
    const row = metricRow(given, await now());
    await engine.write([insert(agentMetrics, [row])]);
    return row;
  };
  return {
    record,
    recordAll,
    async fromTask(task, work = {}) {
      const { id, kind, agentId, swarmId, claimedAt, fence, region } = task;
      if (agentId === null || claimedAt === null)
        throw new LociError("invalid", `Nobody has claimed ${id}: there is no work to record.`, {
          next: "Give the task as claim answered it.",
        });
      return record({
        region: region ?? undefined,
        ...work,
        id: stableId(claimedAt, "metric", id, String(fence)),
        agent: agentId,
        taskType: kind,
        swarm: swarmId,
        taskId: id,
        startTime: claimedAt,
        endTime: task.settledAt ?? Math.max(claimedAt, await now()),
      });
    },
    async report({ percentiles = false, ...filter } = {}) {
      const since = filter.since ?? (await now()) - 24 * hour;
      return reportLines(engine, whereOf({ ...filter, since }), percentiles);
    },
    list: (query = {}) => listMetrics(engine, query),
    async activity(query = {}) {
      return activities(engine, await now(), query);
    },
    async clean({ olderThan }) {
      const [removed] = await engine.write([
        remove(agentMetrics, { createdAt: { below: (await now()) - olderThan } }),
      ]);
      return removed ?? 0;
    },
  };
}

function metricRow(given: MetricGiven, at: Millis): AgentMetric {
  const { startTime = null, endTime = null, error = null } = given;
  const durationMs = given.durationMs ?? (startTime === null ? null : duration(startTime, endTime));
  return {
    id: given.id ?? newId(at),
    agentId: needed("agent", given.agent),
    taskType: needed("taskType", given.taskType),
    startTime,
    endTime,
    durationMs: whole("durationMs", durationMs === null ? null : Math.round(durationMs)),
    tokensUsed: whole("tokensUsed", given.tokensUsed ?? null),
    filesModified: whole("filesModified", given.filesModified ?? null),
    edgeRegion: given.region ?? null,
    success: given.success ?? error === null,
    errorMessage: error,
    metadata: given.metadata ?? null,
    createdAt: at,
    swarmId: given.swarm ?? null,
    taskId: given.taskId ?? null,
    sessionId: given.sessionId ?? null,
  };
}

function whole(name: string, value: number | null): number | null {
  if (value === null || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw new LociError("invalid", `${name} is a whole number from 0, not ${value}.`);
}

function whereOf({ since, agent, swarm, taskType }: MetricFilter): Where<AgentMetric> {
  return {
    ...(since === undefined ? {} : { createdAt: { from: since } }),
    ...(agent === undefined ? {} : { agentId: agent }),
    ...(swarm === undefined ? {} : { swarmId: swarm }),
    ...(taskType === undefined ? {} : { taskType }),
  };
}

async function listMetrics(engine: Engine, query: MetricQuery): Promise<Page<AgentMetric>> {
  const limit = pageSize(query.limit ?? 20, 1_000);
  const [createdAt, id] = query.after === undefined ? [] : fromCursor(query.after);
  const { success } = query;
  const items = await engine.find(agentMetrics, {
    where: { ...whereOf(query), ...(success === undefined ? {} : { success }) },
    orderBy: [["createdAt", "down"]],
    limit: limit + 1,
    ...(createdAt === undefined || id === undefined ? {} : { after: { createdAt, id } }),
  });
  const last = items.length > limit ? items[limit - 1] : undefined;
  return {
    items: items.slice(0, limit),
    next: last === undefined ? null : toCursor(last.createdAt, last.id),
  };
}

async function activities(
  engine: Engine,
  at: Millis,
  { since = at - hour, limits, region }: ActivityQuery,
): Promise<AgentActivity[]> {
  const bounds = { ...activityLimits, ...limits };
  const known = new Map<string, Agent>();
  for (const agent of await engine.find(agents)) known.set(agent.agentId, agent);
  const work = await finishedWork(engine, { since, agents: [...known.keys()] });
  const names = [...new Set([...known.keys(), ...work.keys()])].sort();
  const all = names.map((agentId): AgentActivity => {
    const done = work.get(agentId);
    const agent = known.get(agentId);
    const lastActivity = done?.last ?? null;
    return {
      agentId,
      edgeRegion: agent?.edgeRegion ?? null,
      type: agent?.type ?? null,
      tasksCompleted: done?.completed ?? 0,
      tasksFailed: done?.failed ?? 0,
      avgTaskDurationMs: done?.meanMs ?? null,
      lastActivity,
      activity: activityOf(lastActivity === null ? null : at - lastActivity, bounds),
      lastHeartbeat: agent?.lastHeartbeat ?? null,
    };
  });
  return region === undefined ? all : all.filter(({ edgeRegion }) => edgeRegion === region);
}
