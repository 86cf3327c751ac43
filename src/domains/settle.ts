import { type Engine, update } from "../engine/engine.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { type Session, sessions } from "../model/session.ts";
import { toolExecutions } from "../model/tool-execution.ts";

/** How many sessions are settled in one step. */
const chunk = 200;

type TotalName =
  | "messageCount"
  | "toolCount"
  | "errorCount"
  | "inputTokens"
  | "outputTokens"
  | "cacheReadTokens"
  | "cacheWriteTokens"
  | "costUsd"
  | "costComplete"
  | "updatedAt";
const totalNames: readonly TotalName[] = [
  "messageCount",
  "toolCount",
  "errorCount",
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "costUsd",
  "costComplete",
  "updatedAt",
];

/** What a session's own row says of its other rows. */
export type SessionTotals = Pick<Session, TotalName>;

/**
 * Sets the totals of sessions from their rows, so that writing a row twice never counts twice. A total without any
 * row to make it from keeps what the session's own happening said. `nameModel`: a session whose model nobody said gets the
 * one that made most of the calls. Answers them as they stand.
 */
export async function settleSessions(
  engine: Engine,
  sessionIds: readonly string[],
  { nameModel = true }: { readonly nameModel?: boolean } = {},
): Promise<Map<string, SessionTotals>> {
  const totals = new Map<string, SessionTotals>();
  for (let start = 0; start < sessionIds.length; start += chunk) {
    const settled = await totalsOf(engine, sessionIds.slice(start, start + chunk), nameModel);
    const changes = settled.flatMap(({ id, before, patch, model }) => {
      totals.set(id, { ...before, ...patch });
      const isSame = totalNames.every((name) => (patch[name] ?? before[name]) === before[name]);
      return isSame && model === undefined ? [] : [update(sessions, { id }, { ...patch, ...model })];
    });
    if (changes.length > 0) await engine.write(changes);
  }
  return totals;
}

interface Settled {
  readonly id: string;
  readonly before: SessionTotals;
  readonly patch: Partial<SessionTotals>;
  readonly model: Pick<Session, "model"> | undefined;
}

async function totalsOf(engine: Engine, ids: readonly string[], nameModel: boolean): Promise<Settled[]> {
  const sessionId = { anyOf: ids };
  const rows = await engine.find(sessions, {
    where: { id: { anyOf: ids } },
    fields: ["id", "model", "status", "startedAt", "endedAt", ...totalNames],
  });
  const said = await engine.rollup(messages, {
    by: ["sessionId"],
    where: { sessionId },
    measures: { count: "count", newest: { max: "createdAt" } },
  });
  const tools = await engine.rollup(toolExecutions, {
    by: ["sessionId", "status"],
    where: { sessionId },
    measures: { count: "count", started: { max: "startedAt" }, ended: { max: "endedAt" } },
  });
  const calls = await callGroups(engine, ids);
  const saidBy = new Map(said.map((group) => [group.sessionId, group]));
  const toolsBy = groupBy(tools);
  const callsBy = groupBy(calls.groups);

  return rows.map(({ id, model, status, startedAt, endedAt, ...before }) => {
    const ownSaid = saidBy.get(id);
    const ownTools = toolsBy.get(id) ?? [];
    const ownCalls = callsBy.get(id) ?? [];
    const failed = ownTools.filter((group) => group.status === "error");
    const patch: Partial<SessionTotals> = {
      ...(ownSaid === undefined ? {} : { messageCount: ownSaid.count ?? 0 }),
      ...(ownTools.length === 0 ? {} : { toolCount: total(ownTools.map((group) => group.count)) }),
      ...(ownTools.length === 0 && status !== "error"
        ? {}
        : { errorCount: total(failed.map((group) => group.count)) + (status === "error" ? 1 : 0) }),
      ...(ownCalls.length === 0 ? {} : tokenTotals(ownCalls, !calls.unpriced.has(id))),
      updatedAt: newest([
        before.updatedAt,
        startedAt,
        endedAt,
        ownSaid?.newest,
        ...ownTools.flatMap((group) => [group.started, group.ended]),
        ...ownCalls.map((group) => group.newest),
      ]),
    };
    return { id, before, patch, model: nameModel && model === null ? mostUsed(ownCalls) : undefined };
  });
}

type CallGroup = {
  readonly sessionId: string;
  readonly model: string;
  readonly provider: string | null;
} & Readonly<Record<"count" | "newest" | Measured, number | null>>;

type Measured = "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens" | "costUsd";

async function callGroups(
  engine: Engine,
  ids: readonly string[],
): Promise<{ groups: Array<CallGroup>; unpriced: ReadonlySet<string> }> {
  const own = { sessionId: { anyOf: ids }, inherited: false };
  const groups = await engine.rollup(modelCalls, {
    by: ["sessionId", "model", "provider"],
    where: own,
    measures: {
      count: "count",
      newest: { max: "startedAt" },
      inputTokens: { sum: "inputTokens" },
      outputTokens: { sum: "outputTokens" },
      cacheReadTokens: { sum: "cacheReadTokens" },
      cacheWriteTokens: { sum: "cacheWriteTokens" },
      costUsd: { sum: "costUsd" },
    },
  });
  const unpriced = await engine.rollup(modelCalls, {
    by: ["sessionId"],
    where: { ...own, costUsd: null },
    measures: { count: "count" },
  });
  return { groups, unpriced: new Set(unpriced.map((group) => group.sessionId)) };
}

function tokenTotals(calls: ReadonlyArray<CallGroup>, costComplete: boolean): Partial<SessionTotals> {
  return {
    inputTokens: total(calls.map((group) => group.inputTokens)),
    outputTokens: total(calls.map((group) => group.outputTokens)),
    cacheReadTokens: total(calls.map((group) => group.cacheReadTokens)),
    cacheWriteTokens: total(calls.map((group) => group.cacheWriteTokens)),
    // A sum of doubles differs in its last bits by the order of the rows; a billionth of a dollar does not.
    costUsd: Math.round(total(calls.map((group) => group.costUsd)) * 1e9) / 1e9,
    costComplete,
  };
}

function mostUsed(calls: ReadonlyArray<CallGroup>): Pick<Session, "model"> | undefined {
  const [top] = [...calls].sort((a, b) => (b.count ?? 0) - (a.count ?? 0) || (a.model < b.model ? -1 : 1));
  return top && { model: top.model };
}

function groupBy<Group extends { readonly sessionId: string }>(
  groups: readonly Group[],
): Map<string, Group[]> {
  const by = new Map<string, Group[]>();
  for (const group of groups) {
    const list = by.get(group.sessionId);
    if (list === undefined) by.set(group.sessionId, [group]);
    else list.push(group);
  }
  return by;
}

function total(numbers: ReadonlyArray<number | null>): number {
  return numbers.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function newest(moments: ReadonlyArray<number | null | undefined>): number {
  return moments.reduce<number>((max, value) => Math.max(max, value ?? max), Number.NEGATIVE_INFINITY);
}
