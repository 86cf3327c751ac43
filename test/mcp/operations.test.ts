import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { views } from "../../dist/engines/sql/views.js";
import { type Loci, open } from "../../dist/index.js";
import { addConversation, getConversations } from "../../dist/operations/conversations.js";
import { readSession } from "../../dist/operations/sessions.js";
import { databaseInfo, describeTable, listTables } from "../../dist/operations/tables.js";
import { needs } from "../support/needs.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
let postgres: PostgresServer;

beforeAll(async () => {
  world = makeWorld();
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres.stop();
  world.end();
});

const context = {
  now: Date.now,
  env: {},
  folder: "/",
  progress: (): void => undefined,
};

const absent = {
  role: undefined,
  content: undefined,
  metadata: undefined,
  user: undefined,
  message: undefined,
  response: undefined,
  context: undefined,
  project: undefined,
};

async function talk(loci: Loci): Promise<void> {
  const add = (input: object): Promise<object> =>
    addConversation.run(loci, { ...absent, session: "swarm", ...input }, context);
  await add({ role: "user", content: "Where is the quokka?", metadata: { agent: "scout" } });
  await add({ message: "And now?", response: "Behind the gateway.", user: "u1" });
}

describe.each(["memory", "libsql", "postgres"])("on %s", (name) => {
  const opened = async (): Promise<Loci> =>
    open(name === "memory" ? "memory:" : name === "libsql" ? world.store : await postgres.database());

  test("what is added is read in order, counted and found", async (test) => {
    needs(test, name !== "postgres" || postgres.missing === undefined, postgres.missing ?? "");
    await using loci = await opened();
    await talk(loci);
    const all = await getConversations.run(loci, { session: "swarm", limit: 50, before: undefined }, context);
    expect(all).toMatchObject({
      messages: [
        { sequence: 1, role: "user", content: "Where is the quokka?", metadata: { agent: "scout" } },
        { sequence: 2, role: "user", content: "And now?", metadata: { user_id: "u1" } },
        { sequence: 3, role: "assistant", content: "Behind the gateway." },
      ],
      more: false,
    });
    const last = await getConversations.run(loci, { session: "swarm", limit: 1, before: 3 }, context);
    expect(last).toMatchObject({ messages: [{ sequence: 2 }], more: true });
    const read = await readSession.run(loci, { id: "swarm#2", from: undefined, limit: 1 }, context);
    expect(read).toMatchObject({
      session: { id: "swarm", agentType: "scout", source: "mcp", messageCount: 3 },
      messages: [{ sequence: 2 }],
    });
    expect((await loci.search("quokka")).items).toMatchObject([{ sessionId: "swarm", sequence: 1 }]);
    expect(await databaseInfo.run(loci, {}, context)).toMatchObject({ engine: name, sessions: 1 });
  });

  test("tables are listed and described, or it is said that there are none", async (test) => {
    needs(test, name !== "postgres" || postgres.missing === undefined, postgres.missing ?? "");
    await using loci = await opened();
    if (name === "memory") {
      await expect(listTables.run(loci, {}, context)).rejects.toMatchObject({ code: "unsupported" });
      return;
    }
    const { tables } = (await listTables.run(loci, {}, context)) as {
      tables: Array<{ name: string; kind: string }>;
    };
    expect(tables).toEqual(expect.arrayContaining([{ name: "messages", kind: "table" }]));
    expect(tables.filter(({ kind }) => kind === "view").map((view) => view.name)).toEqual(
      views.map((view) => view.name).sort(),
    );
    for (const view of views) {
      expect(await describeTable.run(loci, { table: view.name }, context)).toMatchObject({
        columns: view.columns.map(([column]) => ({ name: column })),
      });
    }
    expect(await describeTable.run(loci, { table: "messages" }, context)).toMatchObject({
      columns: expect.arrayContaining([
        expect.objectContaining({ name: "id", nullable: false, key: true }),
        expect.objectContaining({ name: "content", nullable: true, key: false }),
      ]) as unknown,
    });
    await expect(describeTable.run(loci, { table: "mesages" }, context)).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("Did you mean messages?") as unknown,
    });
  });
});
