import { newId } from "../../model/id.ts";
import { createOpen, type Fields, fieldsOf, listOf, quietly, type RecorderLike, textOf } from "../quiet.ts";
import { createTalk, type Talk } from "./talk.ts";
import { type AiSdkOptions, sessionOf } from "./telemetry.ts";

export interface AiSdkMiddlewareOptions extends AiSdkOptions {
  /** Of the SDK's models: `v4` of AI SDK 7; earlier ones have `v3` and `v2`. */
  readonly specificationVersion?: "v2" | "v3" | "v4";
}

interface Wrapped<Result> {
  readonly params: object;
  readonly model: object;
  readonly doGenerate: () => PromiseLike<Result>;
}

interface WrappedStream<Result> {
  readonly params: object;
  readonly model: object;
  readonly doStream: () => PromiseLike<Result>;
}

/** What `wrapLanguageModel({ model, middleware })` takes. */
export interface AiSdkMiddleware<Version extends string = "v4"> {
  readonly specificationVersion: Version;
  readonly wrapGenerate: <Result extends object>(given: Wrapped<Result>) => Promise<Result>;
  readonly wrapStream: <Result extends { stream: ReadableStream }>(
    given: WrappedStream<Result>,
  ) => Promise<Result>;
}

/**
 * Records the calls of one model: for AI SDK 5 and 6, which have no telemetry of this kind. It sees tools only by what
 * the model asked for and was told: their times are those of the calls around them.
 */
export function aiSdkMiddleware(
  recorder: RecorderLike,
  options: AiSdkMiddlewareOptions = {},
): AiSdkMiddleware<"v4"> {
  const { begin, answered, failed } = createRuns(recorder, options);
  // The version is the caller's word; the shape is the same in all of them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const specificationVersion = (options.specificationVersion ?? "v4") as "v4";
  return {
    specificationVersion,
    async wrapGenerate(given) {
      const run = begin(given);
      try {
        const result = await given.doGenerate();
        answered(run, fieldsOf(result));
        return result;
      } catch (error) {
        failed(run, error);
        throw error;
      }
    },
    async wrapStream(given) {
      const run = begin(given);
      try {
        const result = await given.doStream();
        return { ...result, stream: watched(result.stream, { run, answered, failed }) };
      } catch (error) {
        failed(run, error);
        throw error;
      }
    },
  };
}

interface Run {
  readonly talk: Talk;
  readonly model: Fields;
  readonly startedAt: number;
}

interface Runs {
  readonly begin: (given: { readonly params: object; readonly model: object }) => Run | undefined;
  readonly answered: (run: Run | undefined, result: Fields) => void;
  readonly failed: (run: Run | undefined, error: unknown) => void;
}

function createRuns(recorder: RecorderLike, options: AiSdkMiddlewareOptions): Runs {
  /** Which session asked for a tool: the call that brings its result goes on there. */
  const askedBy = createOpen<string>();
  const begin = (given: { readonly params: object; readonly model: object }): Run | undefined => {
    let run: Run | undefined;
    quietly(() => {
      const [params, model] = [fieldsOf(given.params), fieldsOf(given.model)];
      const prompt = listOf(params["prompt"]);
      const result = listOf(fieldsOf(prompt.at(-1))["content"]).map(fieldsOf)[0]?.["toolCallId"];
      const sessionId = sessionOf(options, params) ?? askedBy.get(textOf(result) ?? "") ?? newId();
      const talk = createTalk(recorder, sessionId, options.agentType ?? "ai-sdk");
      talk.begin({ provider: model["provider"] }, prompt);
      run = { talk, model, startedAt: Date.now() };
    });
    return run;
  };
  const answered = (run: Run | undefined, result: Fields): void =>
    quietly(() => {
      if (run === undefined) return;
      const { talk, model, startedAt } = run;
      const response = fieldsOf(result["response"]);
      const content = listOf(result["content"]).map(parsed);
      talk.answer({
        content,
        usage: result["usage"],
        model: textOf(response["modelId"]) ?? textOf(model["modelId"]) ?? "unknown",
        provider: textOf(model["provider"]),
        responseId: response["id"],
        startedAt,
        durationMs: Date.now() - startedAt,
      });
      const tools = content.filter(
        (part) => part["type"] === "tool-call" && part["providerExecuted"] !== true,
      );
      for (const part of tools) {
        talk.toolStart(part);
        askedBy.set(textOf(part["toolCallId"]) ?? "", talk.sessionId);
      }
      if (tools.length === 0) talk.end("completed");
    });
  const failed = (run: Run | undefined, error: unknown): void =>
    quietly(() => run?.talk.end(fieldsOf(error)["name"] === "AbortError" ? "interrupted" : "error", error));
  return { begin, answered, failed };
}

/** A tool's input is JSON text here. */
function parsed(given: unknown): Fields {
  const part = fieldsOf(given);
  if (part["type"] !== "tool-call" || typeof part["input"] !== "string") return part;
  try {
    return { ...part, input: JSON.parse(part["input"]) as unknown };
  } catch {
    return part;
  }
}

interface Watching {
  readonly run: Run | undefined;
  readonly answered: (run: Run | undefined, result: Fields) => void;
  readonly failed: (run: Run | undefined, error: unknown) => void;
}

/** The same stream, piece by piece; what went by is recorded when it ends, is cut off or is given up. */
function watched(stream: ReadableStream, { run, answered, failed }: Watching): ReadableStream {
  const seen: { content: Fields[]; texts: Map<string, Fields>; rest: Fields; error: unknown } = {
    content: [],
    texts: new Map(),
    rest: {},
    error: undefined,
  };
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          if (seen.error === undefined) answered(run, { ...seen.rest, content: seen.content });
          else failed(run, seen.error);
          controller.close();
          return;
        }
        quietly(() => note(seen, fieldsOf(value)));
        controller.enqueue(value);
      } catch (error) {
        failed(run, error);
        controller.error(error);
      }
    },
    async cancel(reason) {
      quietly(() => run?.talk.end("interrupted"));
      await reader.cancel(reason);
    },
  });
}

function note(
  seen: { content: Fields[]; texts: Map<string, Fields>; rest: Fields; error: unknown },
  part: Fields,
): void {
  const type = textOf(part["type"]) ?? "";
  const started = /^(text|reasoning)-start$/.exec(type)?.[1];
  const id = `${started ?? type.split("-")[0] ?? ""} ${textOf(part["id"]) ?? ""}`;
  if (started !== undefined) {
    const block = { type: started, text: "" };
    seen.texts.set(id, block);
    seen.content.push(block);
  } else if (/^(text|reasoning)-delta$/.test(type)) {
    const block = seen.texts.get(id);
    const delta = textOf(part["delta"]) ?? textOf(part["text"]) ?? "";
    if (block !== undefined) Object.assign(block, { text: `${textOf(block["text"]) ?? ""}${delta}` });
  } else if (type === "tool-call" || type === "tool-result") seen.content.push(part);
  else if (type === "finish") seen.rest = { ...seen.rest, usage: part["usage"] };
  else if (type === "response-metadata") seen.rest = { ...seen.rest, response: part };
  else if (type === "error") seen.error = part["error"];
}
