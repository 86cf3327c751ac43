import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../doors/world.ts";
import { root } from "../support/tools.ts";
import { begun, claims, hello, listing, lists, listsWithClaims, type Talk, talkTo } from "./talk.ts";
import { makeWorld } from "./world.ts";

// What is said before the server is loaded is what the server says.

const world = makeWorld();
afterAll(() => world.end());

const talk = (...args: string[]): Talk => talkTo(world.folder, process.execPath, [main, "mcp", ...args]);

describe("the first answers", () => {
  test.each([
    ["with a greeting", [hello("2025-06-18"), begun, ...lists], listing],
    ["without one", listsWithClaims, { ...listing, params: { ...listing.params, _meta: claims } }],
  ] as const)("%s are the server's own, and it goes on from there", async (_, messages, call) => {
    const early = talk();
    // A flag starts the server itself.
    const itself = talk("--toolsets", "loci");
    for (const one of [early, itself]) {
      for (const message of messages) {
        one.say(message);
        if ("id" in message) await one.answer(message.id);
      }
      one.say(call);
      await one.answer("call");
    }
    const said = (one: Talk) => one.heard.map(({ id, result }) => ({ id, result }));
    expect(said(early)).toEqual(said(itself));
    expect(early.heard).toHaveLength(messages.filter((message) => "id" in message).length + 1);
    expect(early.heard.at(-1)?.result?.["isError"]).not.toBe(true);
    expect([await early.end(), await itself.end()]).toEqual([0, 0]);
  });

  test("come in the order of the questions, also in pieces and all at once", async () => {
    const one = talk();
    const text = [hello("2025-11-25"), begun, ...lists, listing, { id: "last", method: "ping" }]
      .map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
      .join("");
    for (let at = 0; at < text.length; at += 97) one.child.stdin.write(text.slice(at, at + 97));
    await one.answer("call");
    await one.answer("last");
    expect(one.heard.slice(0, 4).map(({ id }) => id)).toEqual(["hello", ...lists.map(({ id }) => id)]);
    expect(one.heard).toHaveLength(6);
    expect(await one.end()).toBe(0);
  });

  test("of what it does not know come from the server", async () => {
    const one = talk();
    one.say(hello("1999-01-01"));
    expect((await one.answer("hello")).result?.["protocolVersion"]).toMatch(/^\d{4}-\d\d-\d\d$/);
    one.say(begun, listing);
    expect((await one.answer("call")).result?.["content"]).toBeDefined();
    expect(await one.end()).toBe(0);
  });

  test("are all that a client hears that leaves at once", async () => {
    const one = talk("--record");
    one.say(hello("2025-06-18"), begun);
    await one.answer("hello");
    expect(await one.end()).toBe(0);
    expect(one.heard).toHaveLength(1);
  });

  test("are followed by the server after a moment's rest", async () => {
    const one = talk("--record");
    one.say(hello("2025-06-18"), begun);
    await one.answer("hello");
    // The server leaves a mark for the hooks of the program that started it: us.
    const mark = join(world.folder, ".loci", "claude-code", String(process.pid));
    await expect.poll(() => existsSync(mark), { timeout: 20_000 }).toBe(true);
    // Only the server answers that.
    one.say({ id: "completion", method: "logging/setLevel", params: { level: "debug" } });
    await one.answer("completion");
    expect(one.heard.map(({ id }) => id)).toEqual(["hello", "completion"]);
    expect((await one.end()) ?? one.child.signalCode).toBeOneOf([0, "SIGKILL"]);
  });
});

