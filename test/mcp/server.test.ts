import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { toolReference } from "../../dist/doors/mcp/reference.js";
import { toolsets } from "../../dist/doors/mcp/tool.js";
import { listed, tools } from "../../dist/doors/mcp/tools.js";
import { main, someSessions } from "../doors/world.ts";
import { read } from "../support/tools.ts";
import { type Connected, makeWorld, tokens, type World } from "./world.ts";

let world: World;
let mcp: Connected;
beforeAll(async () => {
  world = makeWorld();
  await world.seed(someSessions(Date.now()));
  mcp = await world.connect();
});

afterAll(async () => {
  await mcp.close();
  world.end();
});

describe("the list of tools", () => {
  test("costs a model less than 2,000 tokens as it is offered, and less than 4,000 with all sets", async () => {
    const counts: Record<string, number> = {};
    for (const set of ["loci", ...toolsets, "all"]) {
      const one = await world.connect("--toolsets", set);
      const there = (await one.client.listTools()).tools;
      counts[set] = Math.ceil(tokens(there));
      for (const { name, description } of there) {
        const length = (description ?? "").length;
        expect({ name, fits: length <= 200 && length > 15 }).toEqual({ name, fits: true });
        expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      }
      await one.close();
    }
    console.log(`tokens of the list of tools: ${JSON.stringify(counts)}`);
    expect(Math.ceil(tokens((await mcp.client.listTools()).tools))).toBe(counts["loci"]);
    expect(counts["loci"]).toBeLessThan(2_000);
    // With every flag, and where Turso is configured.
    const most = tools.filter(({ toolset }) => toolsets.some((set) => set === toolset));
    expect(tokens(most.map(listed))).toBeLessThan(4_000);
  });

  test("has every annotation that means something", async () => {
    const all = await world.connect("--toolsets", "all");
    const { tools } = await all.client.listTools();
    expect(tools.length).toBeGreaterThan(8);
    for (const { name, annotations, inputSchema } of tools) {
      const read = annotations?.readOnlyHint === true;
      const given = Object.values(annotations ?? {}).every((hint) => typeof hint === "boolean");
      const { readOnlyHint, openWorldHint, destructiveHint } = annotations ?? {};
      const said = [readOnlyHint, openWorldHint, ...(read ? [] : [destructiveHint])].every(
        (hint) => hint !== undefined,
      );
      expect({ name, given, said }).toEqual({ name, given: true, said: true });
      expect(inputSchema.type).toBe("object");
    }
    await all.close();
  });

  test("is shorter with --toolsets, and a tool of another set says how to get it", async () => {
    const small = await world.connect("--toolsets", "sessions");
    const { tools } = await small.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["search_sessions", "list_sessions", "get_session"]);
    const { isError, text } = await small.call("list_tables");
    expect({ isError, text }).toEqual({ isError: true, text: expect.stringContaining("--toolsets sql") });
    await small.close();
  });

  test("stands in docs/mcp.md; node scripts/docs.mjs writes it", () => {
    expect(read("docs/mcp.md")).toContain(toolReference());
  });
});

describe("a store that cannot be opened", () => {
  test("still lists the tools, says what is wrong on each call, and answers once it is mended", async () => {
    const path = join(world.folder, "broken", "loci.db");
    mkdirSync(join(world.folder, "broken"), { recursive: true });
    writeFileSync(path, "This is no database. ".repeat(500));
    const broken = await world.connect("--db", path, "--toolsets", "all");
    expect((await broken.client.listTools()).tools.length).toBeGreaterThan(4);
    for (const name of ["list_sessions", "get_database_info"]) {
      const { isError, text, data } = await broken.call(name);
      expect({ isError, text }).toMatchObject({ isError: true, text: expect.stringContaining(path) });
      expect(data["error"]).toMatchObject({ code: "corrupt" });
    }
    rmSync(path);
    expect((await broken.call("list_sessions")).isError).toBe(false);
    await broken.close();
  });

  test("answers about a server that is not there", async () => {
    const away = await world.connect("--db", "postgres://loci:secret@127.0.0.1:9/none");
    const { isError, text } = await away.call("list_sessions");
    expect(isError).toBe(true);
    expect(text).not.toContain("secret");
    await away.close();
  });
});

describe("the server", () => {
  test("keeps to --project, unless the call says *", async () => {
    const scoped = await world.connect("--project", "web");
    const own = (await scoped.call("list_sessions")).data["sessions"] as unknown[];
    const all = (await scoped.call("list_sessions", { project: "*" })).data["sessions"] as unknown[];
    expect(own.length).toBe(1);
    expect(all.length).toBeGreaterThan(own.length);
    await scoped.close();
  });

  test("keeps to the project of CLAUDE_PROJECT_DIR, says so, and what is stored there is found by all doors", async () => {
    const claude = await world.connectWith({ CLAUDE_PROJECT_DIR: join(world.folder, "shop") });
    await claude.call("add_conversation", {
      session_id: "basket",
      role: "user",
      content: "the narwhal basket",
    });
    const own = await claude.call("list_sessions");
    expect(own.data["sessions"]).toMatchObject([{ id: "basket" }]);
    expect(own.text).toContain(`Sessions, newest first in ${join(world.folder, "shop")} (project * is all)`);
    const all = await claude.call("list_sessions", { project: "*" });
    expect((all.data["sessions"] as unknown[]).length).toBeGreaterThan(1);
    expect((await claude.call("search_sessions", { query: "narwhal" })).data).toMatchObject({ total: 1 });
    await claude.close();
    expect((await mcp.call("search_sessions", { query: "narwhal" })).data).toMatchObject({ total: 1 });
    expect((await world.loci("search", "narwhal"))["items"]).toMatchObject([{ sessionId: "basket" }]);
    await using loci = await open(world.store);
    expect((await loci.search("narwhal")).items).toMatchObject([{ sessionId: "basket" }]);
  });

  test("refuses a tool set that is not there", async () => {
    const child = spawn(process.execPath, [main, "mcp", "--toolsets", "everything"], { cwd: world.folder });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise((done) => child.on("close", done));
    expect(code).toBe(2);
    expect(said).toContain("Tool sets are sessions, conversations, memory");
  });

  test("speaks an older revision of the protocol, writes nothing else to stdout, and ends with its stdin", async () => {
    const child = spawn(process.execPath, [main, "mcp"], {
      cwd: world.folder,
      env: { HOME: world.folder, PATH: process.env["PATH"] },
    });
    let said = "";
    const answered = new Promise<void>((done) => {
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.split("\n").length > 2) done();
      });
    });
    const send = (message: object): boolean =>
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const clientInfo = { name: "old", version: "1" };
    send({
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo },
    });
    send({ method: "notifications/initialized" });
    send({ id: 2, method: "tools/call", params: { name: "list_sessions", arguments: { limit: 1 } } });
    await answered;
    const closed = new Promise((done) => child.on("close", done));
    child.stdin.end();
    expect(await closed).toBe(0);
    const lines = said
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: number; result: Record<string, unknown> });
    expect(lines.map(({ id }) => id)).toEqual([1, 2]);
    expect(lines[0]?.result).toMatchObject({ protocolVersion: "2025-06-18", serverInfo: { name: "loci" } });
    expect(String(lines[0]?.result["instructions"]).length).toBeLessThan(2_000);
  });
});
