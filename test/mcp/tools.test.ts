import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { someSessions } from "../doors/world.ts";
import { type Connected, makeWorld, type World } from "./world.ts";

let world: World;
let mcp: Connected;
const api = "32851669-0000-4000-8000-000000000001";

beforeAll(async () => {
  world = makeWorld();
  await world.seed(someSessions(Date.now()));
  mcp = await world.connect("--toolsets", "all");
});

afterAll(async () => {
  await mcp.close();
  world.end();
});

type Row = Record<string, unknown>;

async function good(name: string, args?: Row): Promise<{ text: string; data: Record<string, Row[]> & Row }> {
  const { text, data, isError } = await mcp.call(name, args);
  expect({ isError, text }).toEqual({ isError: false, text });
  return { text, data: data as Record<string, Row[]> & Row };
}

describe("search_sessions", () => {
  test("finds a tool call by plain words, in text and in structure", async () => {
    const { text, data } = await good("search_sessions", { query: "retry backoff exceeded" });
    expect(data["hits"]?.[0]).toMatchObject({ session_id: api, sequence: 2, tool: "Bash" });
    expect(text).toContain(`${api}#2 `);
    expect(text).toContain("Fix the flaky sync test in hub");
    expect(text).toMatch(/^> .*\[retry\] \[backoff\]/m);
  });

  test("keeps to a project, and to all with *", async () => {
    const one = await good("search_sessions", { query: "p99 timer", project: "web" });
    expect(one.data["hits"]?.map(({ session_id: id }) => id)).toEqual([
      "a81c0000-0000-4000-8000-000000000002",
    ]);
    const all = await good("search_sessions", { query: "p99 timer", project: "*" });
    expect(all.data["hits"]?.length).toBeGreaterThan(1);
  });

  test("goes on with the cursor, without a hit twice", async () => {
    const whole = await good("search_sessions", { query: "the sync test timer", limit: 50 });
    const seen: unknown[] = [];
    let args: Row = { query: "the sync test timer", limit: 1 };
    for (let page = 0; page < 20; page++) {
      const { data } = await good("search_sessions", args);
      seen.push(...(data["hits"] ?? []));
      const next = data["next"] as { tool: string; arguments: Row } | undefined;
      if (next === undefined) break;
      expect(next.tool).toBe("search_sessions");
      args = next.arguments;
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(seen).toEqual(whole.data["hits"]);
  });
});

describe("list_sessions", () => {
  test("answers the newest first, with their cost", async () => {
    const { text, data } = await good("list_sessions", { limit: 2 });
    expect(data["sessions"]?.[0]).toMatchObject({
      id: api,
      title: "Fix the flaky sync test in hub",
      messages: 3,
      errors: 1,
    });
    expect(text).toContain("$0.35");
    expect(text).toMatch(/\nMore: call list_sessions with \{"limit":2,"cursor":"/);
  });

  test("goes on with the cursor to the end", async () => {
    const ids: unknown[] = [];
    let args: Row = { limit: 1, project: "*" };
    for (let page = 0; page < 20; page++) {
      const { data } = await good("list_sessions", args);
      ids.push(...(data["sessions"] ?? []).map(({ id }) => id));
      const next = data["next"] as { arguments: Row } | undefined;
      if (next === undefined) break;
      args = next.arguments;
    }
    const all = await good("list_sessions", { limit: 50 });
    expect(ids.length).toBeGreaterThan(3);
    expect(ids).toEqual(all.data["sessions"]?.map(({ id }) => id));
  });

  test("keeps to a status and an agent", async () => {
    const failed = await good("list_sessions", { status: "error" });
    expect(failed.data["sessions"]?.map(({ status }) => status)).toEqual(["error"]);
    const explorers = await good("list_sessions", { agent: "explore" });
    expect(explorers.data["sessions"]?.map(({ title }) => title)).toEqual(["Look for timers"]);
  });
});

describe("get_session", () => {
  test("reads messages and tool calls by the beginning of an id", async () => {
    const { text, data } = await good("get_session", { id: "3285" });
    expect(data["messages"]?.map(({ sequence, content }) => [sequence, content])).toEqual([
      [1, "The sync test fails one time in ten.\nFind out why."],
      [2, "Let me run it."],
      [3, "The timer is not awaited. Fixed."],
    ]);
    expect(data["messages"]?.[1]?.["tools"]).toEqual([
      {
        name: "Bash",
        status: "error",
        input: "npm test -- hub",
        result: "1 test failed: retry backoff exceeded",
      },
    ]);
    expect(text).toContain("> The sync test fails one time in ten.\n> Find out why.");
  });

  test("begins at the message that is named, and takes session_id too", async () => {
    const { data } = await good("get_session", { session_id: `${api}#3` });
    expect(data["messages"]?.map(({ sequence }) => sequence)).toEqual([3]);
  });

  test("goes on page by page", async () => {
    const first = await good("get_session", { id: api, limit: 2 });
    const next = first.data["next"] as unknown as { arguments: Row };
    const second = await good("get_session", next.arguments);
    expect(second.data["messages"]?.map(({ sequence }) => sequence)).toEqual([3]);
    expect(second.data["next"]).toBeUndefined();
  });
});

describe("add_conversation and get_conversations", () => {
  test("take the shape with role, content and metadata", async () => {
    const metadata = {
      agent: "backend-dev",
      files_created: ["api/users.ts", "api/auth.ts"],
      tests_passed: 15,
    };
    const added = await good("add_conversation", {
      session_id: "swarm-one",
      role: "assistant",
      content: "Completed API endpoint implementation",
      metadata,
    });
    expect(added.data).toMatchObject({ session_id: "swarm-one", stored: 1 });
    const { data, text } = await good("get_conversations", { session_id: "swarm-one", limit: 50 });
    expect(data["conversations"]).toMatchObject([
      {
        session_id: "swarm-one",
        role: "assistant",
        content: "Completed API endpoint implementation",
        metadata,
      },
    ]);
    expect(text).toContain("> Completed API endpoint implementation");
  });

  test("take the shape with message and response", async () => {
    const said = {
      session_id: "swarm-two",
      user_id: "u7",
      message: "Which port?",
      response: "4747",
      context: "setup",
    };
    expect((await good("add_conversation", said)).data).toMatchObject({ stored: 2 });
    const { data } = await good("get_conversations", { session_id: "swarm-two" });
    expect(data["conversations"]?.map(({ role, content, metadata }) => [role, content, metadata])).toEqual([
      ["user", "Which port?", { user_id: "u7", context: "setup" }],
      ["assistant", "4747", { user_id: "u7", context: "setup" }],
    ]);
  });

  test("keep the order, and go on to older ones", async () => {
    for (let turn = 1; turn <= 7; turn++) {
      await good("add_conversation", { session_id: "swarm-three", role: "user", content: `turn ${turn}` });
    }
    const last = await good("get_conversations", { session_id: "swarm-three", limit: 3 });
    expect(last.data["conversations"]?.map(({ content }) => content)).toEqual(["turn 5", "turn 6", "turn 7"]);
    const next = last.data["next"] as unknown as { arguments: Row };
    const older = await good("get_conversations", next.arguments);
    expect(older.data["conversations"]?.map(({ content }) => content)).toEqual([
      "turn 2",
      "turn 3",
      "turn 4",
    ]);
  });

  test("write what search and SQL find at once, secrets replaced", async () => {
    const secret = `sk-ant-api03-${"Ab3".repeat(31)}-AAAAAA`;
    const content = `The zanzibar gateway wants ${secret}`;
    await good("add_conversation", { session_id: "swarm-four", role: "user", content });
    const { data } = await good("search_sessions", { query: "zanzibar" });
    expect(data["hits"]).toMatchObject([{ session_id: "swarm-four", role: "user" }]);
    const rows = await good("execute_read_only_query", {
      query: "select content from messages where session_id = ?",
      params: ["swarm-four"],
    });
    expect(rows.data["rows"]?.[0]?.["content"]).toContain("zanzibar");
    expect(JSON.stringify(rows.data)).not.toContain(secret);
  });

  test("do not take one session for another whose name is longer", async () => {
    await good("add_conversation", { session_id: "swarm-10", role: "user", content: "of ten" });
    const { data, text } = await good("get_conversations", { session_id: "swarm-1" });
    expect(data["conversations"]).toEqual([]);
    expect(text).toContain("no messages yet");
  });

  test("refuse half a shape, both shapes and none, and say what is right", async () => {
    for (const args of [{ role: "user" }, { role: "user", content: "x", message: "y" }, {}]) {
      const { isError, text } = await mcp.call("add_conversation", { session_id: "swarm-five", ...args });
      expect(isError).toBe(true);
      expect(text).toContain("Give session_id, role (user, assistant, system, tool) and content");
    }
    expect((await good("get_conversations", { session_id: "swarm-five" })).data["conversations"]).toEqual([]);
  });
});

describe("the tools for SQL", () => {
  test("list_tables names tables and views", async () => {
    const { data, text } = await good("list_tables");
    const names = data["tables"]?.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["sessions", "messages", "tool_executions", "v_sessions"]));
    expect(text).toContain("> view v_sessions");
  });

  test("describe_table takes table and table_name, and helps with a name that is near", async () => {
    const one = await good("describe_table", { table: "messages" });
    const other = await good("describe_table", { table_name: "messages" });
    expect(one.data["columns"]?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["id", "session_id", "content"]),
    );
    expect(other.data).toEqual(one.data);
    const { isError, text } = await mcp.call("describe_table", { table: "mesages" });
    expect({ isError, text }).toEqual({
      isError: true,
      text: expect.stringContaining("Did you mean messages?"),
    });
  });

  test("execute_read_only_query answers rows by name, with values bound", async () => {
    const query = "select title, error_count as errors from sessions where id = ? and message_count > ?";
    const { data, text } = await good("execute_read_only_query", { query, params: [api, 1] });
    expect(data).toMatchObject({
      columns: ["title", "errors"],
      rows: [{ title: "Fix the flaky sync test in hub", errors: 1 }],
      row_count: 1,
      truncated: false,
    });
    expect(text).toContain("> title\terrors\n> Fix the flaky sync test in hub\t1");
  });

  test("execute_read_only_query keeps two columns of one name", async () => {
    const { data } = await good("execute_read_only_query", { query: "select 1 as a, 2 as a" });
    expect(data["rows"]).toEqual([{ a: 1, "a:2": 2 }]);
  });

  test("execute_read_only_query changes nothing, whatever it is sent", async () => {
    const before = await good("get_database_info");
    const hostile = [
      "delete from sessions",
      "DROP TABLE messages",
      "select 1; delete from messages",
      "with x as (select 1) delete from sessions",
      "/* select */ update sessions set title = 'x'",
      "pragma journal_mode = delete",
      "attach 'x.db' as x",
      "select load_extension('x')",
      "select writefile('x', 'y')",
      "explain delete from sessions; delete from sessions",
      "vacuum into 'x.db'",
      "select * from fsdir('/')",
    ];
    for (const query of hostile) {
      const { isError, text } = await mcp.call("execute_read_only_query", { query });
      expect({ query, isError, lines: text.split("\n").length > 1 }).toEqual({
        query,
        isError: true,
        lines: true,
      });
    }
    expect((await good("get_database_info")).data).toEqual(before.data);
  });

  test("get_database_info says which store it is and what it holds", async () => {
    const { data, text } = await good("get_database_info");
    expect(data).toMatchObject({ engine: "libsql", place: world.store, answers_sql: true });
    expect(data["sessions"]).toBeGreaterThan(3);
    expect(text).toContain(`place: ${world.store}`);
  });
});
