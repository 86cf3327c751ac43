import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { resultText } from "./content.ts";
import { isDeeperThan, type JsonObject, objectOf, own, type TranscriptLine, textOf } from "./line.ts";
import { keepNewest, type OpenTool, type ParserState } from "./state.ts";

/** Deeper input than this is left to the raw line: engines and doors walk values recursively. */
const deepest = 200;
const remembered = 200;

export interface Place {
  readonly at: number;
  readonly messageId: string;
}

function toolId(state: ParserState, at: number, callId: string): string {
  return stableId(at, state.sessionId, state.subpath, "tool", callId);
}

export function toolCalled(state: ParserState, block: JsonObject, { at, messageId }: Place): Happening {
  const input = objectOf(block["input"]);
  const callId = textOf(block["id"]) ?? messageId;
  const name = textOf(block["name"]) ?? "unknown";
  const known = own(state.tools, callId);
  const startsAgent = name === "Agent" || name === "Task";
  const tool: OpenTool = known ?? {
    id: toolId(state, at, callId),
    at,
    name,
    ...(startsAgent
      ? {
          agent: {
            type: textOf(input?.["subagent_type"]) ?? null,
            description: textOf(input?.["description"]) ?? null,
          },
        }
      : {}),
  };
  state.tools[callId] = tool;
  if (known === undefined) keepNewest(state.tools, remembered);
  const deep = isDeeperThan(block["input"], deepest);
  return {
    kind: "toolExecution",
    id: tool.id,
    sessionId: state.sessionId,
    messageId,
    toolName: name,
    status: "running",
    input: deep ? null : (block["input"] ?? null),
    startedAt: tool.at,
    callId,
    agentId: state.agentId,
    ...(deep ? { metadata: { inputTooDeep: true } } : {}),
  };
}

export function toolAnswered(
  state: ParserState,
  block: JsonObject,
  { line, at, messageId }: Place & { readonly line: TranscriptLine },
): Happening {
  const callId = textOf(block["tool_use_id"]) ?? messageId;
  const known = own(state.tools, callId);
  delete state.tools[callId];
  const failed = isFailure(block, line);
  const text = resultText(block["content"]);
  const started = known?.at ?? at;
  return {
    kind: "toolExecution",
    id: known?.id ?? toolId(state, at, callId),
    sessionId: state.sessionId,
    toolName: known?.name ?? "unknown",
    ...(known === undefined ? { messageId: null } : {}),
    resultMessageId: messageId,
    status: failed ? "error" : "completed",
    output: failed ? null : text,
    error: failed ? text : null,
    startedAt: started,
    endedAt: Math.max(started, at),
    callId,
    agentId: state.agentId,
    metadata: answerMetadata(state, line, known),
  };
}

function isFailure(block: JsonObject, line: TranscriptLine): boolean {
  if (typeof block["is_error"] === "boolean") return block["is_error"];
  const result = line.toolUseResult;
  if (textOf(objectOf(block["content"])?.["error_code"]) !== undefined) return true;
  return typeof result === "string" && result.startsWith("Error");
}

function answerMetadata(state: ParserState, line: TranscriptLine, known: OpenTool | undefined): unknown {
  const result = objectOf(line.toolUseResult);
  const agentId = known?.agent === undefined ? undefined : textOf(result?.["agentId"]);
  if (agentId !== undefined && known?.agent !== undefined) state.agents[agentId] = known.agent;
  const denied = textOf(line.toolDenialKind);
  const metadata = {
    ...(denied === undefined ? {} : { denied }),
    ...(result?.["interrupted"] === true ? { interrupted: true } : {}),
    ...(agentId === undefined
      ? {}
      : { childSessionId: `${state.parentSessionId ?? state.sessionId}/${agentId}` }),
  };
  return Object.keys(metadata).length === 0 ? null : metadata;
}

/**
 * The turn is over, so a call without a result gets none any more: it is an error. What was still running when the
 * file ends stays `running`. A result that comes late all the same replaces the error.
 */
export function closeOpenTools(state: ParserState, at: number): Happening[] {
  const closed: Happening[] = [];
  for (const [callId, tool] of Object.entries(state.tools)) {
    if (tool.closed === true) continue;
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
