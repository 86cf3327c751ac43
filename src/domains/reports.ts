import type { Engine, Where } from "../engine/engine.ts";
import type { Millis } from "../model/collection.ts";
import { modelCalls } from "../model/model-call.ts";
import { type Session, sessions } from "../model/session.ts";
import { type ToolExecution, toolExecutions } from "../model/tool-execution.ts";
import { fromCursor, pageSize, toCursor } from "./cursor.ts";
import { projectPaths } from "./projects.ts";
import type { Page } from "./sessions.ts";

export interface Span {
  readonly since?: Millis | undefined;
  readonly until?: Millis | undefined;
  /** A project's path, or its folder's name. */
  readonly project?: string | undefined;
}

export interface CostLine {
  /** The day (`2026-11-20`, local time), the model, or the project's path. */
  readonly key: string;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly costUsd: number;
  readonly costComplete: boolean;
}

export interface ToolLine {
  readonly toolName: string;
  readonly count: number;
  readonly errors: number;
  /** Mean duration in ms of the calls that ended; null where none did. */
  readonly meanMs: number | null;
  readonly maxMs: number | null;
}

export interface Reports {
  costBy(key: "day" | "model" | "project", span?: Span): Promise<CostLine[]>;
  tools(span?: Span): Promise<ToolLine[]>;
  /** Failed tool executions, newest first. */
  errors(
    query?: Span & { limit?: number | undefined; after?: string | undefined },
  ): Promise<Page<ToolExecution>>;
  /** Sessions that ended in an error, newest first. */
  failedSessions(query?: Span & { limit?: number | undefined }): Promise<Session[]>;
  /** Models that were called and have no price, with the number of such calls. */
  unpriced(): Promise<Array<{ readonly model: string; readonly calls: number }>>;
  totals(span?: Span): Promise<Totals>;
}

export interface Totals {
  readonly sessions: number;
  readonly costUsd: number;
  readonly costComplete: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly toolCount: number;
  readonly errorCount: number;
}

const tokenMeasures = {
  calls: "count",
  inputTokens: { sum: "inputTokens" },
  outputTokens: { sum: "outputTokens" },
  cacheReadTokens: { sum: "cacheReadTokens" },
  cacheWriteTokens: { sum: "cacheWriteTokens" },
  costUsd: { sum: "costUsd" },
} as const;

type Group = { readonly key: string } & Readonly<Record<keyof typeof tokenMeasures, number | null>>;

export function createReports(engine: Engine): Reports {
  return {
    costBy: (key, span = {}) =>
      key === "project" ? costByProject(engine, span) : costByCall(engine, key, span),

    tools: (span = {}) => toolLines(engine, span),

    async errors({ limit = 20, after, ...span } = {}) {
      const size = pageSize(limit, 1_000);
      const [startedAt, id] = after === undefined ? [] : fromCursor(after);
      const items = await engine.find(toolExecutions, {
        where: { ...(await within(engine, span)), status: "error" },
        orderBy: [["startedAt", "down"]],
        limit: size + 1,
        ...(startedAt === undefined || id === undefined ? {} : { after: { startedAt, id } }),
      });
      const last = items.length > size ? items[size - 1] : undefined;
      return {
        items: items.slice(0, size),
        next: last === undefined ? null : toCursor(last.startedAt, last.id),
      };
    },

    async failedSessions({ limit = 20, ...span } = {}) {
      const where = { ...(await ofSessions(engine, span)), status: "error" as const };
      return engine.find(sessions, {
        where,
        orderBy: [["updatedAt", "down"]],
        limit: pageSize(limit, 1_000),
      });
    },

    async unpriced() {
      const groups = await engine.rollup(modelCalls, {
        by: ["model"],
        where: { costUsd: null, inherited: false },
        measures: { calls: "count" },
      });
      return groups
        .map(({ model, calls }) => ({ model, calls: calls ?? 0 }))
        .sort((a, b) => b.calls - a.calls);
    },

    totals: (span = {}) => totalsOf(engine, span),
  };
}

async function toolLines(engine: Engine, span: Span): Promise<ToolLine[]> {
  const groups = await engine.rollup(toolExecutions, {
    by: ["toolName", "status"],
    where: await within(engine, span),
    measures: { count: "count", sum: { sum: "durationMs" }, max: { max: "durationMs" } },
  });
  const names = [...new Set(groups.map((group) => group.toolName))];
  const lines = names.map((toolName) => {
    const own = groups.filter((group) => group.toolName === toolName);
    const ended = own.filter((group) => group.sum !== null);
    const count = sumOf(own.map((group) => group.count));
    const endedCount = sumOf(ended.map((group) => group.count));
    return {
      toolName,
      count,
      errors: sumOf(own.filter((group) => group.status === "error").map((group) => group.count)),
      meanMs: endedCount === 0 ? null : Math.round(sumOf(ended.map((group) => group.sum)) / endedCount),
      maxMs: ended.length === 0 ? null : Math.max(...ended.map((group) => group.max ?? 0)),
    };
  });
  return lines.sort((a, b) => b.count - a.count || (a.toolName < b.toolName ? -1 : 1));
}

