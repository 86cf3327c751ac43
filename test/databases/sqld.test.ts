import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createDatabases } from "../../dist/databases/databases.js";
import { insert } from "../../dist/engine/engine.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { open, openDatabases } from "../../dist/index.js";
import { job, jobs, suiteSchema } from "../../dist/testing/index.js";
import { startSqld } from "../support/sqld.ts";
import { startPlatform } from "./platform.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-sqld-databases-"));
const sqld = await startSqld({ tokens: true, adminKey: "sesame" });
const before = { ...process.env };
afterAll(async () => {
  use({});
  await sqld.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A home for each test; stores are opened by the environment of this process, as they are in a program. */
const settings = (more: Record<string, string | undefined> = {}): Record<string, string | undefined> => ({
  LOCI_HOME: mkdtempSync(join(folder, "home-")),
  LOCI_SQLD_URL: `http://localhost:${sqld.port}`,
  LOCI_SQLD_ADMIN_URL: sqld.adminUrl,
  LOCI_SQLD_ADMIN_KEY: "sesame",
  LOCI_SQLD_KEY_FILE: sqld.keyFile,
  ...more,
});
const use = (env: Record<string, string | undefined>): void => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, { ...before, LOCI_URL: "", LOCI_AUTH_TOKEN: "", ...env });
};
beforeEach(() => use(settings()));

const rejection = (work: Promise<unknown>): Promise<Record<string, unknown>> =>
  work.then(
    () => ({ code: "it was answered" }),
    (error: unknown) => error as Record<string, unknown>,
  );

describe.skipIf(sqld.missing)("databases at a sqld", () => {
  test("each is a store of its own that opens by its URL and by its name, and is gone when it is deleted", async () => {
    const databases = openDatabases();
    expect(databases.providers).toEqual(["sqld", "local"]);
    const one = await databases.create("agent-1");
    expect(one).toEqual({
      name: "agent-1",
      provider: "sqld",
      url: `http://agent-1.localhost:${sqld.port}`,
      group: null,
      bytes: null,
    });
    await databases.create("agent-2");
    await databases.create("agent-2", { on: "local" });
    expect((await databases.list()).map(({ name, provider }) => `${name} ${provider}`)).toEqual([
      "agent-1 sqld",
      "agent-2 sqld",
      "agent-2 local",
    ]);
    {
      await using loci = await open(one.url);
      await loci.memory.add({ agentId: "a", decisionType: "t", decisionData: "its own" });
      await using other = await open("db:sqld/agent-2");
      expect((await other.memory.list()).items).toEqual([]);
      await using byName = await open("db:agent-1");
      expect((await byName.memory.list()).items).toHaveLength(1);
      expect(await byName.sql?.query("select decision_data from agent_memory")).toMatchObject({
        rows: [['"its own"']],
      });
      await using file = await open("db:local/agent-2");
      expect(file.engine.name).toBe("libsql");
    }
    expect(await rejection(open("db:agent-2"))).toMatchObject({
      code: "config",
      next: expect.stringMatching(/db:\w+\/agent-2/),
    });
    await expect(databases.create("agent-1")).rejects.toMatchObject({ code: "invalid" });
    expect(await databases.remove("agent-1")).toEqual({ name: "agent-1", provider: "sqld", setAside: null });
    expect(await rejection(open("db:agent-1"))).toMatchObject({ code: "not-found" });
    await databases.create("agent-1");
    await using again = await open("db:agent-1");
    expect((await again.memory.list()).items).toEqual([]);
    await databases.remove("agent-1");
    await databases.remove("agent-2", { on: "sqld" });
  });

  test("a recorder writes into one, with a token that its own thread makes", async () => {
    const { url } = await openDatabases().create("recorded");
    await using loci = await open(url);
    const recorder = loci.recorder({ warn: false });
    for (let n = 0; n < 20; n++)
      recorder.record({ kind: "message", sessionId: "s", role: "user", content: `${n}` });
    expect(await recorder.flush({ timeout: 20_000 })).toMatchObject({ written: 20 });
    await recorder.close();
    await openDatabases().remove("recorded");
  });

  test("another machine does not know it, asks the server by its name, and knows it then", async () => {
    await openDatabases().create("agent-far");
    use(settings());
    const here = openDatabases();
    expect(await here.list()).toEqual([]);
    expect(await rejection(open("db:agent-far"))).toMatchObject({ code: "not-found" });
    expect(await here.get("agent-far")).toMatchObject({ provider: "sqld" });
    await using loci = await open("db:agent-far");
    expect((await loci.sessions.list()).items).toEqual([]);
    expect(await rejection(here.get("nobody"))).toMatchObject({ code: "not-found" });
    use(settings());
    expect(await rejection(openDatabases().create("agent-far"))).toMatchObject({ code: "invalid" });
    await using known = await open("db:agent-far");
    expect((await known.sessions.list()).items).toEqual([]);
    await here.remove("agent-far");
    expect(await rejection(here.remove("agent-far"))).toMatchObject({ code: "not-found" });
  });

  test.each(["Agent_2 x", "../up", "", "main", "a.b", "x".repeat(65)])("%j is no name", async (name) => {
    expect(await rejection(openDatabases().create(name))).toMatchObject({ code: "invalid" });
    expect(await rejection(open(`db:${name}`))).toMatchObject({ code: "not-found" });
  });

  test("a token opens its own database for as long as it lasts, and only to read where it says so", async () => {
    const databases = openDatabases();
    const { tokens } = databases;
    if (!tokens) throw new Error("There are no tokens.");
    const [one, two] = [await databases.create("right-1"), await databases.create("right-2")];
    const full = await tokens.create({ database: "right-1", expiration: "1h" });
    const reading = await tokens.create({ database: "right-1", permission: "read-only", expiration: "1h" });
    expect((full.expiresAt ?? 0) - Date.now()).toBeGreaterThan(3_590_000);
    await using writer = createRemoteEngine(one.url, { authToken: full.token });
    await writer.prepare(suiteSchema);
    expect(await writer.write([insert(jobs, [job({ id: "a" })])])).toEqual([1]);
    await using reader = createRemoteEngine(one.url, { authToken: reading.token });
    expect(await reader.find(jobs)).toHaveLength(1);
    expect(await rejection(reader.write([insert(jobs, [job({ id: "b" })])]))).toMatchObject({
      code: "permission",
    });
    await using stranger = createRemoteEngine(two.url, { authToken: full.token });
    expect(await rejection(stranger.find(jobs))).toMatchObject({ code: "config" });
    const earlier = createDatabases({
      env: process.env,
      home: process.env["LOCI_HOME"] ?? "",
      make: async () => undefined,
      now: () => Date.now() - 7_200_000,
    });
    const late = await earlier.tokens?.create({ database: "right-1", expiration: "1h" });
    await using expired = createRemoteEngine(one.url, { authToken: late?.token });
    expect(await rejection(expired.find(jobs))).toMatchObject({
      code: "permission",
      message: expect.stringMatching(/it expired/),
    });
    expect(await rejection(tokens.revoke("right-1"))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("until it expires"),
    });
    await databases.remove("right-1");
    await databases.remove("right-2");
  });

  test("what is wrong with the server's settings is said, and no key stands in it", async () => {
    const said = async (more: Record<string, string | undefined>): Promise<Record<string, unknown>> => {
      const error = await rejection((async () => openDatabases(settings(more)).create("never"))());
      expect(`${String(error["message"])} ${String(error["cause"])}`).not.toContain("sesame");
      return error;
    };
    expect(await said({ LOCI_SQLD_ADMIN_KEY: "wrong" })).toMatchObject({ code: "permission" });
    expect(await said({ LOCI_SQLD_ADMIN_URL: "http://127.0.0.1:9" })).toMatchObject({ code: "unreachable" });
    expect(await said({ LOCI_SQLD_ADMIN_URL: `http://127.0.0.1:${sqld.port}` })).toMatchObject({
      code: "config",
    });
    expect(await said({ LOCI_SQLD_ADMIN_URL: undefined })).toMatchObject({
      code: "config",
      message: expect.stringContaining("LOCI_SQLD_ADMIN_URL"),
    });
    expect(await said({ LOCI_SQLD_URL: "http://192.0.2.1:8080" })).toMatchObject({ code: "config" });
    expect(await rejection(openDatabases().create("never", { regions: ["fra"] }))).toMatchObject({
      code: "invalid",
    });
  });

  test("a key that is none, or of another kind, is refused", async () => {
    const path = join(folder, "key.pem");
    for (const [text, words] of [
      ["none", /cannot be read/],
      [
        generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
          type: "pkcs8",
          format: "pem",
        }),
        /not Ed25519/,
      ],
    ] as const) {
      writeFileSync(path, text);
      chmodSync(path, 0o600);
      const { tokens } = openDatabases(settings({ LOCI_SQLD_KEY_FILE: path }));
      expect(await rejection(tokens?.create({ database: "a" }) ?? Promise.resolve())).toMatchObject({
        code: "config",
        message: expect.stringMatching(words),
      });
    }
  });
});

