import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { requests } from "../../dist/record/sources/otlp/messages.js";
import { encoded, message, varint } from "./encode.ts";
import { chat, killed, type Serving, serving } from "./serve-world.ts";
import { receiver, type Sent, sent } from "./world.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-otlp-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("loci serve", () => {
  let server: Serving;
  beforeAll(async () => {
    server = await serving(folder);
  });
  afterAll(() => server.stop());

  test("says with which lines each program sends to it", () => {
    const said = server.stderr();
    for (const line of [
      `export OTEL_EXPORTER_OTLP_ENDPOINT=${server.url} OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20${server.token}"`,
      "CLAUDE_CODE_ENABLE_TELEMETRY=1",
      `endpoint = "${server.url}/v1/logs"`,
      "GEMINI_TELEMETRY_ENABLED=true",
      '"openTelemetry": true',
    ])
      expect(said).toContain(line);
  });

  test("shows no token that it was given: a shell takes it from there, and settings have a word in its place", async () => {
    for (const [args, env, shell, where] of [
      [["--token-file", "token"], {}, "$(cat token)", "the text of token"],
      [[], { LOCI_SERVE_TOKEN: "t".repeat(43) }, "$LOCI_SERVE_TOKEN", "the value of LOCI_SERVE_TOKEN"],
    ] as const) {
      const other = await serving(mkdtempSync(join(folder, "given-")), args, env);
      const said = other.stderr();
      await other.stop();
      expect(said).toContain(`OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20${shell}"`);
      expect(said).toContain(`{ "Authorization" = "Bearer TOKEN" } } }  # TOKEN: ${where}`);
      expect(said).not.toContain("ttttt");
    }
  });

  test("takes JSON and protobuf, plain, gzip and deflate, and answers in what it was asked in", async () => {
    const protobuf = "application/x-protobuf";
    const json = JSON.stringify(chat(1).body);
    const answers = [
      await server.send({ body: json }),
      await server.send({ body: JSON.stringify(chat(2).body), type: "application/json; charset=utf-8" }),
      await server.send({
        body: gzipSync(encoded(chat(3))),
        type: protobuf,
        headers: { "content-encoding": "gzip" },
      }),
      await server.send({
        body: deflateSync(encoded(chat(4))),
        type: protobuf,
        headers: { "content-encoding": "deflate" },
      }),
      await server.send({
        body: encoded(chat(5)),
        type: protobuf,
        headers: { authorization: `Bearer%20${server.token}` },
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers.map(({ body }) => body.toString())).toEqual(["{}", "{}", "", "", ""]);
    expect(answers.map(({ headers }) => headers["content-type"])).toEqual([
      "application/json",
      "application/json",
      protobuf,
      protobuf,
      protobuf,
    ]);
  });

  test("answers nobody without the token, from a page, under another name, or for another path", async () => {
    const body = JSON.stringify(chat(9).body);
    const statuses = await Promise.all(
      [
        { headers: { authorization: "Bearer wrong" } },
        { headers: { authorization: "" } },
        { headers: { origin: "https://evil.example" } },
        { headers: { host: "evil.example" } },
        { path: "/" },
        { path: "/v1/traces/../../etc" },
        { method: "GET" },
        { type: "text/plain" },
        { type: "application/grpc" },
        { headers: { "content-encoding": "br" } },
      ].map(async (one) => (await server.send({ body, ...one })).status),
    );
    expect(statuses).toEqual([401, 401, 403, 403, 404, 404, 405, 415, 415, 415]);
  });

  test("is not broken by what nobody can read, however large it unfolds", async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const protobuf = "application/x-protobuf";
    const gzip = { "content-encoding": "gzip" };
    const statuses = [
      await server.send({ body: bomb, headers: gzip }),
      // It says so before all has come, and closes the connection: who still writes may not hear it.
      await server.send({ body: Buffer.alloc(33 * 1024 * 1024) }).catch(() => ({ status: 413 })),
      await server.send({ body: "not gzip", headers: gzip }),
      await server.send({ body: "{" }),
      await server.send({ body: "[]" }),
      await server.send({ body: deep }),
      await server.send({ body: Buffer.from([0xff, 0xff, 0xff]), type: protobuf }),
      await server.send({ body: nested(5_000), type: protobuf }),
      await server.send({ body: "" }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([413, 413, 400, 400, 400, 200, 400, 400, 400]);
    expect((await server.send({ body: JSON.stringify(chat(1).body) })).status).toBe(200);
  });

  test("says how many records it could not take, as OTLP wants it", async () => {
    const { body } = chat(6);
    const broken = JSON.parse(JSON.stringify(body).replace('"traceId"', '"noTrace"')) as Sent["body"];
    const json = await server.send({ body: JSON.stringify(broken) });
    expect([json.status, JSON.parse(json.body.toString())]).toEqual([
      200,
      { partialSuccess: { rejectedSpans: "1", errorMessage: "not as OTLP has it" } },
    ]);
    const proto = await server.send({
      body: encoded({ kind: "traces", body: broken }),
      type: "application/x-protobuf",
    });
    expect(proto.body.toString("hex")).toMatch(/^0a\w\w08011212/);
  });

  test("stands in the store when it has ended, with what it took", async () => {
    expect(await server.stop()).toBe(143);
    expect(server.stderr()).toMatch(/\d+ happenings written, 0 in the spool, 0 dropped/);
    await using loci = await open(join(folder, "store.db"));
    const { items } = await loci.sessions.list({});
    expect(items.map(({ id, inputTokens, messageCount }) => [id, inputTokens, messageCount])).toEqual([
      ["c", 50, 5],
    ]);
  });
});

/** An attribute in an attribute in an attribute, in protobuf's own bytes: no library writes it. */
function nested(levels: number): Buffer {
  let value = message({ stringValue: "x" }, { 1: { name: "stringValue", kind: "text" } });
  for (let level = 0; level < levels; level++)
    for (const field of [1, 5]) value = Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
  const entry = Buffer.concat([Buffer.from([0x0a, 1, 0x6b, 0x12]), varint(value.length), value]);
  let out = entry;
  for (const field of [9, 2, 2, 1]) out = Buffer.concat([varint(field * 8 + 2), varint(out.length), out]);
  return out;
}

describe("a receiver", () => {
  test("asks to be sent it again when the spool cannot be written, and not when the recorder refuses", () => {
    const { receive, reasons } = receiver(() => {
      reasons["the disk is full"] = (reasons["the disk is full"] ?? 0) + 1;
      return undefined;
    });
    const request = {
      kind: "traces",
      format: "json",
      body: Buffer.from(JSON.stringify(chat(1).body)),
    } as const;
    expect(receive(request).status).toBe(503);
    const refusing = receiver(() => undefined);
    const answer = refusing.receive(request);
    expect([answer.status, Buffer.from(answer.body).toString()]).toEqual([
      200,
      '{"partialSuccess":{"rejectedSpans":"4","errorMessage":"refused by the recorder"}}',
    ]);
  });

  test("reads values of wrong types, hostile names and huge texts without an error", () => {
    const { receive, taken } = receiver();
    const hostile: unknown[] = [
      null,
      7,
      "x",
      [],
      [null],
      { resource: 3 },
      { scopeSpans: {} },
      { scopeSpans: [7] },
    ];
    for (const value of hostile)
      expect(
        receive({
          kind: "traces",
          format: "json",
          body: Buffer.from(JSON.stringify({ resourceSpans: value })),
        }).status,
      ).toBe(200);
    const names = [
      "__proto__",
      "constructor",
      "gen_ai.usage.input_tokens",
      "gen_ai.operation.name",
      "session.id",
    ];
    const values = [
      { intValue: "x" },
      { doubleValue: "NaN" },
      { stringValue: 7 },
      { arrayValue: 7 },
      { kvlistValue: { values: [7] } },
      7,
      {},
    ];
    for (const value of values) {
      const { body } = JSON.parse(
        JSON.stringify(chat(1)).replace(
          '"attributes":[',
          `"attributes":[${names.map((key) => JSON.stringify({ key, value })).join()},`,
        ),
      ) as Sent;
      expect(
        receive({ kind: "traces", format: "json", body: Buffer.from(JSON.stringify(body)) }).status,
      ).toBe(200);
    }
    const huge = JSON.stringify(chat(2)).replace("question 2", "x".repeat(20 * 1024 * 1024));
    expect(
      receive({
        kind: "traces",
        format: "json",
        body: Buffer.from(JSON.stringify((JSON.parse(huge) as Sent).body)),
      }).status,
    ).toBe(200);
    expect(taken.length).toBeGreaterThan(10);
    expect(Object.keys(Object.prototype)).toEqual([]);
    for (const one of taken) JSON.stringify(one);
  });

  test("never throws, whatever bytes come", () => {
    const { receive } = receiver();
    let seed = 7;
    const random = (most: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % most;
    const real = sent("claude-code")
      .slice(0, 4)
      .map((one) => ({ kind: one.kind, bytes: encoded(one) }));
    for (let round = 0; round < 300; round++) {
      const { kind, bytes } = real[round % real.length] ?? { kind: "logs" as const, bytes: Buffer.alloc(0) };
      const broken = Buffer.from(bytes.subarray(0, random(bytes.length)));
      for (let flips = 0; flips < 5 && broken.length > 0; flips++)
        broken[random(broken.length)] = random(256);
      expect([200, 400]).toContain(receive({ kind, format: "protobuf", body: broken }).status);
    }
    expect(Object.keys(requests)).toHaveLength(3);
  });
});

test("kills at random lose nothing that was acknowledged", async () => {
  // 50 in test/agents.
  const { acknowledged, lost, doubled } = await killed(4);
  expect(acknowledged).toBeGreaterThan(4);
  expect([lost, doubled]).toEqual([0, 0]);
}, 240_000);
