import type { ImportAnswer } from "../../../operations/import.ts";
import { type AnyView, view } from "../output.ts";
import { counted, grouped } from "../people.ts";

type Count = readonly [name: string, count: number];

function countsOf({ problems: _, sources, ...counts }: ImportAnswer): Count[] {
  return [
    ...sources.map(({ source, files }): Count => [`${source} files`, files]),
    ...Object.entries(counts),
  ];
}

export const importView: AnyView = view<ImportAnswer, Count>({
  rows: countsOf,
  columns: () => [],
  fields: () => [
    { name: "what", value: ([name]) => name },
    { name: "count", value: ([, count]) => count },
  ],
  record: ([name, count]) => ({ what: name, count }),
  draw: (answer) => [
    ...answer.sources.map(
      ({ source, where, files }) =>
        `${source}: ${files === 0 ? "nothing" : counted(files, "file")} in ${where.join(", ")}`,
    ),
    `${counted(answer.files, "file")}: ${counted(answer.sessions, "session")}, ${counted(answer.messages, "message")}, ${counted(answer.toolExecutions, "tool call")}, ${counted(answer.modelCalls, "model call")}${answer.remembered === 0 ? "" : `, ${grouped(answer.remembered)} remembered`}`,
    ...(answer.unreadable === 0
      ? []
      : [
          `${grouped(answer.unreadable)} of ${counted(answer.lines, "line")} could not be read; they are kept as they are`,
        ]),
  ],
  warnings: ({ problems }) => [
    ...problems
      .slice(0, 10)
      .map(({ path, line, problem }) => `${path}${line === null ? "" : `:${line}`}: ${problem}`),
    ...(problems.length > 10
      ? [`and ${counted(problems.length - 10, "problem")} more: --json lists them`]
      : []),
  ],
  hints: ({ sessions }, { command }) => (sessions === 0 ? [] : [`see them: ${command} ls`]),
});
