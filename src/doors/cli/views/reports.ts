import { type Page, projectName } from "../../../operations/answers.ts";
import type { ExplainedCall } from "../../../operations/explain.ts";
import type {
  CostAnswer,
  CostItem,
  ErrorItem,
  ExplainAnswer,
  ToolCostAnswer,
} from "../../../operations/reports.ts";
import { type AnyView, view } from "../output.ts";
import {
  counted,
  duration,
  grouped,
  modelName,
  money,
  percent,
  priceCommand,
  short,
  when,
} from "../people.ts";
import type { Screen } from "../screen.ts";
import type { Column, Field } from "../table.ts";

type ToolRow = ToolCostAnswer["items"][number];

type CostRow =
  | { readonly kind: "cost"; readonly by: CostAnswer["by"]; readonly item: CostItem; readonly total: boolean }
  | { readonly kind: "tool"; readonly item: ToolRow }
  | { readonly kind: "call"; readonly item: ExplainedCall };

export const costView: AnyView = view<CostAnswer | ToolCostAnswer | ExplainAnswer, CostRow>({
  rows(answer) {
    if (answer.by === "tool") return answer.items.map((item) => ({ kind: "tool", item }));
    if (answer.by === "call") return answer.items.map((item) => ({ kind: "call", item }));
    return answer.items.map((item) => ({ kind: "cost", by: answer.by, item, total: false }));
  },
  columns: (answer) =>
    answer.by === "tool" ? toolColumns : answer.by === "call" ? callColumns : costColumns(answer),
  fields: (answer) => (answer.by === "tool" ? toolFields : answer.by === "call" ? callFields : costFields),
  record: (row) => row.item,
  sessions: (answer) => (answer.by === "call" ? [answer.sessionId] : []),
  empty: () => "Nothing was spent here. loci cost without flags shows all days.",
  hints(answer, screen) {
    if (answer.by === "tool") return [];
    if (answer.by === "call") {
      return explained(answer, screen);
    }
    const { total } = answer;
    const known = `total ${money(total.costUsd, total.costComplete)}, ${short(tokenSum(total))} tokens`;
    return [known, ...answer.unpriced.map(({ model }) => `no price for ${model}: ${priceCommand(model)}`)];
  },
});

/** The sum, how often the transcript says it, and the prices it was made with. */
function explained({ items, usageLines, total, prices, sessionId }: ExplainAnswer, screen: Screen): string[] {
  const copied = items.filter((item) => item.inherited).length;
  const calls = counted(total.calls, "call");
  const lines = [
    `${screen.shortId(sessionId)}: ${money(total.costUsd, total.costComplete)} in ${calls}`,
    usageLines === null
      ? ""
      : `${counted(usageLines, "line")} of the transcript report them; each call is counted once`,
    copied === 0 ? "" : `${copied} more were copied from another session and count there`,
  ];
  const rates = Object.entries(prices).map(([model, price]) => {
    if (price === null) return `no price for ${model}: ${priceCommand(model)}`;
    const { input, output, cacheRead, cacheWrite5m, cacheWrite1h, own } = price;
    return `${modelName(model)}${own ? " (your price)" : ""}: $${input} in, $${output} out, cache $${cacheRead} read, $${cacheWrite5m} written for 5 min, $${cacheWrite1h} for 1 h; for a million tokens`;
  });
  return [lines.filter(Boolean).join("; "), ...rates];
}

function tokenSum({ tokens }: CostItem): number {
  return tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
}

function costColumns({ by, items }: CostAnswer): readonly Column<CostRow>[] {
  const most = Math.max(...items.map(({ costUsd }) => costUsd), 0);
  const of = (row: CostRow): CostItem | undefined => (row.kind === "cost" ? row.item : undefined);
  const tokens = (title: string, name: keyof CostItem["tokens"], priority: number): Column<CostRow> => ({
    title,
    cell: (row) => short(of(row)?.tokens[name] ?? 0),
    align: "right",
    priority,
  });
  const name = (key: string): string =>
    by === "project" ? projectName(key) || "(no project)" : by === "model" ? modelName(key) : key;
  return [
    { title: by.toUpperCase(), cell: (row) => name(of(row)?.key ?? ""), flexible: 10, most: 40 },
    { title: "CALLS", cell: (row) => grouped(of(row)?.calls ?? 0), align: "right", priority: 3 },
    tokens("INPUT", "input", 5),
    tokens("CACHE READ", "cacheRead", 4),
    tokens("CACHE WRITE", "cacheWrite", 6),
    tokens("OUTPUT", "output", 5),
    {
      title: "COST",
      cell: (row) => money(of(row)?.costUsd ?? 0, of(row)?.costComplete),
      align: "right",
    },
    {
      title: "",
      cell: (row) => "█".repeat(most === 0 ? 0 : Math.round(((of(row)?.costUsd ?? 0) / most) * 20)),
      tone: () => "green",
      priority: 2,
      most: 20,
    },
  ];
}

