import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insert, update } from "../../dist/engine/engine.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { job, jobs, suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startChild } from "../support/child.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { startSqld } from "../support/sqld.ts";
import { root } from "../support/tools.ts";

const sqld = await startSqld();
afterAll(() => sqld.stop());

interface Theirs {
  createClient(config: { readonly url: string; readonly fetch: (request: Request) => Promise<Response> }): {
    execute(sql: string): Promise<{ readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>> }>;
    close(): void;
  };
}

/** The client of the server's makers, which is installed beside the server. */
function theirs(): Theirs {
  return createRequire(join(root, "test/servers/package.json"))("@libsql/client/http") as Theirs;
}

const rejection = (work: Promise<unknown>): Promise<Record<string, unknown>> =>
  work.then(
    () => ({ code: "it was answered" }),
    (error: unknown) => error as Record<string, unknown>,
  );

describe.skipIf(sqld.missing)("a network that breaks", () => {
  let proxy: FaultProxy;
  let direct = "";
  let url = "";
  beforeAll(async () => {
    direct = await sqld.database();
    proxy = await startFaultProxy(sqld.port);
    url = direct.replace(`:${sqld.port}`, `:${proxy.port}`);
    await using engine = createRemoteEngine(direct);
    await engine.prepare(suiteSchema);
  });
  afterAll(() => proxy.stop());

  test.each(["cut the answer", "cut the request"] as const)(
    "%s: what may be done twice is done again, and once",
    async (fault) => {
      await using engine = createRemoteEngine(url);
      await engine.find(things, { limit: 1 });
      proxy.fault = fault;
      proxy.faults = 2;
      expect(await engine.write([insert(things, [thing({ id: fault })])])).toHaveLength(1);
      expect(await engine.find(things, { where: { id: fault } })).toHaveLength(1);
      expect(proxy.fault).toBe("pass");
    },
  );

  test("a lost answer of what may not be done twice is told, and the change stands once", async () => {
    await using engine = createRemoteEngine(url);
    await engine.write([insert(jobs, [job({ id: "lost", attempts: 0 })])]);
    proxy.fault = "cut the answer";
    const error = await rejection(engine.write([update(jobs, { id: "lost" }, { attempts: { add: 1 } })]));
    expect(error).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/it is not known whether/),
    });
    expect(await engine.find(jobs, { where: { id: "lost" } })).toMatchObject([{ attempts: 1 }]);
  });

  test("a server that says nothing is unreachable in time, and a slow one is not", async () => {
    await using engine = createRemoteEngine(url, { answerTimeout: 300 });
    proxy.fault = "silent";
    expect(await rejection(engine.find(things))).toMatchObject({ code: "unreachable" });
    proxy.fault = "drip";
    expect(await engine.find(things, { limit: 1 })).toHaveLength(1);
    proxy.fault = "pass";
    expect(await engine.find(things, { limit: 1 })).toHaveLength(1);
  });

  test("an outage is over when the server is back", async () => {
    await using engine = createRemoteEngine(url);
    await proxy.stop();
    expect(await rejection(engine.find(things))).toMatchObject({
      code: "unreachable",
      next: expect.stringContaining("--db"),
    });
    await proxy.start();
    expect(await engine.write([insert(things, [thing({ id: "back" })])])).toEqual([1]);
  });

  test("acknowledged rows are there after the server was killed", async () => {
    await using engine = createRemoteEngine(direct, { answerTimeout: 2_000 });
    const acknowledged: string[] = [];
    let killed = false;
    const writing = (async () => {
      for (let n = 0; !killed || n < 60; n++) {
        await engine.write([insert(things, [thing({ id: `kill-${n}` })])]);
        acknowledged.push(`kill-${n}`);
      }
    })();
    const ended = writing.catch(() => undefined);
    while (acknowledged.length < 30) await new Promise((resolve) => setImmediate(resolve));
    killed = true;
    await sqld.kill();
    await sqld.start();
    await ended;
    const found = await engine.find(things, { where: { id: { startsWith: "kill-" } }, fields: ["id"] });
    expect(acknowledged.length).toBeGreaterThanOrEqual(30);
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(acknowledged));
  });

  test("an engine that is left open does not keep its process alive", async () => {
    expect(await startChild("idle", { url: direct }).result).toEqual({});
  });

  test("an answer of more than the server sends at once comes whole", async () => {
    await using engine = createRemoteEngine(direct);
    const name = "x".repeat(500_000);
    const rows = Array.from({ length: 30 }, (_, n) => thing({ id: `large-${n}`, name }));
    await engine.write([insert(things, rows)]);
    const found = await engine.find(things, { where: { id: { startsWith: "large-" } } });
    expect(found.map((row) => row.name.length)).toEqual(rows.map(() => 500_000));
  });

  test("the driver of the server's makers reads what we wrote", async () => {
    await using engine = createRemoteEngine(direct);
    await engine.write([insert(things, [thing({ id: "seen", name: 'é "quoted" \u{1f600}', weight: 0.1 })])]);
    const client = theirs().createClient({
      url: `http://127.0.0.1:${sqld.port}`,
      fetch: (request: Request) => {
        const named = new Request(request, {});
        named.headers.set(
          "x-namespace-bin",
          Buffer.from(new URL(direct).hostname.split(".")[0] ?? "").toString("base64"),
        );
        return fetch(named);
      },
    });
    const { rows } = await client.execute("select name, weight from suite_things where id = 'seen'");
    expect(rows.map((row) => [row["name"], row["weight"]])).toEqual([['é "quoted" \u{1f600}', 0.1]]);
    client.close();
  });
});

