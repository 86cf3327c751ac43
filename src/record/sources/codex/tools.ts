import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { isDeeperThan, type JsonObject, objectOf, own, textOf } from "../claude-code/line.ts";
import { keepNewest } from "../claude-code/state.ts";
import { durationOf, partsOf } from "./line.ts";
import type { CodexState, CodexTool } from "./state.ts";

/** Deeper input than this is left to the raw line: engines and doors walk values recursively. */
const deepest = 200;
const remembered = 200;

interface Place {
  readonly at: number;
  readonly messageId: string;
}

const names: Readonly<Record<string, string>> = {
  local_shell_call: "local_shell",
  web_search_call: "web_search",
  tool_search_call: "tool_search",
  image_generation_call: "image_generation",
};

/** Calls that the model's own server ran: there is no line of their result. */
const answeredAtOnce: ReadonlySet<string> = new Set(["web_search_call", "image_generation_call"]);

export function isCall(type: string): boolean {
  return type === "function_call" || type === "custom_tool_call" || Object.hasOwn(names, type);
}

export function isOutput(type: string): boolean {
  return type.endsWith("_call_output") || type === "tool_search_output";
}

export function toolCalled(state: CodexState, item: JsonObject, { at, messageId }: Place): Happening {
  const type = textOf(item["type"]) ?? "unknown";
  const callId = textOf(item["call_id"]) ?? textOf(item["id"]) ?? messageId;
  const space = textOf(item["namespace"]);
  const name = textOf(item["name"]) ?? own(names, type) ?? type;
  const known = own(state.tools, callId);
  const tool: CodexTool = known ?? {
    id: toolId(state, at, callId),
    at,
    name: space === undefined ? name : `${space}.${name}`,
  };
  const input = inputOf(item);
  const deep = isDeeperThan(input, deepest);
  const failed = item["status"] === "failed";
  const ended = answeredAtOnce.has(type);
  state.tools[callId] = ended ? { ...tool, answeredAt: at } : tool;
  if (known === undefined) keepNewest(state.tools, remembered);
  return {
    kind: "toolExecution",
    id: tool.id,
    sessionId: state.sessionId,
    messageId,
    toolName: tool.name,
    status: ended ? (failed ? "error" : "completed") : "running",
    input: deep ? null : input,
    startedAt: tool.at,
    ...(ended ? { endedAt: at } : {}),
    callId,
    agentId: state.agentId,
    ...(deep ? { metadata: { inputTooDeep: true } } : {}),
  };
}

function toolId(state: CodexState, at: number, callId: string): string {
  return stableId(at, state.sessionId, "tool", callId);
}

/** Arguments are JSON in a text; a custom tool's input is any text. */
function inputOf(item: JsonObject): unknown {
  const given = item["arguments"] ?? item["input"] ?? item["action"] ?? null;
  if (typeof given !== "string") return given;
  try {
    const value: unknown = JSON.parse(given);
    return typeof value === "object" && value !== null ? value : given;
  } catch {
    return given;
  }
}

interface Answer {
  readonly text: string;
  readonly exitCode?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly failed?: boolean | undefined;
}

/** The result of a call, as the model got it. What an event before it told of the exit and the time counts too. */
export function toolAnswered(state: CodexState, item: JsonObject, { at, messageId }: Place): Happening {
  const callId = textOf(item["call_id"]) ?? textOf(item["id"]) ?? messageId;
  const known = own(state.tools, callId);
  const answer = answerOf(item["output"] ?? item["tools"]);
  const exitCode = known?.exitCode ?? answer.exitCode;
  const durationMs = known?.durationMs ?? answer.durationMs;
  const failed = known?.failed ?? answer.failed ?? (exitCode !== undefined && exitCode !== 0);
  const tool: CodexTool = {
    id: known?.id ?? toolId(state, at, callId),
    at: known?.at ?? at,
    name: known?.name ?? "unknown",
    answeredAt: at,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(durationMs === undefined ? {} : { durationMs }),
    failed,
  };
  // The newest stand last: what is told of it later comes soon.
  delete state.tools[callId];
  state.tools[callId] = tool;
  keepNewest(state.tools, remembered);
  return {
    kind: "toolExecution",
    ...ended(state, callId, tool),
    ...(known === undefined ? { messageId: null } : {}),
    resultMessageId: messageId,
    output: failed ? null : answer.text,
    error: failed ? answer.text : null,
  };
}

function ended(
  state: CodexState,
  callId: string,
  tool: CodexTool,
): Omit<Extract<Happening, { kind: "toolExecution" }>, "kind"> & { readonly id: string } {
  const { id, at, name, answeredAt = at, exitCode, durationMs, failed = false } = tool;
  return {
    id,
    sessionId: state.sessionId,
    toolName: name,
    status: failed ? "error" : "completed",
    startedAt: at,
    endedAt: Math.max(at, answeredAt),
    ...(durationMs === undefined ? {} : { durationMs }),
    callId,
    agentId: state.agentId,
    ...(exitCode === undefined ? {} : { metadata: { exitCode } }),
  };
}

