import { newId } from "../../model/id.ts";
import { createOpen, type Fields, fieldsOf, listOf, quietly, type RecorderLike, textOf } from "../quiet.ts";
import { createTalk, type Talk } from "./talk.ts";

export interface AiSdkOptions {
  /**
   * The conversation: the AI SDK has no name for it. A text, or a function of the event that begins a call. Without it,
   * each call of `generateText` or `streamText` is a session of its own.
   */
  readonly sessionId?: string | ((event: Readonly<Record<string, unknown>>) => string | undefined);
  /** What the agent is or does. Default: the `functionId` of the call, else `ai-sdk`. */
  readonly agentType?: string;
}

/** What `registerTelemetry()` of the AI SDK takes, and `telemetry: { integrations }` of one call. */
export interface AiSdkTelemetry {
  readonly onStart: (event: object) => void;
  readonly onLanguageModelCallStart: (event: object) => void;
  readonly onLanguageModelCallEnd: (event: object) => void;
  readonly onToolExecutionStart: (event: object) => void;
  readonly onToolExecutionEnd: (event: object) => void;
  readonly onEnd: (event: object) => void;
  readonly onAbort: (event: object) => void;
  readonly onError: (event: unknown) => void;
}

interface Call {
  readonly talk: Talk;
  readonly operation: string;
  /** When the call of the model that is under way began, by both clocks. */
  asked: number;
  answers: number;
  readonly about: Fields;
}

/** Operations that talk: others (embeddings, pictures, speech) are not conversations. */
const talking = /^ai\.(generate|stream)(Text|Object)$/;

/** Records what AI SDK 7 tells of its calls. Its callbacks return at once and never throw. */
export function aiSdkTelemetry(recorder: RecorderLike, options: AiSdkOptions = {}): AiSdkTelemetry {
  const calls = createOpen<Call>();
  const on =
    (work: (call: Call, event: Fields) => void) =>
    (given: unknown): void =>
      quietly(() => {
        const event = fieldsOf(given);
        const call = calls.get(textOf(event["callId"]) ?? "");
        if (call !== undefined) work(call, event);
      });
  const ended = (event: Fields): void => calls.delete(textOf(event["callId"]) ?? "");
  return {
    onStart: (given) =>
      quietly(() => {
        const event = fieldsOf(given);
        const callId = textOf(event["callId"]);
        const operation = textOf(event["operationId"]) ?? "ai.generateText";
        if (callId === undefined || !talking.test(operation)) return;
        const agentType = options.agentType ?? textOf(event["functionId"]) ?? "ai-sdk";
        const talk = createTalk(recorder, sessionOf(options, event) ?? newId(), agentType);
        calls.set(callId, { talk, operation, asked: Date.now(), answers: 0, about: event });
        talk.begin(event, promptOf(event));
      }),
    onLanguageModelCallStart: on((call) => void (call.asked = Date.now())),
    onLanguageModelCallEnd: on((call, event) => {
      call.answers++;
      const duration = fieldsOf(event["performance"])["responseTimeMs"];
      call.talk.answer({
        content: listOf(event["content"]),
        usage: event["usage"],
        model: textOf(event["modelId"]) ?? "unknown",
        provider: textOf(event["provider"]),
        responseId: event["responseId"],
        startedAt: call.asked,
        durationMs: typeof duration === "number" ? duration : Date.now() - call.asked,
      });
    }),
    onToolExecutionStart: on(({ talk }, event) => talk.toolStart(fieldsOf(event["toolCall"]))),
    onToolExecutionEnd: on(({ talk }, event) =>
      talk.toolEnd(fieldsOf(event["toolCall"]), fieldsOf(event["toolOutput"]), event["toolExecutionMs"]),
    ),
    onEnd: on((call, event) => {
      answerAtEnd(call, event);
      call.talk.end("completed");
      ended(event);
    }),
    onAbort: on(({ talk }, event) => {
      talk.end("interrupted");
      ended(event);
    }),
    onError: on(({ talk }, event) => {
      talk.end("error", event["error"]);
      ended(event);
    }),
  };
}

/** Where the calls of the model are not told one by one (objects), the end has their sum. */
function answerAtEnd(call: Call, event: Fields): void {
  if (call.answers > 0 || event["usage"] === undefined) return;
  const { about, asked, talk } = call;
  talk.answer({
    content: [{ type: "text", text: textOf(event["text"]) ?? objectText(event["object"]) }],
    usage: event["usage"],
    model: textOf(about["modelId"]) ?? "unknown",
    provider: textOf(about["provider"]),
    responseId: fieldsOf(event["response"])["id"],
    startedAt: asked,
    durationMs: Date.now() - asked,
  });
}

function objectText(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value);
}

export function sessionOf({ sessionId }: AiSdkOptions, event: Fields): string | undefined {
  return textOf(typeof sessionId === "function" ? sessionId(event) : sessionId);
}

function promptOf(event: Fields): readonly unknown[] {
  const messages = listOf(event["messages"]);
  const prompt = event["prompt"];
  if (messages.length > 0) return messages;
  return typeof prompt === "string" ? [{ role: "user", content: prompt }] : listOf(prompt);
}
