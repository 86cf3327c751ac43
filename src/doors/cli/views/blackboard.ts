import type { BoardAnswer, BoardItem, VersionItem, VoteAnswer } from "../../../operations/blackboard.ts";
import { type AnyView, view } from "../output.ts";
import { counted, when } from "../people.ts";
import { safeLine } from "../safe.ts";
import { jsonBlock, jsonLine } from "./memory.ts";

type Row = BoardItem | VersionItem;

const momentOf = (row: Row): string => ("at" in row ? row.at : row.updatedAt);
const keyOf = (row: Row): string => ("key" in row ? row.key : "");

export const boardView: AnyView = view<BoardAnswer, Row>({
  rows: (answer) => answer.items,
  columns: () => [
    { title: "KEY", cell: keyOf, most: 30 },
    { title: "VERSION", cell: (row) => row.version, align: "right" },
    {
      title: "VALUE",
      cell: (row) => ("removed" in row && row.removed ? "(taken away)" : jsonLine(row.value)),
      flexible: 20,
    },
    { title: "BY", cell: (row) => row.agentId, most: 20, priority: 2 },
    { title: "WHEN", cell: (row, { now }) => when(Date.parse(momentOf(row)), now), priority: 1 },
  ],
  fields: () => [
    { name: "key", value: keyOf },
    { name: "version", value: (row) => row.version },
    { name: "value", value: (row) => JSON.stringify(row.value) },
    { name: "agentId", value: (row) => row.agentId },
    { name: "at", value: momentOf },
  ],
  empty: () => "Nothing stands there. To write: loci swarm board SWARM KEY VALUE",
  hints: ({ items, next }) =>
    next === null ? [] : [`${counted(items.length, "value")}; more: --after ${next}`],
});

export const voteView: AnyView = view<VoteAnswer, readonly [choice: string, count: number]>({
  rows: ({ counts }) => Object.entries(counts),
  columns: () => [],
  fields: () => [
    { name: "choice", value: ([choice]) => choice },
    { name: "votes", value: ([, count]) => count },
  ],
  record: ([choice, votes]) => ({ choice, votes }),
  draw(answer, screen) {
    const { name, question, outcome, choice, counts, needed, voters, votes } = answer;
    const tone = outcome === "decided" ? "green" : outcome === "failed" ? "red" : "yellow";
    const said = outcome === "decided" ? `decided: ${choice}` : outcome;
    const missing = voters.filter((voter) => votes[voter] === undefined);
    return [
      `${screen.tone(safeLine(name), "bold")}  ${screen.tone(safeLine(said), tone)}`,
      ...jsonBlock(question),
      ...Object.entries(counts).map(([one, count]) => `  ${safeLine(one)}  ${count} of ${needed}`),
      ...(outcome === "open" && missing.length > 0
        ? [screen.tone(safeLine(`not voted yet: ${missing.join(", ")}`), "dim")]
        : []),
    ];
  },
});
