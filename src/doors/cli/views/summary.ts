import type { SummaryAnswer, SummaryItem } from "../../../operations/summary.ts";
import { type AnyView, view } from "../output.ts";
import { bar, counted, localTime, money, percent, priceCommand, short } from "../people.ts";
import type { Screen } from "../screen.ts";
import { type Column, drawTable } from "../table.ts";
import { displayWidth } from "../width.ts";
import { sessionColumns, sessionFields } from "./sessions.ts";

const columns: readonly Column<SummaryItem>[] = [
  ...sessionColumns<SummaryItem>({
    cost: ({ costUsd, costComplete, agents }) =>
      money(costUsd + agents.costUsd, costComplete && agents.costComplete),
  }),
].toSpliced(4, 0, { title: "AGENTS", cell: ({ agents }) => agents.count || "", align: "right", priority: 8 });

/** The last week in a line, a bar a day, and the newest sessions. */
export const summaryView: AnyView = view<SummaryAnswer, SummaryItem>({
  rows: (answer) => answer.items,
  columns: () => columns,
  fields: () => sessionFields,
  sessions: (answer) => answer.items.map(({ id }) => id),
  draw(answer, screen) {
    if (answer.items.length === 0) return [];
    const more =
      answer.more === 0 ? [] : [screen.tone(`…${answer.more} more: ${screen.command} ls --all`, "dim")];
    return [
      "",
      numbers(answer, screen),
      week(answer, screen),
      "",
      ...drawTable(columns, answer.items, screen),
      ...more,
    ];
  },
  hints({ items, unpriced }, screen) {
    const first = items[0];
    if (!first) return [];
    const id = screen.shortId(first.id);
    const missing = unpriced.map(
      ({ model }) => `no price for ${model}, so costs are lower bounds: ${priceCommand(model)}`,
    );
    const next = [
      [`${screen.command} search "words you remember"`, "find it again"],
      [`${screen.command} show ${id}`, "read a session"],
      [`${screen.command} cost --by model`, "where the money went"],
      [`${screen.command} cost --explain ${id}`, "what made that number"],
    ] as const;
    const width = Math.max(...next.map(([line]) => line.length));
    const explained = next.map(([line, does]) => `  ${line.padEnd(width)}   ${does}`);
    // A command that breaks in two cannot be pasted: in a narrow window it stands without its explanation.
    const fits = explained.every((line) => line.length <= screen.columns);
    return [...missing, "", ...(fits ? explained : next.map(([line]) => `  ${line}`))];
  },
});

function numbers(answer: SummaryAnswer, screen: Screen): string {
  const { period, sessions, tokens, costUsd, costComplete, toolCount, errorCount } = answer;
  const read = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  const title = period.past
    ? `7 DAYS TO ${localTime(Date.parse(period.until) - 1).slice(0, 10)}`
    : "LAST 7 DAYS";
  const facts = [
    money(costUsd, costComplete),
    counted(sessions, "session"),
    `${short(read + tokens.output)} tokens`,
    `cache hit ${percent(tokens.cacheRead, read)}`,
    `errors ${percent(errorCount, toolCount)}`,
  ];
  return fitted(screen.tone(title, "bold"), facts, screen.columns);
}

/** As many of the facts as there is room for. */
function fitted(title: string, facts: readonly string[], room: number): string {
  const width = (shown: readonly string[]): number =>
    displayWidth(`LAST 7 DAYS TO 2026-01-01   ${shown.join("   ")}`);
  let shown = facts;
  while (shown.length > 1 && width(shown) > room) shown = shown.slice(0, -1);
  return [title, ...shown].join("   ");
}

const names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

function week({ days }: SummaryAnswer, screen: Screen): string {
  const most = Math.max(...days.map(({ costUsd }) => costUsd));
  return days
    .map(({ day, costUsd }) => {
      const name = names[new Date(`${day}T12:00`).getDay()] ?? "";
      return `${screen.tone(name, "dim")} ${screen.tone(bar(costUsd, most).repeat(3), "green")}`;
    })
    .join("  ")
    .replace(/^/, "  ")
    .trimEnd();
}
