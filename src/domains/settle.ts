import { type Change, type Engine, type Patch, update } from "../engine/engine.ts";
import { messages } from "../model/message.ts";
import { modelCalls } from "../model/model-call.ts";
import { type Session, sessions } from "../model/session.ts";
import { toolExecutions } from "../model/tool-execution.ts";

/** How many sessions are settled in one step. */
const chunk = 200;

/**
 * Sets the totals of sessions from their rows, so that writing a row twice never counts twice. A total without any
 * row to make it from keeps what the session's own happening said. `nameModel`: a session whose model nobody said gets the
 * one that made most of the calls.
 */
export async function settleSessions(
  engine: Engine,
  sessionIds: readonly string[],
  { nameModel = true }: { readonly nameModel?: boolean } = {},
): Promise<void> {
  for (let start = 0; start < sessionIds.length; start += chunk) {
    const changes = await totalsOf(engine, sessionIds.slice(start, start + chunk), nameModel);
    if (changes.length > 0) await engine.write(changes);
  }
}

async function totalsOf(engine: Engine, ids: readonly string[], nameModel: boolean): Promise<Change[]> {
  const sessionId = { anyOf: ids };
  const rows = await engine.find(sessions, {
    where: { id: { anyOf: ids } },
    fields: ["id", "model", "status", "startedAt", "endedAt", "updatedAt"],
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

  return rows.map((row) => {
    const ownSaid = saidBy.get(row.id);
    const ownTools = toolsBy.get(row.id) ?? [];
    const ownCalls = callsBy.get(row.id) ?? [];
    const failed = ownTools.filter((group) => group.status === "error");
    const patch: Patch<Session> = {
      ...(ownSaid === undefined ? {} : { messageCount: ownSaid.count ?? 0 }),
      ...(ownTools.length === 0 ? {} : { toolCount: total(ownTools.map((group) => group.count)) }),
      ...(ownTools.length === 0 && row.status !== "error"
        ? {}
        : { errorCount: total(failed.map((group) => group.count)) + (row.status === "error" ? 1 : 0) }),
      ...(ownCalls.length === 0 ? {} : tokenTotals(ownCalls, !calls.unpriced.has(row.id))),
      ...(nameModel && row.model === null ? mostUsed(ownCalls) : {}),
      updatedAt: newest([
        row.updatedAt,
        row.startedAt,
        row.endedAt,
        ownSaid?.newest,
        ...ownTools.flatMap((group) => [group.started, group.ended]),
        ...ownCalls.map((group) => group.newest),
      ]),
    };
    return update(sessions, { id: row.id }, patch);
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

function tokenTotals(calls: ReadonlyArray<CallGroup>, costComplete: boolean): Partial<Session> {
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

function mostUsed(calls: ReadonlyArray<CallGroup>): Partial<Session> {
  const [top] = [...calls].sort((a, b) => (b.count ?? 0) - (a.count ?? 0) || (a.model < b.model ? -1 : 1));
  return top === undefined ? {} : { model: top.model };
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
