import { newId } from "../model/id.ts";
import type { ToolStatus } from "../model/tool-execution.ts";
import { getTursoClient, type TursoClient } from "./client.ts";

export interface SessionInfo {
  readonly id: string;
  readonly agentType: string;
  readonly model: string;
  readonly provider?: string;
  readonly metadata?: Record<string, unknown>;
}

export interface MessageInfo {
  readonly role: string;
  readonly content: string;
  readonly tokenCount?: number;
  readonly toolName?: string;
  readonly toolInput?: unknown;
  readonly toolOutput?: unknown;
}

export interface ToolExecutionInfo {
  readonly toolName: string;
  readonly status: ToolStatus;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  /** What the runtime calls this call: its start and its end are one row. Without it, the latest open one of that name. */
  readonly callId?: string;
  readonly messageId?: string;
  readonly durationMs?: number;
}

interface OpenCall {
  readonly id: string;
  readonly toolName: string;
  readonly callId: string | undefined;
  readonly startedAt: number;
  /** The same by the monotonic clock: the other one may jump back. */
  readonly started: number;
}

/** More calls than this at once, and the oldest are taken for forgotten. */
const openAtMost = 10_000;

/** Logs one session at a time. Every call returns at once; nothing it does can fail or hold up the agent. */
export class ConversationLogger {
  readonly #client: TursoClient | null;
  #sessionId: string | null = null;
  #open: OpenCall[] = [];

  /** Without a client, nothing is logged. */
  constructor(client: TursoClient | null) {
    this.#client = client;
  }

  /** Where it logs to; null where logging is off. */
  get client(): TursoClient | null {
    return this.#client;
  }

  getSessionId(): string | null {
    return this.#sessionId;
  }

  async startSession({ id, agentType, model, provider, metadata }: SessionInfo): Promise<void> {
    this.#sessionId = id;
    this.#open = [];
    this.#client?.record({
      kind: "session",
      id,
      agentType,
      model,
      // A session that goes on has begun when it first did, and has no end again.
      status: "running",
      endedAt: null,
      errorMessage: null,
      ...(provider !== undefined && { provider }),
      ...(metadata !== undefined && { metadata }),
    });
  }

  logMessage(message: MessageInfo): Promise<string>;
  logMessage(role: string, content: string, tokenCount?: number): Promise<string>;
  async logMessage(given: MessageInfo | string, content = "", tokenCount?: number): Promise<string> {
    const message = typeof given === "string" ? { role: given, content, tokenCount } : given;
    if (this.#client === null || this.#sessionId === null) return newId();
    const { toolName, toolInput, toolOutput }: Partial<MessageInfo> = typeof given === "string" ? {} : given;
    return this.#client.record({
      kind: "message",
      sessionId: this.#sessionId,
      role: message.role,
      content: message.content,
      // 0 is a number of tokens, too.
      ...(message.tokenCount !== undefined && { tokenCount: message.tokenCount }),
      ...(toolName !== undefined && { toolName }),
      ...(toolInput !== undefined && { toolInput }),
      ...(toolOutput !== undefined && {
        toolOutput: typeof toolOutput === "string" ? toolOutput : JSON.stringify(toolOutput),
      }),
    });
  }

  logToolExecution(execution: ToolExecutionInfo): Promise<string>;
  logToolExecution(
    toolName: string,
    status: ToolStatus,
    ...rest: [input?: unknown, output?: unknown, error?: string]
  ): Promise<string>;
  async logToolExecution(
    given: ToolExecutionInfo | string,
    status: ToolStatus = "completed",
    ...[input, output, error]: [input?: unknown, output?: unknown, error?: string]
  ): Promise<string> {
    const execution: ToolExecutionInfo =
      typeof given === "string"
        ? { toolName: given, status, input, output, ...(error !== undefined && { error }) }
        : given;
    if (this.#client === null || this.#sessionId === null) return newId();
    const { id, startedAt, started } = this.#callOf(execution);
    const ended = execution.status !== "running";
    this.#client.record({
      kind: "toolExecution",
      id,
      sessionId: this.#sessionId,
      toolName: execution.toolName,
      status: execution.status,
      startedAt,
      ...(execution.input !== undefined && { input: execution.input }),
      ...(execution.output !== undefined && { output: execution.output }),
      ...(execution.error !== undefined && { error: execution.error }),
      ...(execution.callId !== undefined && { callId: execution.callId }),
      ...(execution.messageId !== undefined && { messageId: execution.messageId }),
      ...(ended && {
        endedAt: Date.now(),
        durationMs: execution.durationMs ?? Math.round(performance.now() - started),
      }),
    });
    return id;
  }

  /** The row of a call: an open one that this ends (or tells more of), or a new one. */
  #callOf({ toolName, callId, status }: ToolExecutionInfo): OpenCall {
    const isIt = (call: OpenCall): boolean =>
      callId === undefined ? call.toolName === toolName : call.callId === callId;
    const begins = status === "running" && callId === undefined;
    const known = begins ? undefined : this.#open.findLast(isIt);
    const call = known ?? {
      id: newId(),
      toolName,
      callId,
      startedAt: Date.now(),
      started: performance.now(),
    };
    if (status !== "running") this.#open = this.#open.filter((other) => other !== known);
    else if (known === undefined) this.#open = [...this.#open.slice(-openAtMost), call];
    return call;
  }

  async endSession(status: "completed" | "error", errorMessage?: string): Promise<void> {
    if (this.#sessionId === null) return;
    this.#client?.record({
      kind: "session",
      id: this.#sessionId,
      status,
      endedAt: Date.now(),
      ...(errorMessage !== undefined && { errorMessage }),
    });
  }

  /**
   * Resolves when all that was logged is in the store, or waits in the spool for a store that is away; and, where the store
   * has a hub, when it was synced or could not be. Never rejects.
   */
  async syncToCloud(): Promise<void> {
    await this.#client?.sync();
  }
}

/** A logger of the configured store; one that does nothing when logging is off. */
export async function createConversationLogger(): Promise<ConversationLogger> {
  return new ConversationLogger(await getTursoClient());
}
