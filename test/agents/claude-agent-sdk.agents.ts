import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSessionStore, type LociSessionStore, withLoci } from "../../dist/claude-agent-sdk.js";
import { type Loci, open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { sessions } from "../../dist/model/session.js";
import { prepareResume } from "../../dist/operations/resume.js";
import { exportLines } from "../../dist/record/export.js";
import { agents, type Box, box, claudeEnv, model } from "../support/agents.ts";
import type { FakeLlm, Scenario } from "../support/fake-llm/lib/server.mjs";

// The Claude Agent SDK with a session store and a recorded query(): what is in the store is what the SDK says itself.

type Message = Record<string, unknown> & { readonly type: string; readonly session_id: string };
type Stream = AsyncGenerator<Message, void> & { interrupt(): Promise<void> };
interface Sdk {
  query(asked: { prompt: string | AsyncIterable<object>; options: Record<string, unknown> }): Stream;
  foldSessionSummary(before: undefined, key: object, entries: object[], how: object): { data: object };
  listSessions(how: object): Promise<Array<{ sessionId: string; summary: string }>>;
  renameSession(id: string, title: string, how: object): Promise<void>;
  deleteSession(id: string, how: object): Promise<void>;
  importSessionToStore(id: string, store: object, how: object): Promise<void>;
}

const usage = (input: number, output: number) => ({ input, output });
const agent = (background: boolean) => ({
  tool: "Agent",
  input: {
    description: "Look around",
    prompt: "count the files",
    subagent_type: "general-purpose",
    run_in_background: background,
  },
});
const script: Scenario = {
  conversations: [
    {
      id: "tools",
      match: { prompt: "^use tools" },
      turns: [
        { text: "Looking.", tools: [{ tool: "Bash", input: { command: "echo hi" } }], usage: usage(500, 50) },
        { tools: [{ tool: "Read", input: { file_path: "${CWD}/missing.txt" } }], usage: usage(600, 40) },
        { text: "All done.", usage: usage(700, 30) },
      ],
    },
    {
      id: "front",
      match: { prompt: "^delegate and wait" },
      turns: [
        { text: "Delegating.", tools: [agent(false)], usage: usage(500, 50) },
        { text: "It is done.", usage: usage(600, 32) },
      ],
    },
    {
      id: "back",
      match: { prompt: "^delegate beside" },
      turns: [
        { text: "Delegating.", tools: [agent(true)], usage: usage(500, 50) },
        { text: "It works beside us.", usage: usage(600, 32) },
      ],
    },
    {
      id: "child",
      match: { prompt: "^count the files" },
      turns: [
        { tools: [{ tool: "Bash", input: { command: "ls" } }], usage: usage(300, 20) },
        { text: "There is one.", usage: usage(350, 19) },
      ],
    },
    {
      id: "long",
      match: { prompt: "^wait" },
      turns: [{ tools: [{ tool: "Bash", input: { command: "tail -f /dev/null" } }], usage: usage(100, 10) }],
    },
    {
      id: "denied",
      match: { prompt: "^be denied" },
      turns: [
        { tools: [{ tool: "Bash", input: { command: "node -e 1" } }], usage: usage(100, 10) },
        { text: "As you wish.", usage: usage(110, 6) },
      ],
    },
    {
      id: "refused",
      match: { prompt: "^be refused" },
      turns: [{ error: { status: 400, message: "fake invalid request" } }],
    },
  ],
  fallback: { text: "OK.", usage: usage(200, 5) },
};

let sdk: Sdk;
beforeAll(async () => {
  sdk = (await import(join(agents, "@anthropic-ai/claude-agent-sdk/sdk.mjs"))) as Sdk;
});

interface World extends AsyncDisposable {
  readonly here: Box;
  readonly llm: FakeLlm;
  readonly loci: Loci;
  readonly sessionStore: LociSessionStore;
  readonly options: Record<string, unknown>;
}

const before = process.env["CLAUDE_CONFIG_DIR"];
afterAll(() => {
  if (before === undefined) delete process.env["CLAUDE_CONFIG_DIR"];
  else process.env["CLAUDE_CONFIG_DIR"] = before;
});

async function world(): Promise<World> {
  const here = box();
  const llm = await model(script, { CWD: here.workspace });
  const loci = await open(join(here.folder, "loci.db"));
  const sessionStore = createSessionStore(loci, { warn: false });
  const env = claudeEnv(here, llm);
  // The SDK's own functions look where this process says.
  process.env["CLAUDE_CONFIG_DIR"] = here.claude;
  const options = {
    cwd: here.workspace,
    env,
    permissionMode: "acceptEdits",
    allowedTools: ["Bash", "Read", "Agent", "Task"],
    settingSources: [],
    sessionStore,
  };
  return {
    ...{ here, llm, loci, sessionStore, options },
    async [Symbol.asyncDispose]() {
      await sessionStore.close();
      await loci.close();
      await llm.close();
      here[Symbol.dispose]();
    },
  };
}

interface Ran {
  readonly all: readonly Message[];
  readonly id: string;
  readonly error: unknown;
}

async function ran(stream: Stream, on: (message: Message) => unknown = () => undefined): Promise<Ran> {
  const all: Message[] = [];
  let error: unknown;
  try {
    for await (const message of stream) {
      all.push(message);
      await on(message);
    }
  } catch (thrown) {
    error = thrown;
  }
  return { all, id: all[0]?.session_id ?? "", error };
}

/** What the SDK counted, and what the store adds up to, over the session and its sub-agents. */
async function expectTotals({ loci, sessionStore }: World, { all }: Ran): Promise<void> {
  expect((await sessionStore.recorder.flush()).problem).toBeUndefined();
  const result = all.findLast(({ type }) => type === "result");
  const told = Object.values((result?.["modelUsage"] ?? {}) as Record<string, Record<string, number>>);
  const sum = (numbers: Array<number | undefined>) =>
    numbers.reduce<number>((one, other) => one + (other ?? 0), 0);
  const calls = await loci.engine.find(modelCalls, { where: { inherited: false } });
  expect(sum(calls.map((call) => call.inputTokens))).toBe(sum(told.map((one) => one["inputTokens"])));
  expect(sum(calls.map((call) => call.outputTokens))).toBe(sum(told.map((one) => one["outputTokens"])));
}

async function sessionOf({ loci }: World, id: string) {
  const [session] = await loci.engine.find(sessions, { where: { id } });
  return session;
}

const cases: Readonly<
  Record<string, { readonly status: string; readonly sessions: number; readonly more?: object }>
> = {
  "use tools": { status: "completed", sessions: 1 },
  "delegate and wait": { status: "completed", sessions: 2 },
  "delegate beside": { status: "completed", sessions: 2 },
  "be refused": { status: "error", sessions: 1 },
  "use tools, but one turn": { status: "error", sessions: 1, more: { maxTurns: 1 } },
};

const nothing = "every row, to the token, and an import changes nothing";

test.each(Object.keys(cases))(`%s: ${nothing}`, async (prompt) => {
  await using place = await world();
  const { loci, sessionStore, options, here } = place;
  const { status, sessions: count, more } = cases[prompt] ?? { status: "", sessions: 0 };
  const query = withLoci(sdk.query, sessionStore);
  const run = await ran(query({ prompt, options: { ...options, ...more } }));
  await expectTotals(place, run);
  expect(await sessionOf(place, run.id)).toMatchObject({ status, title: prompt });
  expect((await loci.engine.find(sessions)).length).toBe(count);
  const rows = await rowsOf(loci);
  expect((await loci.import([join(here.claude, "projects")])).problems).toEqual([]);
  expect(await rowsOf(loci)).toEqual(rows);
});

async function rowsOf(loci: Loci): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const line of exportLines(loci.engine)) rows.push(JSON.parse(line));
  return rows;
}

