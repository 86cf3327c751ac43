import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main, someSessions } from "../doors/world.ts";
import { run } from "../support/tools.ts";
import { type Serving, serving } from "./http-world.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
let http: Serving;

beforeAll(async () => {
  world = makeWorld();
  await world.seed(someSessions(Date.now()));
  http = await serving(world.folder, ["--port", "0"]);
});

afterAll(async () => {
  await http.stop();
  world.end();
});

const gone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

describe("over Streamable HTTP", () => {
  test.each(["legacy", "auto"] as const)("a client of the %s era lists and calls", async (mode) => {
    const client = await http.client(mode);
    expect(client.getNegotiatedProtocolVersion()).toBe(mode === "auto" ? "2026-07-28" : "2025-11-25");
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("search_sessions");
    const { structuredContent, isError } = await client.callTool({ name: "list_sessions", arguments: {} });
    expect(isError ?? false).toBe(false);
    expect(structuredContent).toMatchObject({ sessions: expect.any(Array) as unknown });
    await client.close();
  });

  test("the revision 2025-06-18 is answered as it asks", async () => {
    const params = {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "old", version: "1" },
    };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
    const answered = await http.ask({ body });
    expect(answered.status).toBe(200);
    expect(answered.body).toContain('"protocolVersion":"2025-06-18"');
    const listed = await http.ask({ headers: { "mcp-protocol-version": "2025-06-18" } });
    expect(listed.body).toContain('"search_sessions"');
  });

  test("several clients at once read and write the same store", async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, (_, at) => http.client(at % 2 === 0 ? "legacy" : "auto")),
    );
    await Promise.all(
      clients.map((client, at) =>
        client.callTool({
          name: "add_conversation",
          arguments: { session_id: "together", role: "user", content: `client ${at}` },
        }),
      ),
    );
    const [first] = clients;
    const { structuredContent } =
      (await first?.callTool({ name: "get_conversations", arguments: { session_id: "together" } })) ?? {};
    const { conversations } = structuredContent as { conversations: Array<{ content: string }> };
    expect(conversations.map(({ content }) => content).sort()).toEqual(
      clients.map((_, at) => `client ${at}`),
    );
    await Promise.all(clients.map((client) => client.close()));
  });

  test("a client with another token is refused", async () => {
    await expect(http.client("legacy", "x".repeat(43))).rejects.toThrow();
  });
});

describe("the server over HTTP", () => {
  const said = async (...args: string[]): Promise<{ code: number | null; stderr: string }> =>
    run(process.execPath, [main, "mcp", ...args], { env: { HOME: world.folder, LOCI_MCP_TOKEN: "" } });

  test("ends on a signal with what it was doing, and leaves no process and no port", async () => {
    for (const [signal, code] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
    ] as const) {
      const one = await serving(world.folder, ["--port", "0"]);
      const client = await one.client();
      const asked = client.callTool({ name: "list_sessions", arguments: {} });
      await asked;
      expect(await one.stop(signal)).toBe(code);
      expect(gone(one.pid)).toBe(true);
      await expect(one.ask({})).rejects.toMatchObject({ code: "ECONNREFUSED" });
      await client.close();
    }
  });

  test("takes the next port where the usual is taken, and says which; a port that was asked for is a must", async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const { port } = other.address() as { port: number };
    const refused = await said("--http", "--port", String(port));
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain(`Port ${port} is used`);
    expect(refused.stderr).toContain("--port 0");
    other.close();
    const [one, two] = [await serving(world.folder), await serving(world.folder)];
    expect(one.port).not.toBe(two.port);
    for (const { port: own } of [one, two]) expect(own).toBeGreaterThanOrEqual(4747);
    await Promise.all([one.stop(), two.stop()]);
  });

  test("keeps a token in a file that only its owner reads, and never says it", async () => {
    const file = join(world.folder, "token");
    const one = await serving(world.folder, ["--port", "0", "--token-file", file]);
    const token = readFileSync(file, "utf8").trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(one.stderr()).not.toContain(token);
    await (await one.client("legacy", token)).close();
    await one.stop();
    const again = await serving(world.folder, ["--port", "0", "--token-file", file]);
    await (await again.client("auto", token)).close();
    await again.stop();
    chmodSync(file, 0o644);
    const open = await said("--http", "--port", "0", "--token-file", file);
    expect(open).toMatchObject({ code: 4, stderr: expect.stringContaining("chmod 600") as unknown });
    writeFileSync(file, "short", { mode: 0o600 });
    chmodSync(file, 0o600);
    expect((await said("--http", "--token-file", file)).stderr).toContain("at least 32");
  });

  test("takes a token of the environment, and another one at each start otherwise", async () => {
    const own = "an-own-token-of-more-than-32-letters";
    const one = await serving(world.folder, ["--port", "0"], { LOCI_MCP_TOKEN: own });
    expect(one.stderr()).not.toContain(own);
    await (await one.client("legacy", own)).close();
    await one.stop();
    const two = await serving(world.folder, ["--port", "0"]);
    expect(two.token).toHaveLength(43);
    expect(two.token).not.toBe(http.token);
    await two.stop();
  });

  test("listens to this machine alone, unless names and a token of one's own are given", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.com"]) {
      const refused = await said("--http", "--port", "0", "--host", host);
      expect({ host, code: refused.code }).toEqual({ host, code: 2 });
      expect(refused.stderr).toContain("--allow-remote");
    }
    const without = await said("--http", "--host", "0.0.0.0", "--allow-remote", "loci.test");
    expect(without).toMatchObject({ code: 4, stderr: expect.stringContaining("--token-file") as unknown });
    expect((await said("--http", "--allow-remote", "http://x/y")).code).toBe(2);
    expect((await said("--port", "1")).stderr).toContain("--port is for --http");
    const token = "an-own-token-of-more-than-32-letters";
    const far = await serving(world.folder, ["--port", "0", "--allow-remote", "loci.test:80"], {
      LOCI_MCP_TOKEN: token,
    });
    const authorization = `Bearer ${token}`;
    const named = await far.ask({ headers: { host: "loci.test:80", authorization } });
    expect(named.status).toBe(200);
    expect((await far.ask({ headers: { host: "other.test:80", authorization } })).status).toBe(403);
    expect(far.stderr()).toContain("without TLS");
    await far.stop();
  });

  test("opens nothing before the first call", async () => {
    const fresh = makeWorld();
    const one = await serving(fresh.folder, ["--port", "0"]);
    const client = await one.client();
    await client.listTools();
    expect(existsSync(fresh.store)).toBe(false);
    await client.callTool({ name: "list_sessions", arguments: {} });
    expect(existsSync(fresh.store)).toBe(true);
    await client.close();
    await one.stop();
    fresh.end();
  });
});
