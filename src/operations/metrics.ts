import type { Activity } from "../domains/activity.ts";
import type { MetricLine } from "../domains/metric-report.ts";
import type { AgentActivity } from "../domains/metrics.ts";
import type { AgentMetric } from "../model/agent-metric.ts";
export type { Activity, MetricLine };
import { isoTime, type Operation, operation } from "./operation.ts";
import { sessionFlag, sinceFlag } from "./params.ts";

export interface MetricsAnswer {
  readonly since: string;
  readonly items: readonly MetricLine[];
}

export type MetricItem = Omit<AgentMetric, "startTime" | "endTime" | "createdAt"> & {
  readonly startTime: string | null;
  readonly endTime: string | null;
  readonly createdAt: string;
};

export type ActivityItem = Omit<AgentActivity, "lastActivity" | "lastHeartbeat"> & {
  readonly lastActivity: string | null;
  readonly lastHeartbeat: string | null;
};

export interface ActivityAnswer {
  /** Work counts from then on. */
  readonly since: string;
  readonly counts: Readonly<Record<Activity, number>>;
  readonly items: readonly ActivityItem[];
}

const hour = 3_600_000;

const only = (summary: string) => ({ kind: "string", summary, placeholder: "ID" }) as const;

export const showMetrics: Operation = operation({
  name: "metrics",
  summary: "show what agents finished: counts, durations, tokens, success",
  access: "read",
  params: {
    since: { ...sinceFlag, summary: "recorded not before this: 7d, 12h, 2026-08-23; 24 h without it" },
    agent: only("only this agent"),
    swarm: only("only this swarm"),
    type: { kind: "string", summary: "only this sort of work", placeholder: "TYPE" },
  },
  async run(loci, input, { now }): Promise<MetricsAnswer> {
    const { since, agent, swarm, type: taskType } = input;
    const items = await loci.metrics.report({ since, agent, swarm, taskType, percentiles: true });
    return { since: isoTime(since ?? now() - 24 * hour), items };
  },
});

export const recordMetric: Operation = operation({
  name: "metrics record",
  summary: "record one finished piece of work of an agent",
  access: "write",
  params: {
    agent: { kind: "string", positional: true, required: true, summary: "the agent" },
    type: { kind: "string", positional: true, required: true, summary: "what sort of work it was" },
    duration: { kind: "integer", min: 0, summary: "how long it took, in ms", placeholder: "MS" },
    tokens: { kind: "integer", min: 0, summary: "tokens it used" },
    files: { kind: "integer", min: 0, summary: "files it changed" },
    region: { kind: "string", summary: "where the agent ran" },
    error: { kind: "string", summary: "why it failed; without this it counts as a success" },
    swarm: only("the agent's swarm"),
    task: only("the task of this store that it was"),
    session: sessionFlag,
  },
  async run(loci, input): Promise<MetricItem> {
    const row = await loci.metrics.record({
      agent: input.agent,
      taskType: input.type,
      durationMs: input.duration,
      tokensUsed: input.tokens,
      filesModified: input.files,
      region: input.region,
      error: input.error,
      swarm: input.swarm,
      taskId: input.task,
      sessionId: input.session,
    });
    return {
      ...row,
      startTime: isoTime(row.startTime),
      endTime: isoTime(row.endTime),
      createdAt: isoTime(row.createdAt),
    };
  },
});

export const showAgents: Operation = operation({
  name: "agents",
  summary: "show all agents of all swarms: who is active, what each finished",
  access: "read",
  params: {
    since: { ...sinceFlag, summary: "work counts from then on: 7d, 12h, 2026-08-23; 1 h without it" },
    region: { kind: "string", summary: "only agents of this region" },
  },
  async run(loci, { since, region }, { now }): Promise<ActivityAnswer> {
    const all = await loci.metrics.activity({ since, region });
    const counts = { active: 0, idle: 0, inactive: 0 };
    for (const { activity } of all) counts[activity]++;
    const items = all.map((agent) => ({
      ...agent,
      lastActivity: isoTime(agent.lastActivity),
      lastHeartbeat: isoTime(agent.lastHeartbeat),
    }));
    return { since: isoTime(since ?? now() - hour), counts, items };
  },
});
