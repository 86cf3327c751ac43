import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { startPlatform } from "../databases/platform.ts";
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

test("backup_database and restore_database bring back what stood there, and keep what was replaced", async () => {
  await server.call("add_conversation", { session_id: "before", role: "user", content: "kept" });
  const made = await server.call("backup_database", { backup_name: "safe" });
  expect(made.isError).toBe(false);
  await server.call("add_conversation", { session_id: "after", role: "user", content: "later" });
  const back = await server.call("restore_database", { backup_id: made.data["backup_id"] });
  expect(back).toMatchObject({ isError: false, data: { backup_id: made.data["backup_id"] } });
  const messages = async (id: string): Promise<unknown> =>
    (await server.call("get_conversations", { session_id: id })).data["count"];
  expect([await messages("before"), await messages("after")]).toEqual([1, 0]);
  await server.call("restore_database", { backup_id: back.data["replaced_backup_id"] });
  expect(await messages("after")).toBe(1);
  const unknown = await server.call("restore_database", { backup_id: "nothing" });
  expect([unknown.isError, unknown.text]).toEqual([
    true,
    expect.stringContaining(String(made.data["backup_id"])),
  ]);
});

test("create, list and delete a database; SQL goes to the one that was named last, and back to main", async () => {
  expect((await server.call("create_database", { name: "agent-1" })).isError).toBe(false);
  await server.call("execute_query", { query: "CREATE TABLE mine (a TEXT)", database: "agent-1" });
  await server.call("execute_query", { query: "INSERT INTO mine VALUES ('x')" });
  const here = await server.call("execute_read_only_query", { query: "SELECT a FROM mine" });
  expect(here.data["rows"]).toEqual([{ a: "x" }]);
  expect((await server.call("list_databases")).data).toMatchObject({
    current: "agent-1",
    databases: [{ name: "agent-1", provider: "local" }],
  });
  expect((await server.call("get_database_info")).data["place"]).toMatch(/agent-1\.db$/);
  const main = await server.call("execute_read_only_query", {
    query: "SELECT a FROM mine",
    database: "main",
  });
  expect(main.isError).toBe(true);
  expect((await server.call("list_databases")).data["current"]).toBe("main");
  const gone = await server.call("delete_database", { name: "agent-1" });
  expect(gone.data).toMatchObject({ name: "agent-1", setAside: expect.stringContaining("deleted") });
  const after = await server.call("execute_query", { query: "SELECT 1", database: "agent-1" });
  expect([after.isError, after.text]).toEqual([true, expect.stringContaining('no database "agent-1"')]);
  expect((await server.call("create_database", { name: "../up" })).isError).toBe(true);
});

test("token tools are offered where Turso is configured, and no token is kept or said twice", async () => {
  const tokenTools = [
    "generate_database_token",
    "create_database_token",
    "list_database_tokens",
    "revoke_database_token",
    "get_token_cache_status",
    "clear_token_cache",
  ];
  expect((await names(server)).filter((name) => tokenTools.includes(name))).toEqual([]);
  const platform = await startPlatform();
  const turso = await world.connectWith(
    {
      TURSO_API_TOKEN: platform.token,
      TURSO_ORGANIZATION: platform.organization,
      TURSO_API_BASEURL: platform.url,
      TURSO_DEFAULT_DATABASE: "shared",
      TOKEN_EXPIRATION: "3d",
    },
    "--toolsets",
    "all",
  );
  try {
    expect((await names(turso)).filter((name) => tokenTools.includes(name))).toEqual(tokenTools);
    await turso.call("create_database", { name: "shared", group: "default" });
    await turso.call("create_database", { name: "agent-1", regions: ["fra"] });
    expect((await turso.call("list_databases")).data["databases"]).toMatchObject([
      { name: "shared", provider: "turso", url: "libsql://shared-acme.turso.io" },
      { name: "agent-1", provider: "turso", group: "fra" },
    ]);
    const one = await turso.call("generate_database_token", { database: "agent-1", permission: "read-only" });
    const two = await turso.call("create_database_token", { permission: "full-access", expiration: "1d" });
    expect([one.data["database"], two.data["database"]]).toEqual(["agent-1", "shared"]);
    expect(platform.isGood(String(one.data["token"]))).toBe(true);
    expect(platform.asked.at(-1)).toContain("expiration=1d&authorization=full-access");
    const listed = await turso.call("list_database_tokens");
    expect((listed.data["tokens"] as unknown[]).length).toBe(2);
    expect((await turso.call("get_token_cache_status")).data).toMatchObject({
      tokens: 2,
      databases: ["agent-1", "shared"],
    });
    expect((await turso.call("clear_token_cache", { database: "shared" })).data).toEqual({ cleared: 1 });
    const ended = await turso.call("revoke_database_token", { token_id: one.data["token_id"] });
    expect(ended.data).toMatchObject({ database: "agent-1", revoked: [one.data["token_id"]] });
    expect(platform.isGood(String(one.data["token"]))).toBe(false);
    const usage = await turso.call("get_database_usage", { period: "7d", database: "agent-1" });
    expect(usage.data).toMatchObject({ rows_written: 34, rows_read: 1200, storage_bytes: 40_960 });
    platform.failNext(429);
    const busy = await turso.call("list_databases");
    expect(busy.data["error"]).toMatchObject({ code: "busy", retry_after_ms: 1_000 });
    expect((await turso.call("delete_database", { name: "agent-1" })).text).toContain("It is gone.");
    const said = JSON.stringify([listed, ended, usage, busy]) + turso.stderr();
    expect(said).not.toContain(platform.token);
    expect(said).not.toContain(String(one.data["token"]));
    const file = readFileSync(world.store, "latin1");
    expect([file.includes(platform.token), file.includes(String(one.data["token"]))]).toEqual([false, false]);
  } finally {
    await turso.close();
    await platform.stop();
  }
});

test("the tools that destroy are labelled, and the list of them is short", async () => {
  const { tools } = await server.client.listTools();
  const mine = tools.filter(({ name }) =>
    /^(execute_query|vector_search|setup_memory_tables|get_database_usage|backup_|restore_|(list|create|delete)_database)/.test(
      name,
    ),
  );
  const destructive = mine
    .filter(({ annotations }) => annotations?.destructiveHint === true)
    .map(({ name }) => name);
  expect(destructive).toEqual(["execute_query", "restore_database", "delete_database"]);
  expect(mine.length).toBe(9);
  expect(JSON.stringify(mine).length / 4).toBeLessThan(800);
});
