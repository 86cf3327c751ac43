import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createSessionStore, type SessionStoreEntry, withLoci } from "../../dist/claude-agent-sdk.js";
import { type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { exportLines } from "../../dist/record/export.js";
import { world } from "../record/world.ts";

const transcripts = fileURLToPath(new URL("../fixtures/claude-code/claude-code-projects", import.meta.url));
const streams = fileURLToPath(new URL("../fixtures/claude-agent-sdk", import.meta.url));

function linesOf(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

function entriesOf(path: string): SessionStoreEntry[] {
  return linesOf(path)
    .map((line): SessionStoreEntry => JSON.parse(line))
    .filter(({ type }) => !type.startsWith("api-request"));
}

/** Every row that is not raw, by kind and id. */
async function rowsOf(loci: Loci): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const line of exportLines(loci.engine)) rows.push(JSON.parse(line));
  return rows;
}

describe("a transcript that the SDK appends", () => {
  const project = join(transcripts, "-workspace");
  const files = readdirSync(project, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".jsonl"),
  );

  async function appendAll(loci: Loci): Promise<void> {
    await using store = createSessionStore(loci, { warn: false, redact: false });
    for (const name of files.toSorted()) {
      const [sessionId = "", ...below] = name.replace(/\.jsonl$/, "").split("/");
      const key = {
        projectKey: "-workspace",
        sessionId,
        ...(below.length > 0 ? { subpath: below.join("/") } : {}),
      };
      const meta = join(project, name.replace(/\.jsonl$/, ".meta.json"));
      const isPart = statSync(meta, { throwIfNoEntry: false }) !== undefined;
      const first = isPart ? [{ type: "agent_metadata", ...JSON.parse(readFileSync(meta, "utf8")) }] : [];
      const entries = [...first, ...entriesOf(join(project, name))];
      for (let start = 0, size = 1; start < entries.length; start += size, size += 3) {
        await store.append(key, entries.slice(start, start + size));
        if (size % 2 === 0) await store.recorder.flush();
      }
    }
  }

  test("makes the rows that an import of the file makes, and importing it then changes nothing", async () => {
    using here = world();
    await using imported = await open(join(here.folder, "imported.db"));
    await imported.import([transcripts], { redact: { off: true } });
    await using loci = await open(here.db);
    await appendAll(loci);
    const appended = await rowsOf(loci);
    expect(files.length).toBeGreaterThanOrEqual(4);
    expect(appended.length).toBeGreaterThan(40);
    expect(appended).toEqual(await rowsOf(imported));
    const report = await loci.import([transcripts], { redact: { off: true } });
    expect(report.problems).toEqual([]);
    expect(await rowsOf(loci)).toEqual(appended);
  });

  test("is loaded as it was, from what was appended and from what was imported", async () => {
    using here = world();
    await using loci = await open(here.db);
    await loci.import([transcripts], { redact: { off: true } });
    await using store = createSessionStore(loci, { warn: false });
    const main = files.find((name) => name.startsWith("4961b669") && !name.includes("/")) ?? "";
    const key = { projectKey: "-workspace", sessionId: main.replace(/\.jsonl$/, "") };
    const entries = entriesOf(join(project, main));
    expect(await store.load(key)).toEqual(entries);
    expect((await store.listSessions("-workspace")).map(({ sessionId }) => sessionId)).toContain(
      key.sessionId,
    );
    const [subpath = ""] = await store.listSubkeys(key);
    expect(subpath).toMatch(/^subagents\/agent-/);
    expect((await store.load({ ...key, subpath }))?.at(-1)).toMatchObject({ type: "agent_metadata" });
    const more = { type: "user", uuid: "more", timestamp: "2026-11-21T10:00:00.000Z" };
    await store.append(key, [...entries, more]);
    await store.recorder.flush();
    const plain = entries.filter(({ uuid }) => uuid !== undefined);
    const loaded = await store.load(key);
    expect(loaded?.filter(({ uuid }) => uuid !== undefined)).toEqual([...plain, more]);
  });
});

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

describe("a session store", () => {
  const key = { projectKey: "-work", sessionId: "0a7e5c1e-0000-4000-8000-00000000000a" };

  test("is not slowed by a store that hangs, and loads what the spool holds when that is all", async () => {
    using here = world();
    await using real = await open(here.db);
    const never = () => new Promise<never>(() => undefined);
    const hanging = { ...real, engine: { ...real.engine, find: never } } as unknown as Loci;
    const recorder = real.recorder({ drain: false, warn: false });
    const store = createSessionStore(hanging, { recorder, loadTimeout: 100 });
    const entries = Array.from({ length: 200 }, (_, n) => ({
      type: "user",
      uuid: `u${n}`,
      parentUuid: n === 0 ? null : `u${n - 1}`,
      text: "x".repeat(1_000),
    }));
    const from = performance.now();
    await store.append(key, entries);
    expect(performance.now() - from).toBeLessThan(500);
    expect(await store.load(key)).toEqual(entries);
    await expect(store.load({ ...key, sessionId: "another" })).rejects.toMatchObject({ code: "unreachable" });
    await recorder.close({ timeout: 1 });
  });

  test("says so when the spool takes nothing", async () => {
    using here = world();
    await using loci = await open(here.db);
    const store = createSessionStore(loci, { warn: false });
    await store.close();
    await expect(store.append(key, [{ type: "user" }])).rejects.toThrow(/closed/);
    await expect(store.append({ ...key, subpath: "" }, [])).rejects.toMatchObject({ code: "invalid" });
  });

  test("has what a killed process acknowledged, in its place before what came since", async () => {
    using here = world();
    mkdirSync(here.folder, { recursive: true });
    const script = `
      import { open } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      import { createSessionStore } from ${JSON.stringify(new URL("../../dist/claude-agent-sdk.js", import.meta.url).href)};
      const loci = await open(${JSON.stringify(here.db)});
      const store = createSessionStore(loci, { recorder: loci.recorder({ drain: false }) });
      for (let n = 0; n < 20; n++) await store.append(${JSON.stringify(key)}, [{ type: "user", uuid: "a" + n }]);
      process.kill(process.pid, "SIGKILL");
    `;
    expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).signal).toBe("SIGKILL");
    await using loci = await open(here.db);
    await using store = createSessionStore(loci, { warn: false });
    const first = Array.from({ length: 20 }, (_, n) => ({ type: "user", uuid: `a${n}` }));
    expect(await store.load(key)).toEqual(first);
    const more = [{ type: "user", uuid: "b" }];
    await store.append(key, more);
    await store.recorder.flush();
    expect(await store.load(key)).toEqual([...first, ...more]);
    await loci.recover();
    expect(await store.load(key)).toEqual([...first, ...more]);
  });
});
