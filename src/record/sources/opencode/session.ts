import type { Happening } from "../../../model/happening.ts";
import { type JsonObject, momentOf, objectOf, parseLine, textOf } from "../claude-code/line.ts";
import { titleOf } from "../claude-code/title.ts";
import type { OpenCodeMessage, OpenCodeSession } from "./rows.ts";

type SessionHappening = Extract<Happening, { kind: "session" }>;

/** The session's own row, and what its last answer says of its end. */
export function openCodeSession(sessionId: string, { row, messages }: OpenCodeSession): SessionHappening {
  const model = objectOf(parseLine(textOf(row["model"]) ?? ""));
  const startedAt = momentOf(row["time_created"]) ?? 0;
  const parent = textOf(row["parent_id"]);
  const agent = textOf(row["agent"]);
  const version = textOf(row["version"]);
  const last = messages.at(-1);
  const forked = messages.some(({ at }) => at < startedAt);
  const metadata = {
    ...(version === undefined ? {} : { version }),
    ...(agent === undefined ? {} : { agent }),
    ...(forked ? { forked: true } : {}),
  };
  return {
    kind: "session",
    id: sessionId,
    agentType: parent === undefined ? "opencode" : (agent ?? "subagent"),
    model: textOf(model?.["id"]) ?? textOf(last?.data["modelID"]) ?? null,
    provider: textOf(model?.["providerID"]) ?? textOf(last?.data["providerID"]) ?? null,
    startedAt,
    endedAt: Math.max(startedAt, momentOf(row["time_updated"]) ?? startedAt),
    ...statusOf(last),
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
    projectPath: textOf(row["directory"]) ?? null,
    title: named(textOf(row["title"])) ?? promptOf(messages),
    source: "opencode",
    sourceId: null,
    agentId: parent === undefined ? null : (agent ?? null),
    // One that nobody of OpenCode's started may stand below a session of the program that drives it.
    ...(parent === undefined ? {} : { parentSessionId: parent }),
    gitBranch: null,
  };
}

/** Until a title is made, OpenCode puts the moment in its place. */
function named(title: string | undefined): string | undefined {
  return title === undefined || /^(New|Child) session - \d{4}-/.test(title) ? undefined : titleOf(title);
}

function promptOf(messages: readonly OpenCodeMessage[]): string | null {
  for (const { data, parts } of messages) {
    if (data["role"] !== "user") continue;
    for (const part of parts) {
      if (part.data["type"] !== "text" || part.data["synthetic"] === true) continue;
      const title = titleOf(textOf(part.data["text"]) ?? "");
      if (title !== undefined) return title;
    }
  }
  return null;
}

/** An answer that is neither completed nor failed was cut off, or is being given. */
function statusOf(last: OpenCodeMessage | undefined): Pick<SessionHappening, "status" | "errorMessage"> {
  if (last?.data["role"] !== "assistant") return { status: "completed", errorMessage: null };
  const error = objectOf(last.data["error"]);
  if (error !== undefined) {
    const aborted = error["name"] === "MessageAbortedError";
    return { status: aborted ? "interrupted" : "error", errorMessage: errorText(error) };
  }
  if (isOver(last.data)) return { status: "completed", errorMessage: null };
  return { status: "interrupted", errorMessage: "The answer was not finished." };
}

export function errorText(error: JsonObject): string {
  return textOf(objectOf(error["data"])?.["message"]) ?? textOf(error["name"]) ?? "The answer failed.";
}

/** Nothing more comes of this answer. */
export function isOver(data: JsonObject): boolean {
  return (
    momentOf(objectOf(data["time"])?.["completed"]) !== undefined || objectOf(data["error"]) !== undefined
  );
}
