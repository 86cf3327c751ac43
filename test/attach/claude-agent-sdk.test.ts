import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createSessionStore, withLoci } from "../../dist/claude-agent-sdk.js";
import { type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { world } from "../record/world.ts";

const streams = fileURLToPath(new URL("../fixtures/claude-agent-sdk", import.meta.url));

function linesOf(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

interface Case {
  readonly status: string;
  readonly results: number;
  /** The stream throws at its end. */
  readonly throws?: string;
  readonly message?: RegExp;
}

const cases: Readonly<Record<string, Case>> = {
  tools: { status: "completed", results: 1 },
  subagent: { status: "completed", results: 2 },
  "subagent-fg": { status: "completed", results: 1 },
  "denied-callback": { status: "completed", results: 1 },
  "denied-dontask": { status: "completed", results: 1 },
  multiturn: { status: "completed", results: 2 },
  "overloaded-once": { status: "completed", results: 1 },
  "interrupt-tool": { status: "interrupted", results: 1, throws: "aborted" },
  "interrupt-stream": { status: "interrupted", results: 1, throws: "aborted" },
  abort: { status: "interrupted", results: 0, throws: "AbortError", message: /Abort/ },
  "server-error": { status: "error", results: 1, throws: "API Error", message: /500|API/ },
  "bad-request": { status: "error", results: 1, throws: "API Error", message: /400|API/ },
  cut: { status: "error", results: 1, throws: "API Error" },
  maxturns: { status: "error", results: 1, throws: "max turns", message: /turns/ },
};

/** A query that yields what was captured, with a method that only itself can run. */
class Captured {
  readonly #lines: AsyncGenerator<Record<string, unknown>, void>;
  interrupted = 0;
  constructor(lines: AsyncGenerator<Record<string, unknown>, void>) {
    this.#lines = lines;
  }
  next() {
    return this.#lines.next();
  }
  return() {
    return this.#lines.return();
  }
  throw(error: unknown) {
    return this.#lines.throw(error);
  }
  async interrupt() {
    this.interrupted++;
    return this.#lines === undefined ? "no" : "yes";
  }
  [Symbol.asyncIterator]() {
    return this;
  }
}

function captured(name: string, given: readonly object[] = []) {
  const error = new Error(cases[name]?.throws ?? "none");
  if (cases[name]?.throws === "AbortError") error.name = "AbortError";
  const values = [
    ...linesOf(join(streams, `claude-agent-sdk-${name}.jsonl`)).map((line) => JSON.parse(line)),
    ...given,
  ];
  async function* lines() {
    yield* values;
    if (cases[name]?.throws !== undefined) throw error;
  }
  const query = (_: { prompt: string | AsyncIterable<object>; options?: object }) =>
    new Captured(lines()) as unknown as AsyncGenerator<Record<string, unknown>, void> & {
      interrupt(): Promise<string>;
    };
  return { query, values, error };
}

describe("a stream of query()", () => {
  test.each(Object.keys(cases))("passes unchanged, and %s is recorded as what it was", async (name) => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    const { query, values, error } = captured(name);
    const seen: unknown[] = [];
    const prompt = "Do what I ask";
    const run = async (): Promise<void> => {
      for await (const message of withLoci(query, recorder)({ prompt })) seen.push(message);
    };
    const { status, results, throws, message } = cases[name] ?? { status: "", results: -1 };
    await (throws === undefined ? run() : expect(run()).rejects.toBe(error));
    expect(seen.length).toBe(values.length);
    expect(seen.every((one, n) => one === values[n])).toBe(true);
    expect((await recorder.flush()).problem).toBeUndefined();
    const root = String(values[0].session_id);
    const [session] = await loci.engine.find(sessions, { where: { id: root } });
    expect(session).toMatchObject({ status, agentType: "claude-code", title: prompt });
    if (message !== undefined) expect(session?.errorMessage).toMatch(message);
    const said = await loci.engine.find(messages, {
      where: { sessionId: root },
      orderBy: [["sequence", "up"]],
    });
    expect(
      said.filter(({ metadata }) => (metadata as { subtype?: string })?.subtype === "result").length,
    ).toBe(results);
    expect(said[0]).toMatchObject({ role: "user", content: prompt });
    await expectTokens(loci, values);
  });

  test("is the stream itself: its methods, its errors, and the end of a loop that is left", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    const { query } = captured("tools");
    const stream = withLoci(query, recorder)({ prompt: "x" });
    expect(stream[Symbol.asyncIterator]()).toBe(stream);
    expect(await stream.interrupt()).toBe("yes");
    for await (const message of stream) if (message["type"] === "assistant") break;
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await recorder.flush();
    const [session] = await loci.engine.find(sessions);
    expect(session?.status).toBe("interrupted");
  });

  test("is not hurt by a recorder that throws, nor by messages that do", async () => {
    const record = () => {
      throw new Error("no");
    };
    // A generator looks for a promise in what it yields.
    const get = (_: object, name: string | symbol): unknown => (name === "then" ? undefined : record());
    const trap = new Proxy({}, { get, ownKeys: record, has: record });
    const { query, values } = captured("tools", [trap]);
    const seen: unknown[] = [];
    for await (const message of withLoci(query, { record })({ prompt: "x" })) seen.push(message);
    expect(seen.length).toBe(values.length);
    expect(seen.at(-1)).toBe(trap);
  });

  const no = (): never => {
    throw new Error("no");
  };
  test.each([
    [
      "a prompt",
      {
        get prompt() {
          return no();
        },
      },
    ],
    [
      "options",
      {
        prompt: "x",
        get options() {
          return no();
        },
      },
    ],
    [
      "a session store",
      {
        prompt: "x",
        options: {
          get sessionStore() {
            return no();
          },
        },
      },
    ],
    [
      "an abort controller",
      {
        prompt: "x",
        options: {
          get abortController() {
            return no();
          },
        },
      },
    ],
    [
      "options beside prompts",
      {
        prompt: (async function* () {})(),
        get options() {
          return no();
        },
      },
    ],
  ])("leaves it to the SDK to read %s that throws", async (_, params: object) => {
    const got: unknown[] = [];
    async function* query(given: object): AsyncGenerator<string, void> {
      got.push(given);
      yield "one";
      throw new Error("its own");
    }
    const stream = withLoci(query, { record: () => undefined })(params);
    expect(await stream.next()).toEqual({ done: false, value: "one" });
    await expect(stream.next()).rejects.toThrow("its own");
    expect(got[0]).toBe(params);
  });

  test("takes its prompts as the agent does, and passes them on as they are", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using recorder = loci.recorder({ warn: false });
    const asked = ["one", "two"].map((content) => ({ type: "user", message: { role: "user", content } }));
    const got: object[] = [];
    const { values } = captured("multiturn");
    async function* query({ prompt }: { prompt: AsyncIterable<object> }) {
      for await (const one of prompt) {
        got.push(one);
        yield* got.length === 1 ? values.slice(0, 3) : values.slice(3);
      }
    }
    async function* prompts() {
      yield* asked;
    }
    for await (const _ of withLoci(query, recorder)({ prompt: prompts() }));
    expect(got.every((one, n) => one === asked[n])).toBe(true);
    await recorder.flush();
    const said = await loci.engine.find(messages, { orderBy: [["sequence", "up"]] });
    expect(said.filter(({ role }) => role === "user").map(({ content }) => content)).toEqual(["one", "two"]);
  });

  test("beside a store that is given nothing is warned of once, with what helps", async () => {
    using here = world();
    await using loci = await open(here.db);
    await using sessionStore = createSessionStore(loci, { warn: false });
    const warnings: string[] = [];
    const { query } = captured("multiturn");
    const wrapped = withLoci(query, sessionStore, { warn: (sentence) => warnings.push(sentence) });
    for await (const _ of wrapped({ prompt: "x", options: { sessionStore } }));
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain("CLAUDE_CONFIG_DIR");
  });
});

/** What a runtime says of its own total, and what the store adds up to. */
async function expectTokens(loci: Loci, values: ReadonlyArray<Record<string, unknown>>): Promise<void> {
  const result = values.findLast(({ type }) => type === "result");
  if (result === undefined) return;
  const told = Object.values(result["modelUsage"] as Record<string, Record<string, number>>);
  const sum = (numbers: Array<number | undefined>): number =>
    numbers.reduce<number>((all, one) => all + (one ?? 0), 0);
  const calls = await loci.engine.find(modelCalls, { where: { inherited: false } });
  expect(sum(calls.map(({ inputTokens }) => inputTokens))).toBe(
    sum(told.map(({ inputTokens }) => inputTokens)),
  );
  expect(sum(calls.map(({ outputTokens }) => outputTokens))).toBe(
    sum(told.map(({ outputTokens }) => outputTokens)),
  );
}