const costFields: readonly Field<CostRow>[] = [
  { name: "key", value: (row) => (row.kind === "cost" ? row.item.key : "") },
  { name: "calls", value: (row) => (row.kind === "cost" ? row.item.calls : "") },
  ...(["input", "output", "cacheRead", "cacheWrite"] as const).map((name) => ({
    name: `${name}Tokens`,
    value: (row: CostRow) => (row.kind === "cost" ? row.item.tokens[name] : ""),
  })),
  { name: "costUsd", value: (row) => (row.kind === "cost" ? row.item.costUsd : "") },
  { name: "costComplete", value: (row) => (row.kind === "cost" ? row.item.costComplete : "") },
];

const tool = (row: CostRow): ToolRow | undefined => (row.kind === "tool" ? row.item : undefined);

const toolColumns: readonly Column<CostRow>[] = [
  { title: "TOOL", cell: (row) => tool(row)?.key, flexible: 10, most: 40 },
  { title: "CALLS", cell: (row) => grouped(tool(row)?.count ?? 0), align: "right" },
  { title: "ERRORS", cell: (row) => grouped(tool(row)?.errors ?? 0), align: "right" },
  {
    title: "FAILED",
    cell: (row) => percent(tool(row)?.errors ?? 0, tool(row)?.count ?? 0),
    align: "right",
    priority: 2,
  },
  { title: "MEAN", cell: (row) => time(tool(row)?.meanMs), align: "right", priority: 1 },
  { title: "LONGEST", cell: (row) => time(tool(row)?.maxMs), align: "right", priority: 3 },
];

function time(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "–" : duration(ms);
}

const toolFields: readonly Field<CostRow>[] = (["key", "count", "errors", "meanMs", "maxMs"] as const).map(
  (name) => ({ name, value: (row: CostRow) => tool(row)?.[name] }),
);

const call = (row: CostRow): ExplainedCall | undefined => (row.kind === "call" ? row.item : undefined);

const callColumns: readonly Column<CostRow>[] = [
  { title: "AT", cell: (row) => call(row)?.startedAt.replace("T", " ").slice(0, 19), priority: 3 },
  { title: "MODEL", cell: (row) => modelName(call(row)?.model ?? ""), flexible: 8, most: 24 },
  ...(["input", "cacheRead", "cacheWrite", "output"] as const).map((name) => ({
    title: { input: "INPUT", cacheRead: "CACHE READ", cacheWrite: "CACHE WRITE", output: "OUTPUT" }[name],
    cell: (row: CostRow) => grouped(call(row)?.tokens[name] ?? 0),
    align: "right" as const,
    priority: name === "cacheWrite" ? 2 : 1,
  })),
  { title: "COST", cell: (row) => callCost(call(row)), align: "right" },
  { title: "LINES", cell: (row) => linesOf(call(row)), priority: 4, most: 24 },
  { title: "", cell: (row) => callMarks(call(row)), tone: () => "yellow" },
];

function callCost(item: ExplainedCall | undefined): string {
  if (!item) return "";
  return item.costUsd === null ? "no price" : money(item.costUsd);
}

/** `12-14 17`: the lines of the transcript that report the call. */
function linesOf(item: ExplainedCall | undefined): string {
  const runs: Array<[first: number, last: number]> = [];
  for (const line of item?.lines ?? []) {
    const run = runs.at(-1);
    if (run && line === run[1] + 1) run[1] = line;
    else runs.push([line, line]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");
}

function callMarks(item: ExplainedCall | undefined): string {
  const marks = [item?.inherited && "inherited, not counted", item?.estimated && "estimated"];
  return marks.filter(Boolean).join(", ");
}

const callFields: readonly Field<CostRow>[] = [
  ...(["id", "messageId", "model", "startedAt", "costUsd", "final", "estimated", "inherited"] as const).map(
    (name) => ({ name, value: (row: CostRow) => call(row)?.[name] }),
  ),
  ...(["input", "output", "cacheRead", "cacheWrite"] as const).map((name) => ({
    name: `${name}Tokens`,
    value: (row: CostRow) => call(row)?.tokens[name],
  })),
  { name: "lines", value: (row) => linesOf(call(row)) },
];

export const errorsView: AnyView = view<Page<ErrorItem>, ErrorItem>({
  rows: (answer) => answer.items,
  columns: () => [
    { title: "WHEN", cell: (row, { now }) => when(Date.parse(row.at), now), priority: 1 },
    { title: "TOOL", cell: (row) => row.toolName ?? "session", flexible: 6, most: 24 },
    { title: "ERROR", cell: (row) => row.error, tone: () => "red", flexible: 20, most: 90 },
    { title: "INPUT", cell: (row) => row.input, flexible: 12, most: 50, priority: 2 },
    { title: "ID", cell: (row, screen) => screen.shortId(row.sessionId), tone: () => "cyan" },
  ],
  fields: () =>
    (["sessionId", "toolExecutionId", "toolName", "input", "error", "at"] as const).map((name) => ({
      name,
      value: (row) => row[name],
    })),
  sessions: (answer) => answer.items.map(({ sessionId }) => sessionId),
  empty: () => "Nothing failed here.",
  hints: ({ items, next }, { command }) =>
    next === null ? [] : [`more: ${command} errors --limit ${Math.min(1000, items.length * 5)}`],
});