async function totalsOf(engine: Engine, span: Span): Promise<Totals> {
  const groups = await engine.rollup(sessions, {
    by: ["costComplete"],
    where: await ofSessions(engine, span),
    measures: {
      sessions: "count",
      costUsd: { sum: "costUsd" },
      inputTokens: { sum: "inputTokens" },
      outputTokens: { sum: "outputTokens" },
      cacheReadTokens: { sum: "cacheReadTokens" },
      cacheWriteTokens: { sum: "cacheWriteTokens" },
      toolCount: { sum: "toolCount" },
      errorCount: { sum: "errorCount" },
    },
  });
  const sum = (name: Exclude<keyof Totals, "costComplete">): number =>
    sumOf(groups.map((group) => group[name]));
  return {
    sessions: sum("sessions"),
    costUsd: sum("costUsd"),
    costComplete: groups.every((group) => group.costComplete),
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    cacheReadTokens: sum("cacheReadTokens"),
    cacheWriteTokens: sum("cacheWriteTokens"),
    toolCount: sum("toolCount"),
    errorCount: sum("errorCount"),
  };
}

async function costByCall(engine: Engine, key: "day" | "model", span: Span): Promise<CostLine[]> {
  const where = { ...(await within(engine, span)), inherited: false };
  if (key === "model") {
    const groups = await engine.rollup(modelCalls, { by: ["model"], where, measures: tokenMeasures });
    const unpriced = await engine.rollup(modelCalls, {
      by: ["model"],
      where: { ...where, costUsd: null },
      measures: { calls: "count" },
    });
    const incomplete = new Set(unpriced.map((group) => group.model));
    return toLines(
      groups.map((group) => ({ ...group, key: group.model })),
      incomplete,
    ).sort(dearestFirst);
  }
  // By the hour in UTC, put together to days of the local zone here: no backend knows the reader's zone.
  const bucket = { field: "startedAt", size: 3_600_000 } as const;
  const groups = await engine.rollup(modelCalls, { by: [], where, bucket, measures: tokenMeasures });
  const unpriced = await engine.rollup(modelCalls, {
    by: [],
    where: { ...where, costUsd: null },
    bucket,
    measures: { calls: "count" },
  });
  const incomplete = new Set(unpriced.map((group) => localDay(group.bucket ?? 0)));
  return toLines(
    groups.map((group) => ({ ...group, key: localDay(group.bucket ?? 0) })),
    incomplete,
  ).sort((a, b) => (a.key < b.key ? 1 : -1));
}

async function costByProject(engine: Engine, span: Span): Promise<CostLine[]> {
  const groups = await engine.rollup(sessions, {
    by: ["projectPath", "costComplete"],
    where: await ofSessions(engine, span),
    measures: { ...tokenMeasures },
  });
  const incomplete = new Set(
    groups.filter((group) => !group.costComplete).map((group) => group.projectPath ?? ""),
  );
  return toLines(
    groups.map((group) => ({ ...group, key: group.projectPath ?? "" })),
    incomplete,
  ).sort(dearestFirst);
}

function toLines(groups: readonly Group[], incomplete: ReadonlySet<string>): CostLine[] {
  const lines = new Map<string, CostLine>();
  for (const group of groups) {
    const line = lines.get(group.key);
    lines.set(group.key, {
      key: group.key,
      calls: (line?.calls ?? 0) + (group.calls ?? 0),
      inputTokens: (line?.inputTokens ?? 0) + (group.inputTokens ?? 0),
      outputTokens: (line?.outputTokens ?? 0) + (group.outputTokens ?? 0),
      cacheReadTokens: (line?.cacheReadTokens ?? 0) + (group.cacheReadTokens ?? 0),
      cacheWriteTokens: (line?.cacheWriteTokens ?? 0) + (group.cacheWriteTokens ?? 0),
      costUsd: (line?.costUsd ?? 0) + (group.costUsd ?? 0),
      costComplete: !incomplete.has(group.key),
    });
  }
  return [...lines.values()];
}

function dearestFirst(a: CostLine, b: CostLine): number {
  return b.costUsd - a.costUsd || b.calls - a.calls || (a.key < b.key ? -1 : 1);
}

async function ofSessions(engine: Engine, { since, until, project }: Span): Promise<Where<Session>> {
  const paths = project === undefined ? undefined : await projectPaths(engine, project);
  return {
    ...(paths === undefined ? {} : { projectPath: { anyOf: paths } }),
    ...(since === undefined && until === undefined ? {} : { updatedAt: range(since, until) }),
  };
}

/** What chooses rows that belong to a session. */
interface Owned {
  readonly startedAt?: { from?: Millis; below?: Millis };
  readonly sessionId?: { readonly anyOf: readonly string[] };
}

/** The rows of a span, by their own start; of a project, by their sessions. */
async function within(engine: Engine, { since, until, project }: Span): Promise<Owned> {
  const times = since === undefined && until === undefined ? {} : { startedAt: range(since, until) };
  if (project === undefined) return times;
  const where = { projectPath: { anyOf: await projectPaths(engine, project) } };
  const own = await engine.find(sessions, { where, fields: ["id"] });
  return { ...times, sessionId: { anyOf: own.map(({ id }) => id) } };
}

function range(since: Millis | undefined, until: Millis | undefined): { from?: Millis; below?: Millis } {
  return {
    ...(since === undefined ? {} : { from: since }),
    ...(until === undefined ? {} : { below: until }),
  };
}

function localDay(at: Millis): string {
  const day = new Date(at);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function sumOf(numbers: ReadonlyArray<number | null>): number {
  return numbers.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
