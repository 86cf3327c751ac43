import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createDatabases } from "../../dist/databases/databases.js";
import { type Databases, open, openDatabases } from "../../dist/index.js";
import { type FakePlatform, startPlatform } from "./platform.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-databases-"));
const platform: FakePlatform = await startPlatform();
afterAll(async () => {
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
});

const configured = {
  TURSO_PLATFORM_API_TOKEN: platform.token,
  TURSO_ORG_NAME: platform.organization,
  TURSO_API_BASEURL: platform.url,
  TURSO_DEFAULT_DATABASE: "agent-default",
};

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(folder, "home-"));
  platform.databases.clear();
  platform.asked.length = 0;
});

describe("on this machine", () => {
  test("a database is a store of its own, apart from all others, and is set aside when it is deleted", async () => {
    const databases = openDatabases({ LOCI_HOME: home });
    expect([await databases.list(), databases.providers]).toEqual([[], ["local"]]);
    expect(databases.tokens).toBeUndefined();
    const one = await databases.create("agent-1");
    const two = await databases.create("agent-2");
    await using loci = await open(one.url);
    await loci.memory.add({ agentId: "a", decisionType: "t", decisionData: 1 });
    await using other = await open(two.url);
    expect((await other.memory.list()).items).toEqual([]);
    expect((await databases.list()).map(({ name }) => name)).toEqual(["agent-1", "agent-2"]);
    if (process.platform !== "win32") expect(statSync(one.url).mode & 0o777).toBe(0o600);
    await loci.close();
    const { setAside } = await databases.remove("agent-1");
    expect((await databases.list()).map(({ name }) => name)).toEqual(["agent-2"]);
    expect(existsSync(one.url)).toBe(false);
    await using kept = await open(join(setAside ?? "", "agent-1.db"));
    expect((await kept.memory.list()).items).toHaveLength(1);
    await databases.create("agent-1");
    await expect(databases.create("agent-1")).rejects.toMatchObject({ code: "invalid" });
  });

  test.each(["", "../up", "A", "a/b", "a.db", "-a", "a-", "main", "x".repeat(65), "a\u0000"])(
    "%j is no name",
    async (name) => {
      const databases = openDatabases({ LOCI_HOME: home });
      await expect(databases.create(name)).rejects.toMatchObject({ code: "invalid" });
      await expect(databases.remove(name)).rejects.toMatchObject({
        code: expect.stringMatching(/invalid|not-found/),
      });
    },
  );
});

