import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ConversationLogger,
  createOpencodeServer,
  createTursoClient,
  setupEventMonitoring,
  type TursoClient,
} from "../../dist/compat.js";
import { messages } from "../../dist/model/message.js";
import { sessions } from "../../dist/model/session.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { eventsOf, type FakeOpencode, fakeOpencode } from "../attach/support/fake-opencode.ts";
import { type Folder, testFolder } from "../import/support/store.ts";

let folder: Folder;
let opencode: FakeOpencode;
let store: TursoClient;
let logger: ConversationLogger;
beforeEach(async () => {
  folder = testFolder();
  opencode = await fakeOpencode({ fresh: true });
  store = createTursoClient({ url: folder.at("log.db"), authToken: "" });
  logger = new ConversationLogger(store);
});
afterEach(async () => {
  await store.close();
  await opencode[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** As the SDK makes it: what it is told of itself, it answers with. */
const client = (): unknown => ({
  _client: { getConfig: () => ({ baseUrl: opencode.url, headers: new Headers() }) },
});

const sessionOf = (name: string): string =>
  String(eventsOf(name).find(({ type }) => type === "session.created")?.properties.info?.["id"]);

describe("setupEventMonitoring(client, logger)", () => {
  test("keeps the session's own id below the logger's, each tool call in one row, and errors", async () => {
    await logger.startSession({ id: "plan-1", agentType: "planning", model: "fake-model" });
    const monitoring = setupEventMonitoring(client(), logger);
    await monitoring.settled();
    opencode.play(eventsOf("tools", "bad-request"));
    await monitoring.close();
    await logger.endSession("completed");
    await logger.syncToCloud();
    const loci = await store.open();
    const rows = await loci.engine.find(sessions, { orderBy: [["startedAt", "up"]] });
    expect(rows.map(({ id, parentSessionId, status }) => [id, parentSessionId, status])).toEqual([
      [sessionOf("tools"), "plan-1", "completed"],
      [sessionOf("bad-request"), "plan-1", "error"],
      ["plan-1", null, "completed"],
    ]);
    const calls = await loci.engine.find(toolExecutions);
    expect(calls.map(({ toolName, status }) => `${toolName} ${status}`).sort()).toEqual([
      "bash completed",
      "bash error",
      "edit completed",
      "read completed",
      "read error",
      "write completed",
    ]);
    const said = await loci.engine.find(messages, { where: { sessionId: sessionOf("bad-request") } });
    expect(said.map(({ content }) => content)).toContain("fake invalid request");
  });

  test("leaves the type to a session that the logger began under OpenCode's id", async () => {
    await logger.startSession({ id: sessionOf("tools"), agentType: "planning", model: "fake-model" });
    const monitoring = setupEventMonitoring(client(), logger);
    await monitoring.settled();
    opencode.play(eventsOf("tools"));
    await monitoring.close();
    await store.flush();
    const rows = await (await store.open()).engine.find(sessions);
    expect(rows).toMatchObject([{ id: sessionOf("tools"), agentType: "planning", toolCount: 6 }]);
  });

  test("does nothing without a logger, or where logging is off", async () => {
    for (const none of [undefined, null, new ConversationLogger(null)]) {
      await using monitoring = setupEventMonitoring(client(), none);
      expect(await monitoring.settled()).toBe(false);
    }
    expect(opencode.asked).toEqual([]);
  });
});

describe("createOpencodeServer(options)", () => {
  test("starts it by the SDK's function, logs it, and stops it when all is logged", async () => {
    let stopped = 0;
    const server = await createOpencodeServer({
      port: 0,
      logger,
      createOpencode: async (options) => {
        expect(options).toEqual({ port: 0 });
        return { client: client(), server: { url: opencode.url, close: () => stopped++ } };
      },
    });
    expect(server.url).toBe(opencode.url);
    await server.monitoring.settled();
    opencode.play(eventsOf("hello"));
    await server.close();
    expect(stopped).toBe(1);
    expect(await (await store.open()).engine.find(messages)).toHaveLength(2);
  });

  test("says what to install where there is no SDK", async () => {
    await expect(createOpencodeServer({ logger })).rejects.toMatchObject({
      code: "unsupported",
      next: "npm install @opencode-ai/sdk",
    });
  });
});
