import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  closeTursoClient,
  ConversationLogger,
  createConversationLogger,
  createTursoClient,
  getSession,
  runClaudeQuery,
  type TursoClient,
} from "../../dist/compat.js";
import { sessions } from "../../dist/model/session.js";
import { type Folder, testFolder } from "../import/support/store.ts";

let folder: Folder;
let store: TursoClient;
let logger: ConversationLogger;
beforeEach(() => {
  folder = testFolder();
  store = createTursoClient({ url: folder.at("log.db"), authToken: "" });
  logger = new ConversationLogger(store);
});
afterEach(async () => {
  await store.close();
  folder[Symbol.dispose]();
});

interface Message {
  readonly type: string;
  readonly session_id?: string;
}

const captured = new URL("../fixtures/claude-agent-sdk/claude-agent-sdk-tools.jsonl", import.meta.url);
const told: readonly Message[] = readFileSync(captured, "utf8")
  .trim()
  .split("\n")
  .map((line): Message => JSON.parse(line));
const claude = told.find(({ session_id }) => session_id !== undefined)?.session_id ?? "";

/** The SDK's `query` as it was captured, and what it was asked. */
function sdk(): { asked: unknown[]; query: (params: object) => AsyncGenerator<Message, void> } {
  const asked: unknown[] = [];
  return {
    asked,
    async *query(params) {
      asked.push(params);
      yield* told;
    },
  };
}

async function all<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

test("logs a query's messages and its final result, below the logger's session", async () => {
  await logger.startSession({ id: "plan-1", agentType: "planning", model: "fake-model" });
  const { asked, query } = sdk();
  const options = { cwd: "/workspace", maxTurns: 9 };
  expect(await all(runClaudeQuery("run the tool tour please", { ...options, logger, query }))).toEqual(told);
  expect(asked).toEqual([{ prompt: "run the tool tour please", options }]);
  await logger.endSession("completed");
  await logger.syncToCloud();
  const rows = await (await store.open()).engine.find(sessions);
  const [plan, child] = [rows.find(({ id }) => id === "plan-1"), rows.find(({ id }) => id === claude)];
  expect(rows).toHaveLength(2);
  expect(plan).toMatchObject({ parentSessionId: null, status: "completed" });
  expect(child).toMatchObject({ parentSessionId: "plan-1", status: "completed" });
  const stored = await getSession(store, claude);
  expect(stored?.toolCount).toBeGreaterThan(3);
  expect(stored?.messages[0]).toMatchObject({ role: "user", content: "run the tool tour please" });
  expect(stored?.messages.some(({ role }) => role === "assistant")).toBe(true);
  expect(stored?.messages.at(-1)?.role).toBe("system");
});

test("answers the same without a logger, where logging is off, and with one that fails", async () => {
  delete process.env["TURSO_DATABASE_URL"];
  const off = await createConversationLogger();
  const fails = new ConversationLogger({
    ...store,
    record: () => {
      throw new Error("no");
    },
  });
  for (const given of [undefined, null, off, fails]) {
    const { query } = sdk();
    const messages = await all(runClaudeQuery("go on", { logger: given, query }));
    expect(messages.every((message, index) => message === told[index])).toBe(true);
    expect(messages).toHaveLength(told.length);
  }
  expect(await (await store.open()).engine.find(sessions)).toEqual([]);
  await closeTursoClient();
});

test("what the SDK throws, and leaving early, reach whom they concern", async () => {
  let left = false;
  async function* query(): AsyncGenerator<Message, void> {
    try {
      yield* told.slice(0, 3);
      throw new Error("API Error");
    } finally {
      left = true;
    }
  }
  await expect(all(runClaudeQuery("one", { logger, query }))).rejects.toThrow("API Error");
  left = false;
  for await (const message of runClaudeQuery("two", { logger, query })) {
    expect(message).toBe(told[0]);
    break;
  }
  expect(left).toBe(true);
});

test("says what to install where there is no SDK", async () => {
  await expect(all(runClaudeQuery("hello"))).rejects.toMatchObject({
    code: "unsupported",
    next: "npm install @anthropic-ai/claude-agent-sdk",
  });
});