describe("the shell of the plugin, before there is a Node", () => {
  const script = join(root, "plugins/claude-code/server.sh");
  const shells = ["sh", "bash"] as const;
  /** bash as the `sh` of some systems. */
  const inShell = (shell: (typeof shells)[number]): Talk =>
    talkTo(world.folder, shell, shell === "bash" ? ["--posix", script] : [script]);
  /** It ends well; what cannot be closed at once, since its store is being opened or held, it ends by killing itself. */
  const ends = async (one: Talk): Promise<void> => {
    const code = await one.end();
    expect(code ?? one.child.signalCode).toBeOneOf([0, "SIGKILL"]);
  };
  const said = (one: Talk) => one.heard.map(({ id, result }) => ({ id, result }));
  const call = { ...listing, params: { ...listing.params, _meta: claims } };
  /** The programs that run in this home. */
  const ours = (): string[] =>
    readdirSync("/proc").flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
        return environment.includes(`HOME=${world.folder}\0`) ? [name] : [];
      } catch {
        return [];
      }
    });
  /** Which program stands behind the process that was started. */
  const behind = (one: Talk): string => readFileSync(`/proc/${one.child.pid}/comm`, "utf8").trim();

  test.each(shells)("%s answers what the server answers, and becomes it", async (shell) => {
    const itself = talk("--toolsets", "loci");
    const one = inShell(shell);
    // The resources are asked for last: after them it becomes the server by itself.
    const asked = listsWithClaims.filter(({ method }) => method !== "resources/list");
    for (const message of asked) {
      for (const each of [one, itself]) each.say(message);
      await Promise.all([one.answer(message.id), itself.answer(message.id)]);
    }
    expect(behind(one)).toBe(shell);
    for (const each of [one, itself]) each.say(call);
    await Promise.all([one.answer("call"), itself.answer("call")]);
    expect(said(one)).toEqual(said(itself));
    expect(behind(one)).toBe("node");
    await ends(one);
    expect(await itself.end()).toBe(0);
  });

  test.each(shells)("%s becomes the server when there is nothing left to ask", async (shell) => {
    const one = inShell(shell);
    const [, ...asked] = listsWithClaims.filter(({ method }) => !method.includes("templates"));
    for (const message of asked) one.say(message);
    for (const { id } of asked) await one.answer(id);
    const mark = join(world.folder, ".loci", "claude-code", String(process.pid));
    await expect.poll(() => existsSync(mark), { timeout: 20_000 }).toBe(true);
    expect(readFileSync(mark, "utf8")).toBe(`${one.child.pid}\n`);
    one.say(call);
    expect((await one.answer("call")).result?.["isError"]).not.toBe(true);
    expect(one.heard).toHaveLength(asked.length + 1);
    await ends(one);
  });

  test.each([
    ["a version with a greeting", [hello("2025-06-18"), begun, ...lists]],
    ["a page", [{ id: 1, method: "tools/list", params: { cursor: "x", _meta: claims } }]],
    [
      "a question in a question",
      [
        {
          id: 1,
          method: "tools/call",
          params: { name: "search_sessions", arguments: { method: "tools/list", query: "x" }, _meta: claims },
        },
      ],
    ],
    ["an id of odd characters", [{ id: 'a","b}\\', method: "tools/list", params: { _meta: claims } }]],
    ["an id inside", [{ method: "tools/list", params: { id: 7, _meta: claims }, id: 1 }]],
    [
      "a long line, of any characters",
      [
        {
          id: 1,
          method: "tools/call",
          params: {
            name: "search_sessions",
            arguments: { query: `ä\t$(touch x) \`y\` '\\ ${"long ".repeat(60_000)}` },
            _meta: claims,
          },
        },
      ],
    ],
  ])("hands %s to the server, to the letter", async (_, messages) => {
    const itself = talk("--toolsets", "loci");
    const one = inShell("sh");
    for (const message of messages) {
      for (const each of [one, itself]) each.say(message);
      if ("id" in message) await Promise.all([one.answer(message.id), itself.answer(message.id)]);
    }
    expect(said(one)).toEqual(said(itself));
    expect(said(one).length).toBeGreaterThan(0);
    await ends(one);
    expect(await itself.end()).toBe(0);
  });

  test("ends with a client that leaves, and leaves no process behind", async () => {
    const early = inShell("sh");
    expect(await early.end()).toBe(0);
    const resting = inShell("sh");
    for (const message of listsWithClaims) resting.say(message);
    await resting.answer("resources/list");
    await expect.poll(ours).toContain("sleep");
    resting.child.kill("SIGTERM");
    expect(await resting.end()).toBe(0);
    await expect.poll(ours).toEqual([]);
  });
});
