import {
  type MessageItem,
  type SessionDetail,
  type ToolItem,
  projectName,
} from "../../../operations/answers.ts";
import { inputLine, type SessionAnswer } from "../../../operations/sessions.ts";
import { type AnyView, view } from "../output.ts";
import { counted, duration, localTime, modelName, money, short, when } from "../people.ts";
import { safeLine, safeText } from "../safe.ts";
import type { Screen } from "../screen.ts";
import { displayWidth, truncate, wrap } from "../width.ts";
import { stateMark, stateTone } from "./sessions.ts";

/** Without `--full`: so many lines of a message and of a tool's answer, and so many messages at both ends. */
const messageLines = 12;
const toolLines = 4;
const ends = 30;

export const showView: AnyView = view<SessionAnswer, MessageItem>({
  rows: (answer) => answer.messages,
  columns: () => [],
  fields: () => [
    { name: "sequence", value: (row) => row.sequence },
    { name: "role", value: (row) => row.role },
    { name: "createdAt", value: (row) => row.createdAt },
    { name: "messageId", value: (row) => row.id },
    { name: "model", value: (row) => row.model },
    { name: "content", value: (row) => row.content },
  ],
  sessions: ({ session }) => [session.id, ...(session.parentId === null ? [] : [session.parentId])],
  draw(answer, screen) {
    const groups = withTools(answer);
    const lines = heading(answer.session, screen);
    const hidden = screen.full ? 0 : Math.max(0, groups.length - 2 * ends);
    for (const [at, group] of groups.entries()) {
      if (hidden > 0 && at === ends) {
        lines.push("", screen.tone(`… ${counted(hidden, "message")} between: --full shows all`, "yellow"));
      }
      if (hidden === 0 || at < ends || at >= ends + hidden) lines.push(...drawGroup(group, screen));
    }
    return lines;
  },
  hints({ session, toolExecutions }, screen) {
    const failed = toolExecutions.find(({ status, messageId }) => status === "error" && messageId !== null);
    return failed && session.errorCount > 0
      ? [
          `${counted(session.errorCount, "error")} in this session; its cost, call by call: ${screen.command} cost --explain ${screen.shortId(session.id)}`,
        ]
      : [];
  },
});

interface Group {
  readonly message: MessageItem;
  readonly tools: readonly ToolItem[];
}

/** Each message with the tools it called. Messages that only brought a result say nothing more. */
function withTools({ messages, toolExecutions }: SessionAnswer): readonly Group[] {
  const byMessage = new Map<string, ToolItem[]>();
  const shown = new Set(messages.map(({ id }) => id));
  for (const tool of toolExecutions) {
    const here = [tool.messageId, tool.resultMessageId].find((id) => id !== null && shown.has(id));
    const owner = here ?? lastBefore(messages, tool.startedAt)?.id ?? "";
    const tools = byMessage.get(owner);
    if (tools) tools.push(tool);
    else byMessage.set(owner, [tool]);
  }
  return messages
    .map((message) => ({ message, tools: byMessage.get(message.id) ?? [] }))
    .filter(({ message, tools }) => tools.length > 0 || (message.content ?? message.toolOutput ?? "") !== "");
}

function lastBefore(messages: readonly MessageItem[], at: string): MessageItem | undefined {
  return messages.findLast(({ createdAt }) => createdAt <= at) ?? messages[0];
}

function heading(session: SessionDetail, screen: Screen): string[] {
  const mark = stateMark(session.status);
  const tone = stateTone(session.status);
  const title = wrap(safeLine(session.title ?? "(no title)"), { cells: screen.columns - 2, lines: 3 });
  const begun = Date.parse(session.startedAt);
  const spent = Date.parse(session.endedAt ?? session.updatedAt) - begun;
  const { input, output, cacheRead, cacheWrite } = session.tokens;
  const facts = [
    projectName(session.projectPath),
    session.gitBranch,
    session.agentType,
    modelName(session.model),
    `${when(begun, screen.now)}, for ${duration(Math.max(0, spent))}`,
  ];
  const counts = [
    counted(session.messageCount, "message"),
    counted(session.toolCount, "tool call"),
    session.errorCount > 0 ? counted(session.errorCount, "error") : "",
    `${short(input + output + cacheRead + cacheWrite)} tokens`,
    money(session.costUsd, session.costComplete),
  ];
  const lines = [
    ...title.map((line, at) => {
      return `${at === 0 && mark && tone ? `${screen.tone(mark, tone)} ` : ""}${screen.tone(line, "bold")}`;
    }),
    joined(facts),
    joined(counts),
    screen.tone(safeLine(session.id), "dim"),
  ];
  if (session.parentId !== null)
    lines.push(screen.tone(`sub-agent of ${screen.shortId(session.parentId)}`, "dim"));
  if (session.errorMessage !== null) lines.push(screen.tone(safeLine(session.errorMessage), "red"));
  return lines;
}

function joined(facts: ReadonlyArray<string | null>): string {
  return facts
    .filter((fact) => fact !== null && fact !== "")
    .map((fact) => safeLine(fact ?? ""))
    .join(" · ");
}

function drawGroup({ message, tools }: Group, screen: Screen): string[] {
  const tone = message.role === "user" ? "green" : message.role === "assistant" ? "cyan" : "dim";
  const at = localTime(Date.parse(message.createdAt));
  const head = `#${message.sequence} ${safeLine(message.role)}`;
  const lines = ["", `${screen.tone(head, tone, "bold")} ${screen.tone(at, "dim")}`];
  const text = message.content ?? message.toolOutput ?? "";
  if (text !== "") lines.push(...cut(text, { most: messageLines, indent: 0 }, screen));
  for (const tool of tools) lines.push(...drawTool(tool, screen));
  return lines;
}

function drawTool(tool: ToolItem, screen: Screen): string[] {
  const failed = tool.status === "error";
  const mark = failed ? "✗" : tool.status === "running" ? "●" : "✓";
  const spent = tool.durationMs === null ? "" : ` ${duration(tool.durationMs)}`;
  const head = `  ${mark} ${safeLine(tool.toolName)}${spent}  `;
  const input = safeLine(inputLine(tool.input));
  const room = Math.max(20, screen.columns - head.length);
  const lines = [
    screen.tone(head, failed ? "red" : "yellow") + (screen.full ? input : truncate(input, room)),
  ];
  const result = tool.error ?? tool.output ?? "";
  if (result === "") return lines;
  const tone = failed ? "red" : "dim";
  return [
    ...lines,
    ...cut(result, { most: toolLines, indent: 4 }, screen).map((line) => screen.tone(`    ${line}`, tone)),
  ];
}

interface Cut {
  readonly most: number;
  readonly indent: number;
}

/** The first lines of a text, safe for the terminal; all of it where the whole is wanted. */
function cut(text: string, { most, indent }: Cut, screen: Screen): string[] {
  const room = screen.columns - indent;
  const whole = safeText(text).replace(/\s+$/, "");
  const lines = whole.split("\n");
  if (screen.full) return lines;
  const kept = lines
    .slice(0, most)
    .flatMap((line) => (displayWidth(line) > room ? wrap(line, { cells: room, lines: most }) : [line]));
  const left = lines.length - kept.length;
  return left > 0 ? [...kept, screen.tone(`… ${counted(left, "line")} more: --full`, "yellow")] : kept;
}
