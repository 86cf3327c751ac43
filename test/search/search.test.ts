import { describe, expect, test } from "vitest";
import { memoryStore, places, said, session, start, type TestStore } from "./support.ts";

async function withTexts(texts: readonly string[]): Promise<TestStore> {
  const store = await memoryStore();
  await store.write([session("s", { projectPath: "/home/me/code/api" }), ...said("s", texts)]);
  await store.search.catchUp();
  return store;
}

async function found(store: TestStore, words: string, options: object = {}): Promise<number[]> {
  const { items } = await store.search.search(words, { limit: 50, ...options });
  return items.map((item) => item.sequence).sort((a, b) => a - b);
}

describe("words", () => {
  test.each([
    ["another form of the word", "we were running the loops", "run loop"],
    ["a part of a name", "see parseHTTPFile2 for it", "http"],
    ["a name by its parts", "see parseHTTPFile2 for it", '"parse http file"'],
    ["a name written in another way", "call user_account_id here", "userAccountId"],
    ["a path by its file", "open src/http/retry-policy.ts now", "retry-policy.ts"],
    ["a path whole", "open src/http/retry-policy.ts now", "src/http/retry-policy.ts"],
    ["a version", "upgrade to 10.4.2 today", "10.4.2"],
    ["an accent left out", "le café est là", "cafe"],
    ["an accent put in", "the cafe is there", "café"],
    ["two characters of a script without spaces", "昨日は東京タワーに行きました", "東京"],
    ["one character of a script without spaces", "昨日は東京タワーに行きました", "塔 東"],
    ["a Korean word", "서울에서 만나요", "서울"],
    ["Cyrillic in capitals", "ошибка подключения", "ОШИБКА"],
    ["a sign", "deployed ✅ at noon", "✅"],
    ["a prefix", "the connection was lost", "connec*"],
    ["a prefix that reaches into an ending", "the connection was lost", "connecti*"],
    ["words that are in every text", "to be or not to be", "to be or not"],
    ["a possessive", "the user's cart", "user cart"],
    ["an identifier of hexadecimal digits", "commit 9f8e7d6c5b4a was bad", "9f8e7d6c5b4a"],
  ])("find %s", async (_, text, words) => {
    await using store = await withTexts(["something else altogether", text]);
    expect(await found(store, words)).toContain(2);
    expect(await found(store, words)).not.toContain(1);
  });

  test.each([
    "NEAR(",
    '"',
    '""',
    '"unbalanced quote',
    "content:",
    "a AND (b OR",
    "*",
    "-",
    "--",
    "^foo$ [a-z]+ (?:x)",
    "'; drop table messages; --",
    "tool:",
    "after:never",
    "is:what",
    "x:y",
    "\u0000\u0001",
    "\ud800",
    "💥💥💥",
    "",
    "   ",
    "( ) { } [ ]",
    "a:b:c:d",
    '-"',
    '-"x',
    "session:",
    "🏳️‍🌈*",
  ])("%j is no error", async (words) => {
    await using store = await withTexts(["something else altogether"]);
    const { items, next } = await store.search.search(words);
    expect(Array.isArray(items)).toBe(true);
    expect(next).toBe(null);
  });

  test("a question of 100 KB is no error, and its beginning is read", async () => {
    await using store = await withTexts(["the needle is here", "nothing"]);
    const { items } = await store.search.search(`needle ${"straw ".repeat(20_000)}`);
    expect(items[0]?.sequence).toBe(1);
    expect(await found(store, "x".repeat(100_000))).toEqual([]);
  });

  test("a phrase has to stand as it is, a word with a minus may not", async () => {
    await using store = await withTexts(["red green blue", "green red blue", "red green", "red or green"]);
    expect(await found(store, '"red green"')).toEqual([1, 3]);
    expect(await found(store, '"red green" -blue')).toEqual([3]);
    expect(await found(store, 'red -"green blue"')).toEqual([2, 3, 4]);
    expect(await found(store, "-blue")).toEqual([3, 4]);
  });

  test("flags and negative numbers are words, not exclusions", async () => {
    await using store = await withTexts(["rm -rf build", "exit code -1"]);
    expect(await found(store, "rm -rf")).toEqual([1]);
    expect(await found(store, "exit -1")).toEqual([2]);
  });

  test("of a long text the beginning and the end are found, and the middle is not", async () => {
    const filler = "filler words ".repeat(20_000);
    await using store = await withTexts([`alphastart ${filler} middlemost ${filler} omegaend`]);
    expect(await found(store, "alphastart")).toEqual([1]);
    expect(await found(store, "omegaend")).toEqual([1]);
    expect(await found(store, "middlemost")).toEqual([]);
    const { items } = await store.search.search("omegaend");
    expect(items[0]?.snippet).toContain("[omegaend]");
  });
});

