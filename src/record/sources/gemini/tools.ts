import type { Happening } from "../../../model/happening.ts";
import type { ToolStatus } from "../../../model/tool-execution.ts";
import { stableId } from "../../../model/id.ts";
import { isDeeperThan, type JsonObject, momentOf, objectOf, textOf } from "../claude-code/line.ts";
import type { GeminiState } from "./state.ts";

const deepest = 200;
const statuses: ReadonlyMap<unknown, ToolStatus> = new Map([
  ["success", "completed"],
  ["error", "error"],
  ["cancelled", "error"],
]);

/** The calls of an answer; said again with their results, they are the same calls. */
export function geminiTools(
  state: GeminiState,
  record: JsonObject,
  place: { readonly at: number; readonly messageId: string },
): Happening[] {
  const calls = Array.isArray(record["toolCalls"]) ? record["toolCalls"] : [];
  return calls.flatMap((value, number) => {
    const call = objectOf(value);
    return call === undefined ? [] : [toolOf(state, call, { ...place, number })];
  });
}

function toolOf(
  state: GeminiState,
  call: JsonObject,
  { at, messageId, number }: { readonly at: number; readonly messageId: string; readonly number: number },
): Happening {
  const callId = textOf(call["id"]) ?? `${messageId}:${number}`;
  const status = statuses.get(call["status"]) ?? "running";
  const ended = Math.max(at, momentOf(call["timestamp"]) ?? at);
  const said = resultOf(call);
  const failed = status === "error";
  const deep = isDeeperThan(call["args"], deepest);
  const agent = textOf(call["agentId"]);
  const metadata = {
    ...(call["status"] === "cancelled" ? { cancelled: true } : {}),
    ...(agent === undefined ? {} : { childSessionId: agent }),
    ...(deep ? { inputTooDeep: true } : {}),
  };
  return {
    kind: "toolExecution",
    id: stableId(at, state.sessionId, "tool", callId),
    sessionId: state.sessionId,
    messageId,
    toolName: textOf(call["name"]) ?? "unknown",
    status,
    input: deep ? null : (call["args"] ?? null),
    ...(status === "running"
      ? {}
      : { output: failed ? null : said, error: failed ? said : null, endedAt: ended }),
    startedAt: at,
    callId,
    agentId: state.agentId,
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
  };
}

/** What the model was told: `output` or `error` of the function's response; else what the person saw. */
function resultOf(call: JsonObject): string {
  const parts = Array.isArray(call["result"]) ? call["result"] : [call["result"]];
  const texts = parts.flatMap((part) => {
    const response = objectOf(objectOf(objectOf(part)?.["functionResponse"])?.["response"]);
    if (response === undefined) return textOf(objectOf(part)?.["text"]) ?? [];
    return textOf(response["error"]) ?? textOf(response["output"]) ?? JSON.stringify(response);
  });
  return texts.length > 0 ? texts.join("\n") : (textOf(call["resultDisplay"]) ?? "");
}
