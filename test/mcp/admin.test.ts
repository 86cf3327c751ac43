import { afterAll, beforeAll, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { type Connected, makeWorld, type World } from "./world.ts";

let world: World;
let server: Connected;

beforeAll(async () => {
  world = makeWorld();
  await world.seed([{ kind: "message", id: "m1", sessionId: "s1", role: "user", content: "hello" }]);
  server = await world.connect("--toolsets", "all", "--allow-write-sql");
});
afterAll(async () => {
  await server.close();
  world.end();
});

const names = async (connected: Connected): Promise<string[]> =>
  (await connected.client.listTools()).tools.map(({ name }) => name);

test("execute_query keeps what the seed document writes, and the typed API reads it", async () => {
  const done = await server.call("execute_query", {
    query: `INSERT INTO agent_memory
    (agent_id, decision_type, decision_data, context)
    VALUES (?, ?, ?, ?)`,
    params: ["backend-dev-001", "api-design", JSON.stringify({ routes: 3 }), "plain words"],
  });
  expect(done).toMatchObject({
    isError: false,
    text: "1 row changed.",
    data: { rowsAffected: 1, lastInsertRowid: 1 },
  });
  const history = await server.call("execute_read_only_query", {
    query: "SELECT * FROM agent_memory WHERE agent_id = ? ORDER BY created_at DESC LIMIT 10",
    params: ["backend-dev-001"],
  });
  expect(history.data["rows"]).toMatchObject([{ decision_type: "api-design", context: "plain words" }]);
  await using loci = await open(world.store);
  expect((await loci.memory.list({ agentId: "backend-dev-001" })).items).toMatchObject([
    { decisionData: { routes: 3 }, context: "plain words" },
  ]);
});

test("execute_query inserts a batch into a table that it made, and answers rows", async () => {
  const records = [1, 2, 3].map((n) => ({ id: `r${n}`, data: `d${n}`, timestamp: n }));
  await server.call("execute_query", {
    query: "CREATE TABLE batch_data (id TEXT, data TEXT, timestamp INTEGER)",
  });
  const done = await server.call("execute_query", {
    query: `INSERT INTO batch_data (id, data, timestamp) VALUES ${records.map(() => "(?, ?, ?)").join(", ")}`,
    params: records.flatMap((r) => [r.id, r.data, r.timestamp]),
  });
  expect(done.data["rowsAffected"]).toBe(3);
  const rows = await server.call("execute_query", {
    query: "SELECT data FROM batch_data WHERE timestamp > 1",
  });
  expect(rows.data["rows"]).toEqual([{ data: "d2" }, { data: "d3" }]);
});

test("execute_query says what it does not do, and is offered only with its flag", async () => {
  const refused = await server.call("execute_query", { query: "DROP TABLE sessions" });
  expect(refused.isError).toBe(true);
  expect(refused.text).toMatch(/sessions is Loci's own table/);
  const without = await world.connect("--toolsets", "all");
  expect(await names(without)).not.toContain("execute_query");
  expect((await without.call("execute_query", { query: "SELECT 1" })).text).toMatch(/--allow-write-sql/);
  await without.close();
});

test("setup_memory_tables says what is there, twice the same, and the companion's names answer SQL", async () => {
  await server.call("add_conversation", {
    session_id: "talk",
    user_id: "u1",
    message: "Where is the quokka?",
    response: "Behind the gateway.",
    context: "zoo",
  });
  const first = await server.call("setup_memory_tables");
  expect(first.data["tables"]).toContainEqual({ name: "conversations", kind: "view", rows: 3 });
  expect((await server.call("setup_memory_tables")).data).toEqual(first.data);
  const asked = await server.call("execute_read_only_query", {
    query:
      "SELECT user_id, message, response, context FROM conversations WHERE session_id = 'talk' ORDER BY timestamp, id",
  });
  expect(asked.data["rows"]).toEqual([
    { user_id: "u1", message: "Where is the quokka?", response: null, context: "zoo" },
    { user_id: "u1", message: null, response: "Behind the gateway.", context: "zoo" },
  ]);
  await server.call("execute_query", {
    query: "INSERT INTO knowledge (topic, content) VALUES ('edge', 'Cache it.')",
  });
  const known = await server.call("execute_read_only_query", {
    query: "SELECT topic, content, category FROM knowledge_base",
  });
  expect(known.data["rows"]).toEqual([{ topic: "edge", content: "Cache it.", category: "general" }]);
});

test("get_database_usage counts what came in", async () => {
  await world.seed([
    {
      kind: "message",
      id: "m-old",
      sessionId: "s1",
      role: "user",
      content: "old",
      createdAt: Date.now() - 3 * 86_400_000,
    },
  ]);
  const messages = async (period: string): Promise<unknown> =>
    ((await server.call("get_database_usage", { period })).data["rows"] as Record<string, unknown>)[
      "messages"
    ];
  const [hour, week] = [await messages("1h"), await messages("7d")];
  expect(Number(week)).toBe(Number(hour) + 1);
  const { data } = await server.call("get_database_usage", {});
  expect(data["period"]).toBe("24h");
  expect(Number(data["storage_bytes"])).toBeGreaterThan(10_000);
});

test("vector_search finds the nearest rows, with an index and without, and names are the schema's only", async () => {
  for (const query of [
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, embedding F32_BLOB(3))",
    "INSERT INTO notes (text, embedding) VALUES ('north', vector32('[1,0,0]')), ('east', vector32('[0,1,0]')), ('up', vector32('[0,0,1]'))",
  ]) {
    expect(await server.call("execute_query", { query })).toMatchObject({ isError: false });
  }
  const near = { table: "notes", vector_column: "embedding", query_vector: [0.9, 0.1, 0], limit: 2 };
  const exact = await server.call("vector_search", near);
  expect(exact.data["rows"]).toMatchObject([
    { id: 1, text: "north" },
    { id: 2, text: "east" },
  ]);
  await server.call("execute_query", {
    query: "CREATE INDEX notes_near ON notes (libsql_vector_idx(embedding))",
  });
  const indexed = await server.call("vector_search", near);
  expect(indexed.data["rows"]).toMatchObject([
    { id: 1, text: "north" },
    { id: 2, text: "east" },
  ]);
  for (const [wrong, said] of [
    [{ ...near, table: "notes; DROP TABLE notes" }, /no table/],
    [{ ...near, vector_column: "text" }, /no vector column "text": it has embedding/],
    [{ ...near, vector_column: "embedding) from sessions--" }, /no vector column/],
    [{ ...near, query_vector: [1, 2] }, /have 3 numbers, and 2 came/],
    [{ ...near, query_vector: ["a"] }, /list of numbers/],
  ] as const) {
    const answer = await server.call("vector_search", wrong);
    expect([answer.isError, answer.text]).toEqual([true, expect.stringMatching(said)]);
  }
});