describe("filters", () => {
  async function tools(): Promise<TestStore> {
    const store = await memoryStore();
    await store.write([
      session("api-session", { projectPath: "/home/me/code/api", agentId: "worker-7" }),
      session("web-session", { projectPath: "/home/me/code/web", agentType: "planning" }),
      ...said("api-session", ["please test it", "running now", "fine"]),
      ...said("web-session", ["please test the web"]),
      {
        kind: "toolExecution",
        id: "t1",
        sessionId: "api-session",
        messageId: "api-session-2",
        resultMessageId: "api-session-3",
        toolName: "Bash",
        input: { command: "npm test", env: { DEBUG: "everything" } },
        error: "timeout of 2000ms exceeded",
        status: "error",
        startedAt: start + 5000,
      },
      {
        kind: "toolExecution",
        id: "t2",
        sessionId: "web-session",
        toolName: "Read",
        input: { file_path: "/tmp/test.txt" },
        output: "some test output",
        status: "completed",
        startedAt: start + 86_400_000,
      },
    ]);
    await store.search.catchUp();
    return store;
  }

  test.each<[string, object, string[]]>([
    ["tool:Bash npm", {}, ["api-session/3"]],
    ["tool:bash is:error", {}, ["api-session/3"]],
    ["tool:Read test", {}, ["web-session/0"]],
    ["tool:Read is:error test", {}, []],
    ["everything", {}, ["api-session/3"]],
    ["please role:user", {}, ["api-session/1", "web-session/1"]],
    ["please project:api", {}, ["api-session/1"]],
    ["please project:/home/me/code", {}, ["api-session/1", "web-session/1"]],
    ["please", { project: "/home/me/code/web/" }, ["web-session/1"]],
    ["please agent:planning", {}, ["web-session/1"]],
    ["please", { agent: "worker-7" }, ["api-session/1"]],
    ["please", { session: "web-session" }, ["web-session/1"]],
    ["please session:api-se", {}, ["api-session/1"]],
    ["test after:2026-01-01T12:00", {}, ["web-session/0"]],
    ["test before:2026-01-01T12:00 project:web", {}, ["web-session/1"]],
    ["please tool:nothing", {}, []],
    ["please project:nothing", {}, []],
  ])("%s %o", async (words, options, expected) => {
    await using store = await tools();
    const { items } = await store.search.search(words, options);
    expect(places(items).sort()).toEqual(expected);
  });

  test("a tool's words lead to the message with its result, with the tool's name", async () => {
    await using store = await tools();
    const [item] = (await store.search.search("timeout exceeded")).items;
    expect(item).toMatchObject({
      sessionId: "api-session",
      messageId: "api-session-3",
      sequence: 3,
      role: "user",
      toolName: "Bash",
      projectPath: "/home/me/code/api",
    });
    expect(item?.snippet).toContain("[timeout] of 2000ms [exceeded]");
  });

  test("filters alone list the newest first", async () => {
    await using store = await tools();
    const { items, total } = await store.search.search("project:api");
    expect(places(items)).toEqual(["api-session/3", "api-session/2", "api-session/1"]);
    expect(total).toBe(3);
  });
});

describe("answers", () => {
  test("have each message once, by its best document", async () => {
    await using store = await withTexts(["needle in a message"]);
    await store.write([
      {
        kind: "toolExecution",
        id: "t1",
        sessionId: "s",
        messageId: "s-1",
        toolName: "Bash",
        output: "needle needle needle",
      },
      {
        kind: "toolExecution",
        id: "t2",
        sessionId: "s",
        messageId: "s-1",
        toolName: "Bash",
        output: "needle",
      },
    ]);
    const { items, total } = await store.search.search("needle");
    expect(places(items)).toEqual(["s/1"]);
    expect(items[0]?.snippet).toContain("[needle] [needle] [needle]");
    expect(total).toBe(1);
  });

  test("pages neither overlap nor leave out, while messages are added between them", async () => {
    const texts = Array.from({ length: 400 }, (_, i) => `common ${"pad ".repeat(i % 17)} word${i % 5} topic`);
    for (const words of ["common", "common topic word1 pad"]) {
      await using store = await withTexts(texts);
      const before = new Set(Array.from({ length: 400 }, (_, i) => `s/${i + 1}`));
      const seen: string[] = [];
      let after: string | undefined;
      let round = 0;
      do {
        const page = await store.search.search(words, { limit: 37, after });
        seen.push(...places(page.items));
        after = page.next ?? undefined;
        round++;
        if (round <= 3) {
          await store.write([
            session(`new${round}`),
            ...said(`new${round}`, ["common common topic word1", "common"]),
          ]);
          await store.search.catchUp();
        }
      } while (after !== undefined);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((place) => before.has(place)).length).toBe(400);
    }
  });

  test("a limit or a cursor that is none is an error that says what helps", async () => {
    await using store = await withTexts(["needle", "needle two", "needle three"]);
    await expect(store.search.search("needle", { limit: 0 })).rejects.toMatchObject({ code: "invalid" });
    await expect(store.search.search("needle", { limit: 501 })).rejects.toMatchObject({ code: "invalid" });
    await expect(store.search.search("needle", { after: "nonsense" })).rejects.toMatchObject({
      code: "invalid",
    });
    const { next } = await store.search.search("needle", { limit: 1 });
    expect(next).toBeTypeOf("string");
    await expect(store.search.search("other", { after: next ?? "" })).rejects.toMatchObject({
      code: "invalid",
    });
  });

  test("snippets show the place where the words stand, marked", async () => {
    const text = `${"Some words before it. ".repeat(40)}The retry\tbackoff\nnever stops here. ${"And after. ".repeat(40)}`;
    await using store = await withTexts([text]);
    const [item] = (await store.search.search("retry backoff stop")).items;
    expect(item?.snippet).toContain("The [retry] [backoff] never [stops] here.");
    expect(item?.snippet.length).toBeLessThan(260);
    expect(item?.snippet).toMatch(/^….*…$/);
  });
});