describe("databases at Turso", () => {
  test("open as stores with tokens made for them: one for writing, one that reads for SQL; a refused one is made anew", async ({
    skip,
  }) => {
    if (sqld.missing) return skip(sqld.missing);
    // A platform of ours that makes and names databases; a sqld of ours is where they are.
    const platform = await startPlatform();
    const made = openDatabases(settings());
    const { url } = await made.create("agent-t");
    platform.host = new URL(url).host;
    const given: string[] = [];
    platform.sign = async (name, permission) => {
      given.push(permission);
      if (given.length === 1) return "not.good.at-all";
      return (await made.tokens?.create({ database: name, permission, expiration: "1h" }))?.token ?? "";
    };
    use({
      LOCI_HOME: mkdtempSync(join(folder, "home-")),
      TURSO_API_TOKEN: platform.token,
      TURSO_ORGANIZATION: platform.organization,
      TURSO_API_BASEURL: platform.url,
    });
    const item = await openDatabases().create("agent-t");
    expect(item.url).toBe(`libsql://${platform.host}`);
    {
      // Of this machine's own: without encryption.
      await using loci = await open(`${item.url}?tls=0`);
      await loci.memory.add({ agentId: "a", decisionType: "t", decisionData: 1 });
      await using same = await open(`${item.url}?tls=0`);
      expect(await same.sql?.query("select count(*) from agent_memory")).toMatchObject({ rows: [[1]] });
    }
    // One that was refused, one in its place, one for SQL; the second store got what was kept.
    expect(given).toEqual(["full-access", "full-access", "read-only"]);
    await made.remove("agent-t");
    await platform.stop();
  });
});
