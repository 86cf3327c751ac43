import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ConversationLogger,
  closeTursoClient,
  createConversationLogger,
  createTursoClient,
  getSession,
  getSessionStats,
  getTursoClient,
  getTursoConfig,
  initializeSchema,
  listSessions,
  MIGRATIONS,
  SCHEMA_VERSION,
  searchSessions,
} from "loci/compat";
import { open } from "../../dist/index.js";

const before = { ...process.env };
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loci-compat-"));
  process.env["LOCI_HOME"] = join(folder, "home");
  process.env["TURSO_DATABASE_URL"] = `file:${join(folder, "agents.db")}`;
  process.env["TURSO_AUTH_TOKEN"] = "any";
});

afterEach(async () => {
  await closeTursoClient();
  for (const name of ["LOCI_HOME", "TURSO_DATABASE_URL", "TURSO_AUTH_TOKEN"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  rmSync(folder, { recursive: true, force: true });
});

describe("the snippets of the logging plan", () => {
  test("a conversation is logged, listed and read again", async () => {
    const client = await getTursoClient();
    const logger = new ConversationLogger(client);
    await logger.startSession({
      id: "session-1",
      agentType: "planning",
      model: "claude-sonnet-4",
      provider: "anthropic",
      metadata: { issue: "DEL-1332" },
    });
    const first = await logger.logMessage("user", "Plan the logging feature", 12);
    await logger.logMessage("assistant", "Here is the plan", 240);
    await logger.logToolExecution("read_file", "completed", { path: "src/index.ts" }, "export {}");
    await logger.endSession("completed");
    await logger.syncToCloud();

    const sessions = await listSessions(client, { limit: 10 });
    expect(sessions).toEqual([
      {
        id: "session-1",
        agentType: "planning",
        model: "claude-sonnet-4",
        provider: "anthropic",
        startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        endedAt: expect.stringMatching(/Z$/),
        status: "completed",
        messageCount: 2,
        toolCount: 1,
      },
    ]);
    const details = await getSession(client, sessions[0]?.id ?? "");
    expect(details?.metadata).toEqual({ issue: "DEL-1332" });
    expect(details?.messages.map(({ sequence, role, content }) => [sequence, role, content])).toEqual([
      [1, "user", "Plan the logging feature"],
      [2, "assistant", "Here is the plan"],
    ]);
    expect(details?.messages[0]?.id).toBe(first);
    expect(details?.toolExecutions).toMatchObject([
      { toolName: "read_file", status: "completed", input: { path: "src/index.ts" }, output: "export {}" },
    ]);
    expect(await getSession(client, "nobody")).toBeNull();
  });

  test("a session that is started again began when it first did, and runs", async () => {
    const client = await getTursoClient();
    const first = new ConversationLogger(client);
    await first.startSession({ id: "again", agentType: "planning", model: "m" });
    await first.logMessage("user", "one");
    await first.endSession("error", "boom");
    await first.syncToCloud();
    const before = await getSession(client, "again");
    const second = new ConversationLogger(client);
    await second.startSession({ id: "again", agentType: "planning", model: "m" });
    await second.logMessage("user", "two");
    const after = await getSession(client, "again");
    expect(before).toMatchObject({ status: "error", errorMessage: "boom" });
    expect(after).toMatchObject({ status: "running", endedAt: null, errorMessage: null });
    expect(after?.startedAt).toBe(before?.startedAt);
    expect(after?.messages.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  test("the configuration needs both variables; without it there is no effect, no error and no file", async () => {
    expect(getTursoConfig()).toEqual({ url: process.env["TURSO_DATABASE_URL"], authToken: "any" });
    for (const name of ["TURSO_AUTH_TOKEN", "TURSO_DATABASE_URL"]) {
      delete process.env[name];
      expect(getTursoConfig()).toBeNull();
      expect(await getTursoClient()).toBeNull();
      const logger = await createConversationLogger();
      await logger.startSession({ id: "x", agentType: "a", model: "m" });
      expect(await logger.logMessage("user", "hello")).toMatch(/^[0-9a-f-]{36}$/);
      await logger.logToolExecution({ toolName: "t", status: "running" });
      await logger.endSession("error", "no");
      await logger.syncToCloud();
      expect(logger.getSessionId()).toBe("x");
      expect(await listSessions(null, { limit: 10 })).toEqual([]);
      expect(await getSession(null, "x")).toBeNull();
      expect(await searchSessions(null, "hello")).toEqual([]);
      expect((await getSessionStats(null)).totalSessions).toBe(0);
      expect(await initializeSchema()).toBe(false);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test("one client in a process, made when it is first asked for", async () => {
    const client = await getTursoClient();
    expect(await getTursoClient()).toBe(client);
    expect(readdirSync(folder)).toEqual([]);
    expect(await initializeSchema()).toBe(true);
    expect(await initializeSchema()).toBe(true);
    expect(SCHEMA_VERSION).toBe(MIGRATIONS.at(-1)?.version);
    await closeTursoClient();
    expect(await getTursoClient()).not.toBe(client);
  });
});

describe("what the program it comes from got wrong", () => {
  test("a call is one row from its start to its end, with its duration", async () => {
    const client = await getTursoClient();
    const logger = await createConversationLogger();
    await logger.startSession({ id: "s", agentType: "linear", model: "m" });
    const began = await logger.logToolExecution({
      toolName: "bash",
      status: "running",
      input: { a: 1 },
      callId: "c1",
    });
    await logger.logToolExecution({ toolName: "bash", status: "running", input: { a: 2 }, callId: "c2" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const ended = await logger.logToolExecution({
      toolName: "bash",
      status: "completed",
      output: "one",
      callId: "c1",
    });
    await logger.logToolExecution({ toolName: "bash", status: "error", error: "two", callId: "c2" });
    // Without an id: the latest open call of that name.
    await logger.logToolExecution("read", "running", { path: "a" });
    await logger.logToolExecution("read", "running", { path: "b" });
    await logger.logToolExecution("read", "completed", undefined, { text: "b" });
    await logger.logToolExecution("read", "error", undefined, undefined, "a failed");
    expect(ended).toBe(began);
    const detail = await getSession(client, "s");
    const rows = detail?.toolExecutions.map((row) => [
      row.toolName,
      row.status,
      row.input,
      row.output ?? row.error,
    ]);
    expect(rows).toEqual([
      ["bash", "completed", { a: 1 }, "one"],
      ["bash", "error", { a: 2 }, "two"],
      ["read", "error", { path: "a" }, "a failed"],
      ["read", "completed", { path: "b" }, '{"text":"b"}'],
    ]);
    expect(detail?.toolExecutions[0]?.durationMs).toBeGreaterThanOrEqual(25);
    expect(detail?.toolCount).toBe(4);
  });

  test("a tool's row names the message that asked for it, and 0 tokens stay 0", async () => {
    const client = await getTursoClient();
    const logger = new ConversationLogger(client);
    await logger.startSession({ id: "s", agentType: "a", model: "m" });
    await logger.logMessage({ role: "user", content: "go", tokenCount: 0 });
    const asked = await logger.logMessage("assistant", "calling");
    await logger.logToolExecution("t", "completed");
    await logger.syncToCloud();
    const detail = await getSession(client, "s");
    expect(detail?.messages.map((row) => row.tokenCount)).toEqual([0, null]);
    await using loci = await open(process.env["TURSO_DATABASE_URL"]);
    expect((await loci.sessions.toolExecutions("s"))[0]?.messageId).toBe(asked);
  });

  test("two loggers on one session share its sequence", async () => {
    const client = await getTursoClient();
    for (const n of [1, 2, 3]) {
      const logger = new ConversationLogger(client);
      await logger.startSession({ id: "s", agentType: "a", model: "m" });
      await logger.logMessage("user", `turn ${n}`);
    }
    const detail = await getSession(client, "s");
    expect(detail?.messages.map((row) => [row.sequence, row.content])).toEqual([
      [1, "turn 1"],
      [2, "turn 2"],
      [3, "turn 3"],
    ]);
  });

  test("statistics count each row once, lists page and filter", async () => {
    const client = await getTursoClient();
    const logger = new ConversationLogger(client);
    for (let n = 0; n < 5; n++) {
      await logger.startSession({ id: `s${n}`, agentType: n < 3 ? "planning" : "review", model: "m" });
      for (let k = 0; k < 3; k++) {
        await logger.logMessage("user", `message ${k}`, 10);
        await logger.logToolExecution("t", "completed");
      }
      if (n > 0) await logger.endSession(n === 4 ? "error" : "completed", n === 4 ? "it broke" : undefined);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    expect(await getSessionStats(client)).toEqual({
      totalSessions: 5,
      runningSessions: 1,
      completedSessions: 3,
      errorSessions: 1,
      totalMessages: 15,
      totalToolExecutions: 15,
      totalTokens: 150,
      sessionsByAgentType: { planning: 3, review: 2 },
    });
    const planning = { totalMessages: 9, totalSessions: 3, totalTokens: 90 };
    expect(await getSessionStats(client, { agentType: "planning" })).toMatchObject(planning);
    const ids = async (options: Parameters<typeof listSessions>[1]) =>
      (await listSessions(client, options)).map((row) => row.id);
    expect(await ids({ limit: 2 })).toEqual(["s4", "s3"]);
    expect(await ids({ limit: 2, offset: 2 })).toEqual(["s2", "s1"]);
    expect(await ids({ agentType: "review" })).toEqual(["s4", "s3"]);
    expect(await ids({ status: "error" })).toEqual(["s4"]);
    expect(await ids({ status: "nonsense" })).toEqual([]);
    const middle = (await getSession(client, "s2"))?.startedAt ?? "";
    expect(await ids({ startedAfter: middle })).toEqual(["s4", "s3"]);
    expect(await ids({ startedBefore: new Date(middle) })).toEqual(["s1", "s0"]);
    expect((await getSession(client, "s4"))?.errorMessage).toBe("it broke");
  });

  test("search finds words also in what tools were given and answered; % and _ are only signs", async () => {
    const client = await getTursoClient();
    const logger = new ConversationLogger(client);
    const say = async (id: string, text: string) => {
      await logger.startSession({ id, agentType: "a", model: "m" });
      await logger.logMessage("user", text);
    };
    await say("percent", "we are at 100% of it");
    await say("plain", "we are at 100 of it");
    await say("snake", "call max_size now");
    await say("spaced", "call max size now");
    await say("tool", "run it");
    await logger.logToolExecution("bash", "completed", { command: "deploy zeppelin" }, "landed in Lakehurst");
    const ids = async (query: string) =>
      (await searchSessions(client, query)).map((row) => row.id).toSorted();
    expect(await ids("100%")).toEqual(["percent"]);
    expect(await ids("max_size")).toEqual(["snake"]);
    expect(await ids("%")).toEqual([]);
    expect(await ids("_")).toEqual([]);
    expect(await ids("")).toEqual([]);
    expect(await ids("zeppelin")).toEqual(["tool"]);
    expect(await ids("lakehurst")).toEqual(["tool"]);
    expect(await ids("nothing-like-this")).toEqual([]);
  });

  test("a server whose address cannot be read keeps everything in the spool, and the agent does not notice", {
    timeout: 20_000,
  }, async () => {
    const client = createTursoClient({ url: "libsql://exa mple.turso.io", authToken: "t" });
    const logger = new ConversationLogger(client);
    await logger.startSession({ id: "s", agentType: "a", model: "m" });
    await logger.logMessage("user", "kept");
    expect(await client.flush()).toMatchObject({
      noted: 2,
      written: 0,
      spooled: 2,
      problem: expect.any(String),
    });
    await client.close();
    expect(existsSync(join(folder, "home", "spool"))).toBe(true);
    const [spool = ""] = readdirSync(join(folder, "home", "spool"));
    expect(readdirSync(join(folder, "home", "spool", spool))).toHaveLength(1);
  });

  test("a store that cannot be never reaches the agent", async () => {
    for (const url of ["nonsense://x", "file:/proc/none/x.db"]) {
      const client = createTursoClient({ url, authToken: "t" });
      const logger = new ConversationLogger(client);
      await logger.startSession({ id: "s", agentType: "a", model: "m" });
      await logger.logMessage("user", "hello");
      await logger.endSession("completed");
      await client.close();
    }
  });
});
