import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../doors/world.ts";
import { makeWorld } from "./world.ts";

// What is said before the server is loaded is what the server says.

const world = makeWorld();
afterAll(() => world.end());

interface Reply {
  readonly id?: string | number;
  readonly result?: Record<string, unknown>;
}

interface Talk {
  readonly child: ChildProcessWithoutNullStreams;
  readonly heard: Reply[];
  say(...messages: object[]): void;
  answer(id: string | number): Promise<Reply>;
  end(): Promise<number | null>;
}

function talk(...args: string[]): Talk {
  const env = { PATH: process.env["PATH"] ?? "", HOME: world.folder, TZ: "UTC" };
  const child = spawn(process.execPath, [main, "mcp", ...args], { cwd: world.folder, env });
  const heard: Reply[] = [];
  const waiting = new Map<string | number, (reply: Reply) => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const reply = JSON.parse(line) as Reply;
    heard.push(reply);
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  const gone = once(child, "exit");
  return {
    child,
    heard,
    say: (...messages) =>
      void child.stdin.write(
        messages.map((one) => `${JSON.stringify({ jsonrpc: "2.0", ...one })}\n`).join(""),
      ),
    answer: (id) =>
      new Promise((resolve) => {
        const known = heard.find((reply) => reply.id === id);
        if (known) resolve(known);
        else waiting.set(id, resolve);
      }),
    async end() {
      child.stdin.end();
      const [code] = (await gone) as [number | null];
      return code;
    },
  };
}

const clientInfo = { name: "loci-tests", version: "1.0.0" };
const hello = (protocolVersion: string) => ({
  id: "hello",
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo },
});
const begun = { method: "notifications/initialized" };
const claims = Object.fromEntries(
  Object.entries({
    protocolVersion: "2026-07-28",
    clientInfo,
    clientCapabilities: {},
  }).map(([name, value]) => [`io.modelcontextprotocol/${name}`, value]),
);
const lists = ["tools/list", "prompts/list", "resources/templates/list"].map((method) => ({
  id: method,
  method,
  params: {},
}));
const listsWithClaims = ["server/discover", "resources/list", ...lists.map(({ method }) => method)].map(
  (method) => ({ id: method, method, params: { _meta: claims } }),
);
const listing = { id: "call", method: "tools/call", params: { name: "list_sessions", arguments: {} } };

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
    expect(await one.end()).toBe(0);
  });
});