/** An output is a text, parts, or `{content, success}`; the text of older versions is JSON with an exit code. */
function answerOf(output: unknown): Answer {
  const body = objectOf(output);
  if (body !== undefined) {
    const { text } = answerOf(body["content"] ?? JSON.stringify(body));
    return { text, failed: body["success"] === false ? true : undefined };
  }
  const { text, blocks } = partsOf(output);
  const said = [text, ...blocks.map((block) => `[${block}]`)].filter((part) => part !== null).join("\n");
  return said.startsWith('{"output":')
    ? (jsonAnswer(said) ?? { text: said })
    : { text: said, ...headOf(said) };
}

function jsonAnswer(said: string): Answer | undefined {
  try {
    const value = objectOf(JSON.parse(said));
    const metadata = objectOf(value?.["metadata"]);
    const [exit, seconds] = [metadata?.["exit_code"], metadata?.["duration_seconds"]];
    if (typeof value?.["output"] !== "string") return undefined;
    return {
      text: value["output"],
      exitCode: typeof exit === "number" ? exit : undefined,
      durationMs: typeof seconds === "number" && seconds >= 0 ? Math.round(seconds * 1_000) : undefined,
    };
  } catch {
    return undefined;
  }
}

/** What stands above the output of a command: its exit code and how long it took. */
function headOf(said: string): Omit<Answer, "text"> {
  const head = said.slice(0, 400).split("\nOutput:")[0] ?? "";
  const exit = /^(?:Exit code: |Process exited with code )(-?\d+)$/m.exec(head)?.[1];
  const seconds = /^Wall time: ([\d.]+) seconds$/m.exec(head)?.[1];
  return {
    exitCode: exit === undefined ? undefined : Number(exit),
    durationMs: exit === undefined || seconds === undefined ? undefined : Math.round(Number(seconds) * 1_000),
  };
}

const endEvents: ReadonlySet<string> = new Set(["exec_command_end", "mcp_tool_call_end", "patch_apply_end"]);
const endItems: ReadonlySet<string> = new Set(["CommandExecution", "McpToolCall", "FileChange"]);

/** What events tell of the end of a call: how long it took, how it went. They come before its result, or behind. */
export function toolTold(state: CodexState, payload: JsonObject, at: number): Happening[] {
  const item = payload["type"] === "item_completed" ? objectOf(payload["item"]) : payload;
  const type = textOf(item?.["type"]) ?? "";
  if (item === undefined || !(endEvents.has(type) || endItems.has(type))) return [];
  const callId = textOf(item["call_id"]) ?? textOf(item["id"]);
  if (callId === undefined) return [];
  const exit = item["exit_code"];
  const durationMs = durationOf(item["duration"]);
  const told = {
    ...(typeof exit === "number" ? { exitCode: exit } : {}),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(hasFailed(item) === undefined ? {} : { failed: hasFailed(item) === true }),
  };
  const known = own(state.tools, callId);
  if (known === undefined) return typedByPerson(state, item, { callId, told, at });
  const tool: CodexTool = { ...known, ...told };
  state.tools[callId] = tool;
  // With its result; where that came before, what is told now changes how it went and how long it took.
  return tool.answeredAt === undefined ? [] : [{ kind: "toolExecution", ...ended(state, callId, tool) }];
}

function hasFailed(item: JsonObject): boolean | undefined {
  const exit = item["exit_code"];
  if (typeof exit === "number") return exit !== 0;
  if (typeof item["success"] === "boolean") return !item["success"];
  const result = objectOf(item["result"]);
  if (result !== undefined && ("Err" in result || objectOf(result["Ok"])?.["isError"] === true)) return true;
  return item["status"] === "failed" || item["status"] === "declined" ? true : undefined;
}

/** A command that no model asked for: the person ran it. */
function typedByPerson(
  state: CodexState,
  item: JsonObject,
  { callId, told, at }: { readonly callId: string; readonly told: Partial<CodexTool>; readonly at: number },
): Happening[] {
  const { command } = item;
  if (command === undefined) return [];
  const startedAt = Math.max(0, at - (told.durationMs ?? 0));
  const tool: CodexTool = {
    ...told,
    id: toolId(state, at, callId),
    at: startedAt,
    name: "shell",
    answeredAt: at,
  };
  state.tools[callId] = tool;
  keepNewest(state.tools, remembered);
  const said = textOf(item["aggregated_output"]) ?? textOf(item["stdout"]) ?? "";
  const failed = tool.failed === true;
  return [
    {
      kind: "toolExecution",
      ...ended(state, callId, tool),
      input: { command },
      output: failed ? null : said,
      error: failed ? said : null,
      messageId: null,
    },
  ];
}

/** The turn is over: a call without a result gets none any more. One that comes late all the same counts. */
export function closeOpenTools(state: CodexState, at: number): Happening[] {
  const closed: Happening[] = [];
  for (const [callId, tool] of Object.entries(state.tools)) {
    if (tool.closed === true || tool.answeredAt !== undefined) continue;
    state.tools[callId] = { ...tool, closed: true };
    closed.push({
      kind: "toolExecution",
      id: tool.id,
      sessionId: state.sessionId,
      toolName: tool.name,
      status: "error",
      error: "No result was recorded.",
      startedAt: tool.at,
      endedAt: Math.max(tool.at, at),
      callId,
    });
  }
  return closed;
}
