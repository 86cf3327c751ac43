import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listTools, type Serving, serving } from "./http-world.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
let http: Serving;

beforeAll(async () => {
  world = makeWorld();
  http = await serving(world.folder, ["--port", "0"]);
});

afterAll(async () => {
  await http.stop();
  world.end();
});

describe("a request that is not a client's", () => {
  const hosts = (port: number): string[] => [
    `evil.test:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `localhost.evil.test:${port}`,
    `127.0.0.1:${port + 1}`,
    "127.0.0.1",
    "localhost",
    "",
    `0.0.0.0:${port}`,
    `localhost.:${port}`,
    `127.0.0.1.:${port}`,
    `user@127.0.0.1:${port}`,
    `127.0.0.1:${port}, evil.test`,
    `127.1:${port}`,
    `2130706433:${port}`,
    `0x7f.0.0.1:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[::]:${port}`,
    `localhost:${port}#evil.test`,
    `localhost:${port}/evil.test`,
    `loсalhost:${port}`.normalize(),
    `127.0.0.1:0${port}`,
  ];
  const origins = (port: number): string[] => [
    "null",
    "http://evil.test",
    `http://evil.test:${port}`,
    `http://localhost:${port + 1}`,
    "http://localhost",
    "http://127.0.0.1",
    "file://",
    `http://127.0.0.1:${port}.evil.test`,
    `http://127.0.0.1.nip.io:${port}`,
    `http://localhost.:${port}`,
    `http://user@localhost:${port}`,
    `ftp://localhost:${port}`,
    `chrome-extension://abcdefghijklmnop`,
    "",
    `http://localhost:${port} http://evil.test`,
  ];
  /** Nothing of the store, and nothing for a page of another site. */
  const bare = (reply: string): void => {
    expect(reply).not.toMatch(/search_sessions|access-control-/i);
  };

  test("is refused by the name it calls: 21 hostile values of Host, with the right token", async () => {
    const all = hosts(http.port);
    expect(all.length).toBeGreaterThan(20);
    for (const host of all) {
      const head = [`POST /mcp HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${http.token}`];
      const reply = await http.raw(
        `${[...head, "Content-Type: application/json", `Content-Length: ${listTools.length}`, "Connection: close"].join("\r\n")}\r\n\r\n${listTools}`,
      );
      expect({ host, status: reply.split(" ")[1] }).toEqual({
        host,
        status: expect.stringMatching(/^40[03]$/) as unknown,
      });
      bare(reply);
    }
  });

  test("is refused by the page it comes from: 15 hostile values of Origin, with the right token", async () => {
    for (const origin of origins(http.port)) {
      const { status, body, headers } = await http.ask({ headers: { origin } });
      expect({ origin, status }).toEqual({ origin, status: 403 });
      bare(`${body}${JSON.stringify(headers)}`);
    }
    for (const site of ["cross-site", "same-site"])
      expect((await http.ask({ headers: { "sec-fetch-site": site } })).status).toBe(403);
    const own = await http.ask({ headers: { origin: `http://127.0.0.1:${http.port}` } });
    expect(own.status).toBe(200);
    expect(Object.keys(own.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("is refused with two names, with a proxy's form, without a name, and before HTTP/1.1", async () => {
    const rest = `Authorization: Bearer ${http.token}\r\nContent-Type: application/json\r\nContent-Length: ${listTools.length}\r\nConnection: close\r\n\r\n${listTools}`;
    const own = `Host: 127.0.0.1:${http.port}\r\n`;
    for (const head of [
      `POST /mcp HTTP/1.1\r\n${own}Host: evil.test\r\n`,
      `POST /mcp HTTP/1.1\r\nHost: evil.test\r\n${own}`,
      `POST http://evil.test/mcp HTTP/1.1\r\n${own}`,
      `POST http://127.0.0.1:${http.port}/mcp HTTP/1.1\r\n${own}`,
      `POST /mcp HTTP/1.1\r\n`,
      `POST /mcp HTTP/1.0\r\n`,
      `OPTIONS * HTTP/1.1\r\n${own}`,
    ]) {
      const reply = await http.raw(`${head}${rest}`);
      expect({ head, status: reply.split(" ")[1] }).toEqual({
        head,
        status: expect.stringMatching(/^40[03]$/) as unknown,
      });
      bare(reply);
    }
  });

  test("is refused without the token, with another, and with it where it does not belong", async () => {
    const wrong = ["", "Bearer", "Bearer ", `Bearer ${http.token.slice(0, -1)}`, `Bearer ${http.token}x`];
    const all = [...wrong, `Basic ${btoa(`loci:${http.token}`)}`, http.token, `Bearer  ${http.token}`];
    for (const authorization of all) {
      const { status, body, headers } = await http.ask({ headers: { authorization } });
      expect({ authorization, status }).toEqual({ authorization, status: 401 });
      expect(headers["www-authenticate"]).toContain("Bearer");
      bare(body);
    }
    // The scheme has no case, by RFC 9110.
    expect((await http.ask({ headers: { authorization: `bearer ${http.token}` } })).status).toBe(200);
    const inUrl = await http.ask({
      path: `/mcp?token=${http.token}&access_token=${http.token}`,
      headers: { authorization: "" },
    });
    expect(inUrl.status).toBe(401);
  });

  test("finds nothing beside /mcp, no session to listen to, and no other media type", async () => {
    for (const path of [
      "/",
      "/mcp/",
      "/mcp2",
      "/..",
      "/mcp/../etc/passwd",
      "/.well-known/oauth-protected-resource",
    ])
      expect({ path, status: (await http.ask({ path })).status }).toEqual({ path, status: 404 });
    for (const method of ["GET", "DELETE", "PUT"])
      expect({ method, status: (await http.ask({ method })).status }).toEqual({ method, status: 405 });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
      expect((await http.ask({ headers: { "content-type": type } })).status).toBe(415);
    expect((await http.ask({ method: "OPTIONS" })).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("is refused when it is too long, said before and not said, and the next one is answered", async () => {
    const long = "x".repeat(10 * 1024 * 1024 + 1);
    for (const header of ["content-length", "transfer-encoding"]) {
      const headers = { [header]: header === "content-length" ? String(long.length) : "chunked" };
      // The connection may end while it is still sending: then nobody reads the answer.
      const answered = await http.ask({ body: long, headers }).then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect([413, "ECONNRESET", "EPIPE"]).toContain(answered);
    }
    for (const body of ["", "{", "[]", "null", '{"jsonrpc":"2.0"}', `${"[".repeat(100_000)}`])
      expect((await http.ask({ body })).status).toBeGreaterThanOrEqual(400);
    expect((await http.ask({})).status).toBe(200);
  });

  test("is cut off where it comes too slowly, so that it holds no connection of others", async () => {
    // The whole of what is sent: its head never ends.
    const answered = await http.raw(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${http.port}\r\n`);
    expect(answered).toMatch(/^HTTP\/1.1 408 /);
  }, 20_000);
});
