import { projectName } from "../../../operations/answers.ts";
import type { SearchAnswer, SearchItem } from "../../../operations/search.ts";
import { type AnyView, view } from "../output.ts";
import { counted, when } from "../people.ts";
import { safeLine } from "../safe.ts";
import type { Screen } from "../screen.ts";
import { truncate, wrap } from "../width.ts";

/** Two or three lines a hit: where it is, and what was found there. */
export const searchView: AnyView = view<SearchAnswer, SearchItem>({
  rows: (answer) => answer.items,
  columns: () => [],
  fields: () =>
    (
      ["sessionId", "messageId", "sequence", "role", "toolName", "createdAt", "score", "snippet"] as const
    ).map((name) => ({ name, value: (row) => row[name] })),
  sessions: (answer) => answer.items.map(({ sessionId }) => sessionId),
  draw: ({ items, sessions }, screen) =>
    items.flatMap((item) => drawHit(item, sessions[item.sessionId], screen)),
  empty: ({ behind }) =>
    behind > 0
      ? `Nothing found yet: ${counted(behind, "message")} are still to be indexed. Ask again in a moment.`
      : "Nothing found. Fewer or other words find more; loci ls shows what is there.",
  hints({ items, next, behind, total }, { command, shortId }) {
    const first = items[0];
    if (!first) return [];
    const more = next === null ? "" : ` · more: --limit ${Math.min(500, items.length * 5)}`;
    return [
      `${counted(total, "hit")} · read one: ${command} show ${shortId(first.sessionId)}#${first.sequence}`,
      `narrow it: tool:Bash is:error after:7d${more}`,
      ...(behind > 0 ? [`${counted(behind, "message")} are not indexed yet`] : []),
    ];
  },
});

function drawHit(
  item: SearchItem,
  session: SearchAnswer["sessions"][string] | undefined,
  screen: Screen,
): string[] {
  const place = `${screen.shortId(item.sessionId)}#${item.sequence}`;
  const facts = [
    when(Date.parse(item.createdAt), screen.now),
    projectName(session?.projectPath ?? null),
    item.toolName ?? item.role,
    session?.title ?? "",
  ];
  const about = safeLine(facts.filter((fact) => fact !== "").join(" · "));
  const head = `${screen.tone(safeLine(place), "cyan")}  ${screen.tone(truncate(about, screen.columns - place.length - 2), "dim")}`;
  const text = wrap(safeLine(item.snippet), { cells: screen.columns - 4, lines: 2 });
  return [head, ...text.map((line) => `    ${marked(line, screen)}`)];
}

/** The words that were found, which stand in brackets. */
function marked(line: string, screen: Screen): string {
  return line.replace(/\[[^[\]]{1,80}\]/g, (word) => screen.tone(word, "yellow"));
}
