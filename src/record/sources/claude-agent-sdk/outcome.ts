import type { SessionStatus } from "../../../model/session.ts";
import { countOf, type JsonObject, objectOf, textOf } from "../claude-code/line.ts";

/** How a run ended, as far as it said. */
export interface Outcome {
  readonly at: number;
  readonly status: SessionStatus;
  readonly errorMessage: string | null;
}

/** By what happened, never by the subtype: an error of the model's server is called a success. */
export function outcomeOf(result: JsonObject, at: number): Outcome {
  const reason = textOf(result["terminal_reason"]) ?? "";
  const subtype = textOf(result["subtype"]) ?? "";
  const said = Array.isArray(result["errors"])
    ? result["errors"].flatMap((error) => textOf(error) ?? [])
    : [];
  if (reason.startsWith("aborted")) {
    return { at, status: "interrupted", errorMessage: "The user interrupted the request." };
  }
  if (result["is_error"] !== true && subtype === "success") {
    return { at, status: "completed", errorMessage: null };
  }
  const told = textOf(result["result"]) ?? said[0] ?? reason;
  return { at, status: "error", errorMessage: told === "" ? `The run ended with ${subtype}.` : told };
}

/** The same as a sentence. */
export function resultText(result: JsonObject, { status, errorMessage }: Outcome): string {
  const turns = countOf(result["num_turns"]);
  const cost = Number(result["total_cost_usd"]);
  const facts = [
    `${turns} ${turns === 1 ? "turn" : "turns"}`,
    ...(Number.isFinite(cost) ? [`${cost.toFixed(4)} USD so far`] : []),
    `${(countOf(result["duration_ms"]) / 1000).toFixed(1)} s`,
  ];
  const how = errorMessage === null ? status : `${status}: ${errorMessage}`;
  return `The run ended (${how}) after ${facts.join(", ")}.`;
}

/** What a list of runs is asked for; the raw line has the rest. */
export function resultMetadata(result: JsonObject): JsonObject {
  const denials = Array.isArray(result["permission_denials"]) ? result["permission_denials"] : [];
  return {
    subtype: "result",
    result: textOf(result["subtype"]) ?? null,
    isError: result["is_error"] === true,
    terminalReason: textOf(result["terminal_reason"]) ?? null,
    apiErrorStatus: result["api_error_status"] ?? null,
    turns: countOf(result["num_turns"]),
    durationMs: countOf(result["duration_ms"]),
    apiDurationMs: countOf(result["duration_api_ms"]),
    totalCostUsd: result["total_cost_usd"] ?? null,
    modelUsage: result["modelUsage"] ?? null,
    ...(denials.length === 0
      ? {}
      : {
          denials: denials.flatMap((denial) => {
            const given = objectOf(denial);
            return given === undefined
              ? []
              : [{ tool: given["tool_name"] ?? null, callId: given["tool_use_id"] ?? null }];
          }),
        }),
  };
}

/** What the stream says beside the conversation, as a sentence; undefined where only the raw line is kept. */
export function noticeText(message: JsonObject): string | undefined {
  const subtype = textOf(message["subtype"]);
  if (subtype === "api_retry") {
    const status = message["error_status"] ?? "no answer";
    const tries = `try ${countOf(message["attempt"])} of ${countOf(message["max_retries"])}`;
    return `The model's server did not answer well (${String(status)}): ${tries}, after ${countOf(message["retry_delay_ms"])} ms.`;
  }
  if (subtype === "permission_denied") {
    const why = textOf(message["decision_reason"]) ?? textOf(message["message"]);
    return `${textOf(message["tool_name"]) ?? "A tool"} was denied${why === undefined ? "" : `: ${why}`}.`;
  }
  if (subtype === "task_notification") {
    const summary = textOf(message["summary"]);
    const status = textOf(message["status"]) ?? "ended";
    return `A task ${status}${summary === undefined ? "." : `: ${summary}`}`;
  }
  if (subtype === "mirror_error" || subtype === "session_writes_lost") {
    return `The SDK could not give lines to the session store: ${textOf(message["error"]) ?? subtype}.`;
  }
  return undefined;
}

/** What is kept beside such a sentence. */
export function noticeMetadata(message: JsonObject): JsonObject {
  const { type: _, uuid: __, session_id: ___, ...rest } = message;
  return rest;
}
