import { newId } from "../../model/id.ts";
import { titleOf } from "../../record/sources/claude-code/title.ts";
import { countOf, errorText, type Fields, fieldsOf, listOf, type RecorderLike, textOf } from "../quiet.ts";

/** What both ways of attaching record: one run of the AI SDK in a session. */
export interface Talk {
  readonly sessionId: string;
  /** The message that the model said last. */
  readonly messageId: string | undefined;
  /** The session goes on, with what was asked since the model last answered. */
  begin(about: Fields, prompt: readonly unknown[]): void;
  /** A call of the model came back. */
  answer(answer: Answer): void;
  toolStart(call: Fields): void;
  toolEnd(call: Fields, output: Fields, durationMs?: unknown): void;
  end(status: "completed" | "error" | "interrupted", error?: unknown): void;
}

export interface Answer {
  readonly content: readonly unknown[];
  readonly usage: unknown;
  readonly model: string;
  readonly provider: string | undefined;
  readonly responseId: unknown;
  readonly startedAt: number;
  readonly durationMs: number | undefined;
}

/** An id of a tool's execution that a later process can name again: the SDK's own id within the session. */
function toolId(sessionId: string, call: Fields): string {
  return `${sessionId}/${textOf(call["toolCallId"]) ?? newId()}`;
}

export function createTalk(recorder: RecorderLike, sessionId: string, agentType: string): Talk {
  return new Talking(recorder, sessionId, agentType);
}

class Talking implements Talk {
  readonly sessionId: string;
  readonly #recorder: RecorderLike;
  readonly #agentType: string;
  readonly #open = new Map<string, Fields>();
  #messageId: string | undefined;

  constructor(recorder: RecorderLike, sessionId: string, agentType: string) {
    this.#recorder = recorder;
    this.sessionId = sessionId;
    this.#agentType = agentType;
  }

  #say(role: string, content: string, more: Fields = {}): void {
    const id = newId();
    this.#recorder.record({ kind: "message", id, sessionId: this.sessionId, role, content, ...more });
    if (role === "assistant") this.#messageId = id;
  }
  get messageId(): string | undefined {
    return this.#messageId;
  }

  begin(about: Fields, prompt: readonly unknown[]): void {
    const asked = prompt.slice(prompt.findLastIndex((one) => fieldsOf(one)["role"] === "assistant") + 1);
    const texts = asked
      .filter((one) => fieldsOf(one)["role"] !== "tool")
      .map((one) => [roleOf(one), textIn(one)]);
    const first = asked.length === prompt.length ? texts.find(([role]) => role === "user")?.[1] : undefined;
    const title = first === undefined ? undefined : titleOf(first);
    this.#recorder.record({
      kind: "session",
      id: this.sessionId,
      source: "ai-sdk",
      agentType: this.#agentType,
      provider: textOf(about["provider"]) ?? null,
      status: "running",
      endedAt: null,
      errorMessage: null,
      ...(title === undefined ? {} : { title }),
      metadata: {
        aiVersion: textOf(about["aiVersion"]) ?? null,
        operation: textOf(about["operationId"]) ?? null,
      },
    });
    for (const [role = "user", text = ""] of texts) if (text !== "") this.#say(role, text);
    for (const one of asked) for (const part of resultsIn(one)) this.toolEnd(part, part);
  }

  answer({ content, usage, model, provider, responseId, startedAt, durationMs }: Answer): void {
    for (const part of content.map(fieldsOf)) {
      const text = textOf(part["text"]);
      const thinking = part["type"] === "reasoning";
      if (text !== undefined && (thinking || part["type"] === "text"))
        this.#say("assistant", text, { model, ...(thinking ? { metadata: { thinking: true } } : {}) });
    }
    const { tokens, reasoning } = tokensOf(usage);
    this.#recorder.record({
      kind: "modelCall",
      sessionId: this.sessionId,
      model,
      provider: provider ?? null,
      messageId: this.#messageId ?? null,
      ...tokens,
      startedAt,
      ...(durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }),
      metadata: {
        callId: textOf(responseId) ?? null,
        ...(reasoning > 0 ? { reasoningTokens: reasoning } : {}),
      },
    });
    // Tools that the provider runs itself come and go within the answer.
    for (const part of content.map(fieldsOf)) {
      if (part["providerExecuted"] !== true) continue;
      if (part["type"] === "tool-call") this.toolStart(part);
      else this.toolEnd(part, part);
    }
  }

  toolStart(call: Fields): void {
    const id = toolId(this.sessionId, call);
    this.#open.set(id, call);
    this.#recorder.record({
      kind: "toolExecution",
      id,
      sessionId: this.sessionId,
      messageId: this.#messageId ?? null,
      toolName: textOf(call["toolName"]) ?? "unknown",
      status: "running",
      input: call["input"] ?? null,
      callId: textOf(call["toolCallId"]) ?? null,
      startedAt: Date.now(),
    });
  }

  toolEnd(call: Fields, output: Fields, durationMs?: unknown): void {
    const id = toolId(this.sessionId, call);
    this.#open.delete(id);
    const { error, value } = outcomeOf(output);
    this.#recorder.record({
      kind: "toolExecution",
      id,
      sessionId: this.sessionId,
      toolName: textOf(call["toolName"]) ?? "unknown",
      callId: textOf(call["toolCallId"]) ?? null,
      status: error === undefined ? "completed" : "error",
      ...(error === undefined ? { output: value } : { error }),
      endedAt: Date.now(),
      ...(typeof durationMs === "number" ? { durationMs: Math.round(durationMs) } : {}),
    });
  }

  end(status: "completed" | "error" | "interrupted", error?: unknown): void {
    // Nobody will say how these ended.
    for (const call of [...this.#open.values()])
      this.toolEnd(call, { type: "tool-error", error: "No result was recorded." });
    this.#recorder.record({
      kind: "session",
      id: this.sessionId,
      status,
      endedAt: Date.now(),
      ...(status === "error" ? { errorMessage: errorText(error) } : {}),
    });
  }
}