test("a run that is interrupted or aborted is one, and a denied tool is named", async () => {
  await using place = await world();
  const { sessionStore, options, loci } = place;
  const query = withLoci(sdk.query, sessionStore);
  const isStarted = ({ type }: Message): boolean => type === "assistant";
  const stream = query({ prompt: "wait for me", options });
  const interrupted = await ran(stream, (message) => (isStarted(message) ? stream.interrupt() : undefined));
  const abortController = new AbortController();
  const aborted = await ran(
    query({ prompt: "wait for me", options: { ...options, abortController } }),
    (message) => (isStarted(message) ? abortController.abort() : undefined),
  );
  const canUseTool = async () => ({ behavior: "deny", message: "not today" });
  const denied = await ran(
    query({ prompt: "be denied", options: { ...options, allowedTools: [], canUseTool } }),
  );
  await sessionStore.recorder.flush();
  expect(aborted.error).toBeInstanceOf(Error);
  for (const { id } of [interrupted, aborted])
    expect((await sessionOf(place, id))?.status).toBe("interrupted");
  const said = await loci.engine.find(messages, { where: { sessionId: denied.id, role: "system" } });
  expect(JSON.stringify(said)).toContain('"denials":[{"tool":"Bash"');
});

test("a session goes on, on a machine that has the store and nothing else", async () => {
  await using place = await world();
  const { sessionStore, options, here, llm } = place;
  const query = withLoci(sdk.query, sessionStore);
  const first = await ran(query({ prompt: "delegate and wait", options }));
  rmSync(here.claude, { recursive: true, force: true });
  const home = join(here.folder, "another-home");
  mkdirSync(home);
  const env = { ...claudeEnv(here, llm), HOME: home, CLAUDE_CONFIG_DIR: join(home, ".claude") };
  process.env["CLAUDE_CONFIG_DIR"] = env.CLAUDE_CONFIG_DIR;
  const second = await ran(query({ prompt: "and now?", options: { ...options, env, resume: first.id } }));
  expect(second.error).toBeUndefined();
  expect(second.id).toBe(first.id);
  expect(JSON.stringify(llm.requests.at(-1))).toContain("delegate and wait");
  await expectTotals(place, second);
  const listed = { dir: here.workspace, sessionStore };
  expect((await sdk.listSessions(listed)).map(({ sessionId }) => sessionId)).toEqual([first.id]);
  const projectKey = here.workspace.replace(/[^a-zA-Z0-9]/g, "-");
  const entries = (await sessionStore.load({ projectKey, sessionId: first.id })) ?? [];
  const [summary] = await sessionStore.listSessionSummaries(projectKey);
  const folded = sdk.foldSessionSummary(undefined, { projectKey, sessionId: first.id }, entries, {
    mtime: 0,
  });
  expect(summary?.data).toEqual(folded.data);
  await sdk.renameSession(first.id, "Counting", listed);
  expect((await sdk.listSessions(listed))[0]?.summary).toBe("Counting");
  await sdk.deleteSession(first.id, listed);
  await sessionStore.recorder.flush();
  expect(await sdk.listSessions(listed)).toEqual([]);
  expect(await sessionStore.load({ projectKey, sessionId: first.id })).toBeNull();
});

