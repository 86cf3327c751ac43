import { type JsonObject, objectOf, textOf } from "../claude-code/line.ts";

interface Place {
  readonly sessionId: string;
  readonly cwd: string | null;
  readonly version: string | null;
}

/**
 * The line of the transcript that a message of the stream stands for, with the same uuid and moment; undefined where it
 * stands for none. Its use of tokens is the one at the answer's start: what is missing comes with the result.
 */
export function transcriptLine(
  message: JsonObject,
  { sessionId, cwd, version }: Place,
): JsonObject | undefined {
  const type = message["subtype"] === "prompt" && message["type"] === "loci" ? "user" : message["type"];
  if (type !== "user" && type !== "assistant") return undefined;
  const agentId = textOf(message["agent_id"]);
  const denied = denialOf(message["tool_result_meta"]);
  return {
    type,
    uuid: message["uuid"],
    timestamp: message["timestamp"],
    sessionId,
    message: message["message"],
    requestId: message["request_id"],
    toolUseResult: message["tool_use_result"],
    ...(agentId === undefined ? {} : { isSidechain: true, agentId }),
    ...(cwd === null ? {} : { cwd }),
    ...(version === null ? {} : { version }),
    ...(message["error"] === undefined ? {} : { isApiErrorMessage: true, error: message["error"] }),
    ...(message["aborted"] === true ? { isAbortedMidStream: true } : {}),
    ...(message["isSynthetic"] === true ? { isMeta: true } : {}),
    ...(denied === undefined ? {} : { toolDenialKind: denied }),
  };
}

/** Who said that a tool must not run. */
function denialOf(meta: unknown): string | undefined {
  for (const item of Array.isArray(meta) ? meta : []) {
    const kind = textOf(objectOf(item)?.["non_execution_kind"]);
    if (kind !== undefined) return kind;
    const decision = objectOf(objectOf(item)?.["permission_decision"]);
    if (decision?.["decision"] === "deny") return textOf(decision["source"]) ?? "denied";
  }
  return undefined;
}
