import type { Price } from "../domains/prices.ts";
import type { CostLine, ToolLine } from "../domains/reports.ts";
import type { Session } from "../model/session.ts";
import type { ToolExecution } from "../model/tool-execution.ts";
import type { Loci } from "../open.ts";
import { type Page, roundedUsd, type Tokens, tokensOf } from "./answers.ts";
import { type ExplainedCall, explainCalls } from "./explain.ts";
import { type Operation, operation } from "./operation.ts";
import { limitFlag, pageFlag, projectFlag, sinceFlag, untilFlag } from "./params.ts";
import { inputLine } from "./sessions.ts";

export interface CostItem {
  readonly key: string;
  readonly calls: number;
  readonly tokens: Tokens;
  readonly costUsd: number;
  readonly costComplete: boolean;
}

export interface CostAnswer {
  readonly by: "day" | "model" | "project";
  readonly items: readonly CostItem[];
  readonly total: CostItem;
  /** Models that were called and have no price. */
  readonly unpriced: ReadonlyArray<{ readonly model: string; readonly calls: number }>;
}

export interface ToolCostAnswer {
  readonly by: "tool";
  readonly items: ReadonlyArray<Omit<ToolLine, "toolName"> & { readonly key: string }>;
}

export interface ExplainAnswer {
  readonly by: "call";
  readonly sessionId: string;
  readonly items: readonly ExplainedCall[];
  readonly usageLines: number | null;
  readonly total: CostItem;
  /** US dollars for a million tokens, by the names of the models that were called. */
  readonly prices: Readonly<Record<string, (Price & { readonly own: boolean }) | null>>;
}

export const showCost: Operation = operation({
  name: "cost",
  summary: "show what was spent: by day, model, project, tool or call",
  access: "read",
  params: {
    by: {
      kind: "enum",
      choices: ["day", "model", "project", "tool"],
      default: "day",
      summary: "the rows: a day, a model, a project or a tool",
    },
    explain: {
      kind: "string",
      summary: "the calls and lines that made this session's number",
      placeholder: "ID",
    },
    since: sinceFlag,
    until: untilFlag,
    project: projectFlag,
  },
  async run(loci, input): Promise<CostAnswer | ToolCostAnswer | ExplainAnswer> {
    if (input.explain !== undefined) return explain(loci, input.explain);
    const span = { since: input.since, until: input.until, project: input.project };
    if (input.by === "tool") {
      const lines = await loci.reports.tools(span);
      return { by: "tool", items: lines.map(({ toolName, ...line }) => ({ key: toolName, ...line })) };
    }
    const lines = await loci.reports.costBy(input.by, span);
    return {
      by: input.by,
      items: lines.map(costItem),
      total: totalOf(lines),
      unpriced: await loci.reports.unpriced(),
    };
  },
});

async function explain(loci: Loci, idOrPrefix: string): Promise<ExplainAnswer> {
  const { id } = await loci.sessions.resolve(idOrPrefix);
  const { items, usageLines } = await explainCalls(loci, id);
  const counted = items.filter(({ inherited }) => !inherited);
  const lines = counted.map(({ model, tokens, costUsd }) => ({
    key: model,
    calls: 1,
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    cacheReadTokens: tokens.cacheRead,
    cacheWriteTokens: tokens.cacheWrite,
    costUsd: costUsd ?? 0,
    costComplete: costUsd !== null,
  }));
  const prices = Object.fromEntries(
    counted.map(({ model, startedAt }) => [model, loci.prices.priceOf(model, Date.parse(startedAt))]),
  );
  return { by: "call", sessionId: id, items, usageLines, total: totalOf(lines), prices };
}

function costItem(line: CostLine): CostItem {
  const { key, calls, costUsd, costComplete } = line;
  return { key, calls, tokens: tokensOf(line), costUsd: roundedUsd(costUsd), costComplete };
}

function totalOf(lines: readonly CostLine[]): CostItem {
  const sum = (pick: (line: CostLine) => number): number => lines.reduce((all, line) => all + pick(line), 0);
  return costItem({
    key: "total",
    calls: sum((line) => line.calls),
    inputTokens: sum((line) => line.inputTokens),
    outputTokens: sum((line) => line.outputTokens),
    cacheReadTokens: sum((line) => line.cacheReadTokens),
    cacheWriteTokens: sum((line) => line.cacheWriteTokens),
    costUsd: sum((line) => line.costUsd),
    costComplete: lines.every((line) => line.costComplete),
  });
}

export interface ErrorItem {
  readonly sessionId: string;
  readonly toolExecutionId: string | null;
  readonly toolName: string | null;
  readonly input: string;
  readonly error: string;
  readonly at: string;
}

export const listErrors: Operation = operation({
  name: "errors",
  summary: "list what failed: tools, and sessions that ended in an error",
  access: "read",
  params: {
    limit: limitFlag,
    since: sinceFlag,
    until: untilFlag,
    project: projectFlag,
    after: pageFlag,
  },
  async run(loci, input): Promise<Page<ErrorItem>> {
    const { limit, since, until, project, after } = input;
    const page = await loci.reports.errors({ limit, since, until, project, after });
    // Sessions that failed are few; they stand on the first page, where they were noticed.
    const sessions =
      after === undefined ? await loci.reports.failedSessions({ limit, since, until, project }) : [];
    const items = [...sessions.map(sessionError), ...page.items.map(toolError)];
    return { items: items.sort((a, b) => (a.at < b.at ? 1 : -1)), next: page.next };
  },
});

function toolError(tool: ToolExecution): ErrorItem {
  return {
    sessionId: tool.sessionId,
    toolExecutionId: tool.id,
    toolName: tool.toolName,
    input: inputLine(tool.input),
    error: tool.error ?? tool.output ?? "",
    at: new Date(tool.startedAt).toISOString(),
  };
}

function sessionError(session: Session): ErrorItem {
  return {
    sessionId: session.id,
    toolExecutionId: null,
    toolName: null,
    input: "",
    error: session.errorMessage ?? "The session ended in an error.",
    at: new Date(session.updatedAt).toISOString(),
  };
}