describe("at Turso, through its own client", () => {
  let clock = Date.now();
  const make = (extra: Record<string, string> = {}): Databases =>
    createDatabases({
      env: { ...configured, ...extra },
      home,
      make: async () => undefined,
      now: () => clock,
    });

  test("databases are made in a group, listed with those of this machine, and deleted", async () => {
    const databases = make();
    expect(databases.providers).toEqual(["turso", "local"]);
    const made = await databases.create(`agent-${7}`, { group: "default" });
    expect(made).toEqual({
      name: "agent-7",
      provider: "turso",
      url: "libsql://agent-7-acme.turso.io",
      group: "default",
      bytes: null,
    });
    await databases.create("agent-8", { regions: ["fra"] });
    expect(platform.databases.get("agent-8")).toMatchObject({ group: "fra" });
    await databases.create("agent-9", { regions: ["lhr"] });
    expect(platform.databases.get("agent-9")).toMatchObject({ group: "default" });
    expect((await databases.list()).map(({ name }) => name)).toEqual(["agent-7", "agent-8", "agent-9"]);
    expect(await databases.remove("agent-7")).toEqual({ name: "agent-7", provider: "turso", setAside: null });
    expect(platform.databases.has("agent-7")).toBe(false);
    expect(await databases.usage("agent-8", { from: clock - 3_600_000, to: clock })).toEqual({
      rowsRead: 1200,
      rowsWritten: 34,
      storageBytes: 40_960,
    });
  });

  test.each([
    [401, "permission"],
    [404, "not-found"],
    [409, "invalid"],
    [429, "busy"],
    [503, "unreachable"],
  ])("an answer of %i is %s, and never shows the token", async (status, code) => {
    platform.failNext(status);
    const error = await make()
      .list()
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining("Turso did not list the databases"),
    });
    expect(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack ?? ""}`).not.toContain(
      platform.token,
    );
  });

  test("a wrong token, a missing database and a taken name say so; no server is unreachable", async () => {
    await expect(make({ TURSO_PLATFORM_API_TOKEN: "wrong" }).list()).rejects.toMatchObject({
      code: "permission",
    });
    await expect(make().remove("nobody")).rejects.toMatchObject({ code: "not-found" });
    await make().create("agent-1");
    await expect(make().create("agent-1")).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("already"),
    });
    await expect(make({ TURSO_API_BASEURL: "http://127.0.0.1:9/v1/" }).list()).rejects.toMatchObject({
      code: "unreachable",
    });
    expect(() => make({ TURSO_API_BASEURL: "http://elsewhere.test/" })).toThrow(/https URL/);
  });

  test("the organization's token makes database tokens, which are kept until a minute before their end", async () => {
    clock = Date.now();
    const databases = make();
    const { tokens } = databases;
    if (tokens === undefined) throw new Error("There are no tokens.");
    await databases.create("agent-1");
    await databases.create("agent-default");
    const first = await tokens.get({ database: "agent-1" });
    expect(await tokens.get({ database: "agent-1" })).toBe(first);
    expect(tokens.status()).toEqual({ tokens: 1, hits: 1, misses: 1, databases: ["agent-1"] });
    expect(await tokens.get({ database: "agent-1", permission: "read-only" })).not.toBe(first);
    const mints = platform.asked.filter((line) => line.includes("auth/tokens"));
    expect(mints).toEqual([
      "POST /v1/organizations/acme/databases/agent-1/auth/tokens?expiration=7d&authorization=full-access",
      "POST /v1/organizations/acme/databases/agent-1/auth/tokens?expiration=7d&authorization=read-only",
    ]);
    clock += 7 * 86_400_000 - 61_000;
    expect(await tokens.get({ database: "agent-1" })).toBe(first);
    clock += 2_000;
    expect(await tokens.get({ database: "agent-1" })).not.toBe(first);
    expect((await tokens.create({})).database).toBe("agent-default");
    expect([tokens.clear("agent-1"), tokens.clear()]).toEqual([2, 1]);
    expect(tokens.list()).toHaveLength(4);
    expect(JSON.stringify(tokens.list())).not.toContain(first);
  });

  test("revoking ends every token of the database, as Turso does, and says so", async () => {
    clock = Date.now();
    const databases = make({ TOKEN_PERMISSION: "read-only", TOKEN_EXPIRATION: "2d" });
    const { tokens } = databases;
    if (tokens === undefined) throw new Error("There are no tokens.");
    await databases.create("agent-1");
    const one = await tokens.create({ database: "agent-1" });
    const two = await tokens.create({ database: "agent-1", permission: "full-access", expiration: "never" });
    expect([one.permission, two.expiresAt]).toEqual(["read-only", null]);
    expect(Math.abs((one.expiresAt ?? 0) - clock - 2 * 86_400_000)).toBeLessThan(5_000);
    expect([platform.isGood(one.token), platform.isGood(two.token)]).toEqual([true, true]);
    expect(await tokens.revoke(one.id)).toEqual({ database: "agent-1", revoked: [two.id, one.id] });
    expect([platform.isGood(one.token), platform.isGood(two.token)]).toEqual([false, false]);
    expect([tokens.list(), tokens.status().tokens]).toEqual([[], 0]);
    await expect(tokens.revoke(one.id)).rejects.toMatchObject({ code: "not-found" });
    await expect(tokens.create({ database: "agent-1", permission: "all" })).rejects.toMatchObject({
      code: "invalid",
    });
    await expect(tokens.create({ database: "agent-1", expiration: "soon" })).rejects.toMatchObject({
      code: "invalid",
    });
  });
});