function roleOf(message: unknown): string {
  return textOf(fieldsOf(message)["role"]) ?? "user";
}

/** The words of a message; a picture or a file leaves its kind in brackets. */
function textIn(message: unknown): string {
  const content = fieldsOf(message)["content"];
  if (typeof content === "string") return content;
  return listOf(content)
    .map(fieldsOf)
    .map((part) => textOf(part["text"]) ?? `[${textOf(part["mediaType"]) ?? textOf(part["type"]) ?? "part"}]`)
    .join("\n");
}

function resultsIn(message: unknown): Fields[] {
  const given = fieldsOf(message);
  if (given["role"] !== "tool") return [];
  return listOf(given["content"])
    .map(fieldsOf)
    .filter((part) => part["type"] === "tool-result");
}

/** How a tool ended, as the SDK says it in each of its places. */
function outcomeOf(given: Fields): { readonly error?: string; readonly value?: unknown } {
  if (given["type"] === "tool-error") return { error: errorText(given["error"]) };
  const output = given["output"] ?? given["result"];
  const kind = textOf(fieldsOf(output)["type"]);
  const value = fieldsOf(output)["value"];
  if (kind === "error-text" || kind === "error-json" || kind === "execution-denied")
    return { error: textOf(value) ?? textOf(fieldsOf(output)["reason"]) ?? JSON.stringify(value ?? kind) };
  return { value: kind === "text" || kind === "json" || kind === "content" ? value : output };
}

/** Each token once. Input holds what came from the cache and went to it; numbers stand in one of two shapes. */
export function tokensOf(usage: unknown): {
  readonly tokens: Readonly<
    Record<"inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens", number>
  >;
  readonly reasoning: number;
} {
  const given = fieldsOf(usage);
  const [input, output] = [given["inputTokens"], given["outputTokens"]];
  const details = { ...fieldsOf(input), ...fieldsOf(given["inputTokenDetails"]) };
  const read = countOf(details["cacheRead"] ?? details["cacheReadTokens"] ?? given["cachedInputTokens"]);
  const written = countOf(details["cacheWrite"] ?? details["cacheWriteTokens"]);
  const all = countOf(typeof input === "number" ? input : details["total"]);
  const spoken = fieldsOf(output);
  return {
    tokens: {
      inputTokens: Math.max(0, all - read - written),
      outputTokens: countOf(typeof output === "number" ? output : spoken["total"]),
      cacheReadTokens: read,
      cacheWriteTokens: written,
    },
    reasoning: countOf(
      spoken["reasoning"] ??
        fieldsOf(given["outputTokenDetails"])["reasoningTokens"] ??
        given["reasoningTokens"],
    ),
  };
}