describe("tokens", () => {
  let server: Awaited<ReturnType<typeof startSqld>>;
  let proxy: FaultProxy | undefined;
  let url = "";
  beforeAll(async () => {
    server = await startSqld({ tokens: true });
    if (server.missing) return;
    url = await server.database();
    await using engine = createRemoteEngine(url, { authToken: server.token() });
    await engine.prepare(suiteSchema);
    proxy = await startFaultProxy(server.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server.stop();
  });
  const throughProxy = (): string => url.replace(`:${server.port}`, `:${proxy?.port}`);

  test("none, a wrong one and an expired one are sentences without the token", async ({ skip }) => {
    if (server.missing) return skip(server.missing);
    const expired = server.token({ exp: Math.floor(Date.now() / 1_000) - 7_200 });
    for (const [authToken, words] of [
      [undefined, /wants a token, and none was given/],
      ["wrong.token.here", /does not accept the token/],
      [expired, /it expired 20\d\d-/],
    ] as const) {
      await using engine = createRemoteEngine(url, { authToken });
      const error = await rejection(engine.find(things));
      expect(error).toMatchObject({
        code: "permission",
        next: expect.stringContaining("turso db tokens create"),
      });
      expect(String(error["message"])).toMatch(words);
      const whole = JSON.stringify([error["message"], error["where"], error["next"], String(error["cause"])]);
      if (authToken !== undefined) expect(whole).not.toContain(authToken);
    }
  });

  test("a token in the URL counts, and stands in no place", async ({ skip }) => {
    if (server.missing) return skip(server.missing);
    const token = server.token();
    await using engine = createRemoteEngine(`${url}?authToken=${token}`);
    expect(await engine.find(things)).toEqual([]);
    expect(engine.place).not.toContain("Token");
  });

  test("a token that only reads reads, and a change says so", async ({ skip }) => {
    if (server.missing) return skip(server.missing);
    await using engine = createRemoteEngine(url, { authToken: server.token({ a: "ro" }) });
    expect(await engine.find(things)).toEqual([]);
    expect(await rejection(engine.write([insert(things, [thing({ id: "ro" })])]))).toMatchObject({
      code: "permission",
    });
    expect(await engine.find(things)).toEqual([]);
  });

  test("what makes tokens is asked again once; then the server is left alone", async ({ skip }) => {
    if (server.missing || !proxy) return skip(server.missing);
    const tokens = ["bad.a.b", server.token()];
    await using engine = createRemoteEngine(throughProxy(), { authToken: () => tokens.shift() });
    const both = [engine.find(things), engine.find(jobs)];
    expect(await Promise.all(both)).toEqual([[], []]);
    expect(tokens).toEqual([]);

    let asked = 0;
    proxy.requests = 0;
    await using hopeless = createRemoteEngine(throughProxy(), { authToken: () => `bad.${++asked}.x` });
    for (let n = 0; n < 20; n++)
      expect(await rejection(hopeless.find(things))).toMatchObject({ code: "permission" });
    expect({ asked, requests: proxy.requests }).toEqual({ asked: 2, requests: 2 });
  });
});

describe("a server that is busy", () => {
  let answers: Array<{ status: number; after?: string }> = [];
  let seen = 0;
  let server: Server;
  let url = "";
  beforeAll(async () => {
    server = createServer((_, response) => {
      seen++;
      const { status, after } = answers.shift() ?? { status: 200 };
      response.writeHead(status, after === undefined ? {} : { "retry-after": after });
      const result = { step_results: [{ cols: [], rows: [], affected_row_count: 1 }], step_errors: [null] };
      response.end(JSON.stringify({ results: [{ type: "ok", response: { type: "batch", result } }] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test("is asked again after as long as it says", async () => {
    await using engine = createRemoteEngine(url);
    answers = [{ status: 429, after: "1" }, { status: 503 }];
    seen = 0;
    const began = performance.now();
    expect(await engine.write([update(jobs, { id: "x" }, { attempts: { add: 1 } })])).toEqual([1]);
    expect(performance.now() - began).toBeGreaterThan(1_000);
    expect(seen).toBe(3);
  });

  test("and wants longer than we wait: that is said", async () => {
    await using engine = createRemoteEngine(url, { busyTimeout: 500 });
    answers = [{ status: 429, after: "3600" }];
    expect(await rejection(engine.find(things))).toMatchObject({
      code: "busy",
      message: expect.stringContaining("asks to wait 3600 s"),
    });
  });

  test("a gateway's error leaves an addition in doubt, and repeats an insert", async () => {
    await using engine = createRemoteEngine(url);
    answers = [{ status: 502 }];
    const adding = engine.write([update(jobs, { id: "x" }, { attempts: { add: 1 } })]);
    expect(await rejection(adding)).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/not known/),
    });
    answers = [{ status: 502 }];
    expect(await engine.write([insert(jobs, [job({ id: "y" })])])).toEqual([1]);
  });

  test("a server of another kind is named", async () => {
    await using engine = createRemoteEngine(url);
    answers = [{ status: 301 }];
    expect(await rejection(engine.find(things))).toMatchObject({ code: "config" });
  });
});

describe("without a server", () => {
  test.each([
    ["http://127.0.0.1:1", "unreachable"],
    ["http://nowhere.invalid", "unreachable"],
  ])("%s is %s", async (url, code) => {
    await using engine = createRemoteEngine(url, { connectTimeout: 2_000 });
    expect(await rejection(engine.find(things))).toMatchObject({ code, where: expect.stringContaining(url) });
  });

  test("a URL that cannot be read is named without what stands in it", () => {
    expect(() => createRemoteEngine("libsql://user:secret@:bad:/")).toThrow(
      expect.objectContaining({ code: "config", message: expect.not.stringContaining("secret") }),
    );
  });
});
