import type { Message } from "../../model/message.ts";
import type { Session } from "../../model/session.ts";
import type { ToolExecution } from "../../model/tool-execution.ts";

export type DocumentKind = "message" | "tool";

/** What the index keeps of the session a document belongs to: the filters `project:` and `agent:` ask for these. */
export interface DocumentSession {
  readonly id: string;
  readonly projectPath: string | null;
  readonly agentType: string;
  readonly agentId: string | null;
}

/** One thing that is searched: what a message says, or one call of a tool with its input, output and error. */
export interface SearchDocument {
  /** The id of the row it was made from. The same id again replaces the document. */
  readonly id: string;
  readonly kind: DocumentKind;
  readonly session: DocumentSession;
  /** The message it is shown as: a tool execution belongs to the one with its result, else to the one that called. */
  readonly sequence: number;
  readonly role: string;
  readonly time: number;
  readonly toolName: string | null;
  readonly isError: boolean;
  readonly texts: readonly string[];
}

/** The texts inside a JSON value: what a tool was given, without the names of its first level. */
export function textOfJson(value: unknown, depth: number = 0): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === null || typeof value !== "object" || depth > 12) return "";
  if (Array.isArray(value)) return value.map((item) => textOfJson(item, depth + 1)).join("\n");
  return Object.entries(value)
    .map(([name, item]) => (depth === 0 ? "" : `${name} `) + textOfJson(item, depth + 1))
    .join("\n");
}

export function documentSession(session: Session): DocumentSession {
  const { id, projectPath, agentType, agentId } = session;
  return { id, projectPath, agentType, agentId };
}

/** The document of a message; undefined where it says nothing (its tools have their own). */
export function messageDocument(message: Message, session: DocumentSession): SearchDocument | undefined {
  const texts = [message.content ?? "", textOfJson(message.toolInput), message.toolOutput ?? ""].filter(
    (text) => text !== "",
  );
  if (texts.length === 0) return undefined;
  return {
    id: message.id,
    kind: "message",
    session,
    sequence: message.sequence,
    role: message.role,
    time: message.createdAt,
    toolName: message.toolName,
    isError: false,
    texts,
  };
}

/** The document of a tool execution; `shownAs` is the message that a finder is led to. */
export function toolDocument(
  execution: ToolExecution,
  shownAs: { readonly sequence: number; readonly role: string },
  session: DocumentSession,
): SearchDocument {
  return {
    id: execution.id,
    kind: "tool",
    session,
    sequence: shownAs.sequence,
    role: shownAs.role,
    time: execution.startedAt,
    toolName: execution.toolName,
    isError: execution.status === "error" || execution.error !== null,
    texts: toolTexts(execution),
  };
}

export function toolTexts(
  execution: Pick<ToolExecution, "toolName" | "input" | "output" | "error">,
): string[] {
  const { toolName, input, output, error } = execution;
  return [toolName, textOfJson(input), output ?? "", error ?? ""].filter((text) => text !== "");
}
