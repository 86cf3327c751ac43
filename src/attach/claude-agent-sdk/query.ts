import type { Recorder } from "../../record/recorder.ts";
import { createNotes, type Notes } from "./notes.ts";
import type { LociSessionStore } from "./session-store.ts";

export interface RecordOptions {
  /** Is told, in a sentence, when the SDK gives its session store nothing. Default: stderr. */
  readonly warn?: ((sentence: string) => void) | false;
}

/** As much of `query` as we touch. */
type AnyQuery = (params: never) => AsyncGenerator<unknown, void>;

interface QueryParams {
  readonly prompt?: unknown;
  readonly options?: { readonly sessionStore?: unknown; readonly abortController?: unknown };
}

/**
 * `query` of the Claude Agent SDK, recorded: every message passes as it is and when it comes, the answer has all its
 * methods, and what it does is noted on the way. With a session store of ours in the options, only what the store is
 * not given is noted; without one, all of it.
 */
export function withLoci<Query extends AnyQuery>(
  query: Query,
  into: Pick<Recorder, "record"> | LociSessionStore,
  { warn }: RecordOptions = {},
): Query {
  const recorder = "recorder" in into ? into.recorder : into;
  const wrapped = (params: QueryParams, ...rest: unknown[]): unknown => {
    const store = quietly(() => storeOf(params), undefined);
    const notes = createNotes({ recorder: store?.recorder ?? recorder, store, warn });
    const given = store === undefined ? quietly(() => withPrompts(params, notes), params) : params;
    // What the SDK's own types ask for is what we were given.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const stream = (query as unknown as (...args: unknown[]) => AsyncGenerator<unknown, void>)(
      given,
      ...rest,
    );
    return recorded(stream, notes, () => quietly(() => isAborted(params), false));
  };
  // The same parameters, and what they answer.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return wrapped as unknown as Query;
}

/** The stream with its methods; what comes out of it is noted, and nothing else is different. */
function recorded<Stream extends AsyncGenerator<unknown, void>>(
  stream: Stream,
  notes: Notes,
  aborted: () => boolean,
): Stream {
  const watch = async (
    step: Promise<IteratorResult<unknown, void>>,
  ): Promise<IteratorResult<unknown, void>> => {
    try {
      const result = await step;
      if (result.done === true) notes.end({});
      else notes.message(result.value);
      return result;
    } catch (error) {
      notes.end({ error, aborted: aborted() });
      throw error;
    }
  };
  const own: Readonly<Record<PropertyKey, unknown>> = {
    next: (...args: [] | [unknown]) => watch(stream.next(...args)),
    return: (value: void) => {
      notes.end({ aborted: true });
      return stream.return(value);
    },
    throw: (error: unknown) => watch(stream.throw(error)),
    [Symbol.asyncIterator]: () => proxy,
  };
  const methods = new Map<PropertyKey, unknown>();
  const proxy: Stream = new Proxy(stream, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      // A method may rely on fields that only the stream itself has.
      const known = methods.get(name) ?? value.bind(target);
      methods.set(name, known);
      return known;
    },
  });
  return proxy;
}

/** What stands in the parameters is the SDK's to read: where that throws, it is the SDK that says so. */
function quietly<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** A session store of ours, where the query has one. */
function storeOf(params: QueryParams | undefined): LociSessionStore | undefined {
  const given = params?.options?.sessionStore;
  const isOurs = typeof given === "object" && given !== null && "appended" in given && "recorder" in given;
  // Only createSessionStore makes such an object.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return isOurs ? (given as LociSessionStore) : undefined;
}

function isAborted(params: QueryParams | undefined): boolean {
  const controller = params?.options?.abortController;
  return controller instanceof AbortController && controller.signal.aborted;
}

/** Notes what is asked: at once, or as the agent takes it. */
function withPrompts(params: QueryParams | undefined, notes: Notes): QueryParams | undefined {
  const prompt = params?.prompt;
  if (typeof prompt === "string") {
    notes.prompt(prompt);
    return params;
  }
  if (typeof prompt !== "object" || prompt === null || !(Symbol.asyncIterator in prompt)) return params;
  // Looked at above: an object with that method is one.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const asked = prompt as AsyncIterable<unknown>;
  return {
    ...params,
    prompt: { [Symbol.asyncIterator]: () => watched(asked[Symbol.asyncIterator](), notes) },
  };
}

function watched(asked: AsyncIterator<unknown>, notes: Notes): AsyncIterator<unknown> {
  return {
    async next() {
      const result = await asked.next();
      if (result.done !== true) notes.prompt(contentOf(result.value));
      return result;
    },
    ...(asked.return === undefined ? {} : { return: (value?: unknown) => returned(asked, value) }),
  };
}

async function returned(asked: AsyncIterator<unknown>, value: unknown): Promise<IteratorResult<unknown>> {
  return (await asked.return?.(value)) ?? { done: true, value };
}

function contentOf(message: unknown): unknown {
  try {
    // A message of the SDK's: {type: "user", message: {role, content}}.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return (message as { readonly message?: { readonly content?: unknown } }).message?.content ?? null;
  } catch {
    return null;
  }
}
