import type { Happening } from "../../../model/happening.ts";
import { stableId } from "../../../model/id.ts";
import { isDeeperThan, type JsonObject, momentOf, objectOf, textOf } from "../claude-code/line.ts";
import type { OpenCodeRow } from "./rows.ts";

const deepest = 200;

interface Place {
  readonly sessionId: string;
  readonly messageId: string;
  /** When the answer was made: for a call that has not begun. */
  readonly at: number;
  /** The answer is over: what has no result gets none any more. */
  readonly over: boolean;
}

/** A part of type `tool`: the call and its result in one, with its own times. */
export function openCodeTool(
  { id, data }: OpenCodeRow,
  { sessionId, messageId, at, over }: Place,
): Happening {
  const state = objectOf(data["state"]) ?? {};
  const time = objectOf(state["time"]);
  const startedAt = momentOf(time?.["start"]) ?? at;
  const status = statusOf(state, over);
  const deep = isDeeperThan(state["input"], deepest);
  const metadata = metadataOf(state, deep);
  const said = textOf(state["error"]) ?? textOf(state["output"]);
  const unanswered = status === "error" && said === undefined && state["status"] !== "completed";
  return {
    kind: "toolExecution",
    id: stableId(0, sessionId, "tool", id),
    sessionId,
    messageId,
    toolName: textOf(data["tool"]) ?? "unknown",
    status,
    input: deep ? null : (state["input"] ?? null),
    ...(status === "completed" ? { output: said ?? "", error: null } : {}),
    ...(status === "error"
      ? { output: null, error: unanswered ? "No result was recorded." : (said ?? "") }
      : {}),
    startedAt,
    ...(status === "running" ? {} : { endedAt: Math.max(startedAt, momentOf(time?.["end"]) ?? startedAt) }),
    callId: textOf(data["callID"]) ?? id,
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
  };
}

/** OpenCode calls a command that failed completed; its exit code says it. */
function statusOf(state: JsonObject, over: boolean): "running" | "completed" | "error" {
  if (state["status"] === "completed") return exitOf(state) === 0 ? "completed" : "error";
  if (state["status"] === "error") return "error";
  return over ? "error" : "running";
}

function exitOf(state: JsonObject): number {
  const exit = objectOf(state["metadata"])?.["exit"];
  return typeof exit === "number" ? exit : 0;
}

function metadataOf(state: JsonObject, deep: boolean): Record<string, unknown> {
  const given = objectOf(state["metadata"]);
  const child = textOf(given?.["sessionId"]);
  const exit = given?.["exit"];
  return {
    ...(typeof exit === "number" ? { exitCode: exit } : {}),
    // A command without an exit code was ended by somebody.
    ...(exit === null ? { interrupted: true } : {}),
    ...(child === undefined ? {} : { childSessionId: child }),
    ...(deep ? { inputTooDeep: true } : {}),
  };
}
