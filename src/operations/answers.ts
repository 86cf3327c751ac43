export { projectName } from "../domains/projects.ts";

import type { Message } from "../model/message.ts";
import type { ModelCall } from "../model/model-call.ts";
import type { Session } from "../model/session.ts";
import type { ToolExecution } from "../model/tool-execution.ts";
import { isoTime } from "./operation.ts";

/** The shapes of docs/SPEC.md, "Answers": what `--json` prints, and what the other doors will answer. */

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

export interface SessionItem {
  readonly id: string;
  readonly parentId: string | null;
  readonly agentType: string;
  readonly source: string;
  readonly projectPath: string | null;
  readonly title: string | null;
  readonly model: string | null;
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly messageCount: number;
  readonly toolCount: number;
  readonly errorCount: number;
  readonly tokens: Tokens;
  readonly costUsd: number;
  /** False while a call has no price: the cost is then a lower bound. */
  readonly costComplete: boolean;
  readonly updatedAt: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** What `--after` takes for the page behind this one; null where there is none. */
  readonly next: string | null;
}

export function sessionItem(session: Session): SessionItem {
  return {
    id: session.id,
    parentId: session.parentSessionId,
    agentType: session.agentType,
    source: session.source,
    projectPath: session.projectPath,
    title: session.title,
    model: session.model,
    status: session.status,
    startedAt: isoTime(session.startedAt),
    endedAt: isoTime(session.endedAt),
    messageCount: session.messageCount,
    toolCount: session.toolCount,
    errorCount: session.errorCount,
    tokens: tokensOf(session),
    costUsd: roundedUsd(session.costUsd),
    costComplete: session.costComplete,
    updatedAt: isoTime(session.updatedAt),
  };
}

export function tokensOf(
  row: Pick<Session, "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens">,
): Tokens {
  return {
    input: row.inputTokens,
    output: row.outputTokens,
    cacheRead: row.cacheReadTokens,
    cacheWrite: row.cacheWriteTokens,
  };
}

/** To a billionth of a dollar: sums of doubles carry digits beyond that which mean nothing. */
export function roundedUsd(usd: number): number {
  return Number(usd.toFixed(9));
}

export type SessionDetail = SessionItem & {
  readonly provider: string | null;
  readonly sourceId: string | null;
  readonly agentId: string | null;
  readonly gitBranch: string | null;
  readonly errorMessage: string | null;
  readonly metadata: unknown;
  readonly data: unknown;
};

export function sessionDetail(session: Session): SessionDetail {
  const { provider, sourceId, agentId, gitBranch, errorMessage, metadata, data } = session;
  return { ...sessionItem(session), provider, sourceId, agentId, gitBranch, errorMessage, metadata, data };
}

export type MessageItem = Omit<Message, "createdAt"> & { readonly createdAt: string };

export function messageItem(message: Message): MessageItem {
  return { ...message, createdAt: isoTime(message.createdAt) };
}

export type ToolItem = Omit<ToolExecution, "startedAt" | "endedAt"> & {
  readonly startedAt: string;
  readonly endedAt: string | null;
};

export function toolItem(tool: ToolExecution): ToolItem {
  return { ...tool, startedAt: isoTime(tool.startedAt), endedAt: isoTime(tool.endedAt) };
}

export interface CallItem {
  readonly id: string;
  readonly messageId: string | null;
  readonly model: string;
  readonly startedAt: string;
  readonly tokens: Tokens;
  readonly costUsd: number | null;
  readonly final: boolean;
  readonly estimated: boolean;
  readonly inherited: boolean;
  readonly metadata: unknown;
}

export function callItem(call: ModelCall): CallItem {
  const { id, messageId, model, costUsd, final, estimated, inherited, metadata } = call;
  return {
    id,
    messageId,
    model,
    startedAt: isoTime(call.startedAt),
    tokens: tokensOf(call),
    costUsd,
    final,
    estimated,
    inherited,
    metadata,
  };
}