test("loci resume puts its transcript where the program finds it, on a machine that never saw it", async () => {
  await using place = await world();
  const { sessionStore, options, loci, here, llm } = place;
  const first = await ran(sdk.query({ prompt: "delegate and wait", options }));
  await sessionStore.recorder.flush();
  rmSync(here.claude, { recursive: true });
  const env = { ...claudeEnv(here, llm), CLAUDE_CONFIG_DIR: join(here.folder, "another", ".claude") };
  const asked = { id: first.id, folder: undefined };
  const { files } = await prepareResume(loci, asked, { env, folder: here.workspace });
  expect(files.map(({ state }) => state)).toEqual(["written", "written"]);
  const again = { ...options, sessionStore: undefined, env, resume: first.id };
  const second = await ran(sdk.query({ prompt: "and now?", options: again }));
  expect([second.error, second.id]).toEqual([undefined, first.id]);
  expect(JSON.stringify(llm.requests.at(-1))).toContain("delegate and wait");
});

test("several prompts in one query have a result each", async () => {
  await using place = await world();
  const query = withLoci(sdk.query, place.sessionStore);
  let goOn = (): void => undefined;
  async function* prompts() {
    for (const content of ["use tools", "thank you"]) {
      yield { type: "user", message: { role: "user", content }, parent_tool_use_id: null };
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
    }
  }
  const run = await ran(
    query({ prompt: prompts(), options: place.options }),
    ({ type }) => type === "result" && goOn(),
  );
  await expectTotals(place, run);
  const said = await place.loci.engine.find(messages, { where: { sessionId: run.id, role: "system" } });
  expect(said.filter(({ content }) => content?.startsWith("The run ended")).length).toBe(2);
});
