import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { update } from "../../dist/engine/engine.js";
import { open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { makeWorld, someSessions } from "./world.ts";

const world = makeWorld();
const hub = join(world.home, "hub.db");
const env = { LOCI_SYNC_URL: hub };
beforeAll(() => world.seed(someSessions(Date.now())));
afterAll(() => world.end());

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe("loci sync", () => {
  test("without a hub says how one is named, and fails nothing", async () => {
    const status = await world.loci(["sync", "status", "--format", "table"]);
    expect([status.code, status.stderr]).toEqual([0, expect.stringContaining("LOCI_SYNC_URL")]);
    const push = await world.loci(["sync", "push"]);
    expect([push.code, push.stderr]).toEqual([4, expect.stringContaining("has no hub")]);
  });

  test("what waits is shown, and is wrong where it waits for too long", async () => {
    const before = json((await world.loci(["sync", "status", "--json"], { env })).stdout);
    expect(before).toMatchObject({ v: 1, hubs: [{ state: "never", mode: "full" }], problems: [] });
    const pushed = await world.loci(["sync", "push", "--json"], { env });
    expect([pushed.code, json(pushed.stdout)]).toEqual([
      0,
      expect.objectContaining({ mode: "push", state: "ok" }),
    ]);
    const loci = await open(world.store);
    await loci.memory.add({ agentId: "a", decisionType: "t", decisionData: "late" });
    await loci.close();
    const late = await world.loci(["sync", "status", "--check", "--max-lag", "0s"], { env });
    expect(late.code).toBe(6);
    expect(late.stderr).toContain("1 change waits");
    expect(late.stderr).toContain("loci sync full");
    expect((await world.loci(["sync", "status", "--check", "--max-lag", "1h"], { env })).code).toBe(0);
  });

  test("both ways, in words for a person, with the hub as a flag", async () => {
    const full = await world.screen(["sync", "full", "--hub", hub], { columns: 80 });
    expect(full.code).toBe(0);
    expect(full.stdout).toMatch(/✓\S* 1 row sent .*both sides hold the same/);
    const status = await world.screen(["sync", "status"], { columns: 80, env });
    expect(status.stdout).toMatch(/✓\S* .*hub\.db\S* {2}full, synced just now/);
    expect(status.stdout).toContain("nothing waits");
  });

  test("a hub knows its spokes, and forgets one by its name", async () => {
    const listed = json((await world.loci(["spoke", "ls", "--db", hub, "--json"])).stdout);
    const [spoke] = listed["items"] as ReadonlyArray<{ readonly name: string }>;
    expect(spoke).toMatchObject({ state: "ok", pending: 0 });
    const forgotten = await world.loci(["spoke", "forget", spoke?.name ?? "", "--db", hub]);
    expect(forgotten.code).toBe(0);
    expect((await world.loci(["spoke", "forget", "nobody", "--db", hub])).code).toBe(3);
    const again = await world.loci(["sync", "full", "--json"], { env });
    expect(json(again.stdout)).toMatchObject({ state: "ok" });
  });

  test("a row that is not the same on both sides is found, and mended", async () => {
    const there = await open(hub);
    if (there.engine.name !== "libsql") throw new Error("the hub is a file here");
    const [message] = await there.engine.find((await import("../../dist/model/message.js")).messages, {
      limit: 1,
    });
    // Behind the back of everything that notes changes: what a broken disk or a careless hand does.
    await there.engine.feed?.apply([update(messages, { id: message?.id ?? "" }, { content: "rotten" })], []);
    await there.close();
    const found = await world.loci(["sync", "verify", "--json"], { env });
    expect([found.code, json(found.stdout)]).toEqual([6, expect.objectContaining({ different: 1 })]);
    expect((await world.loci(["sync", "repair"], { env })).code).toBe(0);
    const after = await world.loci(["sync", "verify", "--format", "table"], { env });
    expect([after.code, after.stderr]).toEqual([0, expect.stringContaining("Both sides hold the same")]);
  });

  test("a session that is local only never leaves", async () => {
    const id = "secret-session";
    await world.seed([{ kind: "session", id, agentType: "x", status: "running" }]);
    const kept = await world.loci(["sync", "local", id, "--json"]);
    expect(json(kept.stdout)).toMatchObject({ sessionId: id, localOnly: true });
    await world.seed([{ kind: "message", sessionId: id, role: "user", content: "for nobody" }]);
    expect((await world.loci(["sync", "full"], { env })).code).toBe(0);
    const there = await open(hub);
    expect(await there.sessions.get(id)).toBeNull();
    await there.close();
  });

  test("doctor says how sync stands", async () => {
    const ran = await world.loci(["doctor", "--json"], { env });
    const { checks } = json(ran.stdout) as {
      checks: ReadonlyArray<{ name: string; state: string; fact: string }>;
    };
    expect(checks.find(({ name }) => name === "sync")).toMatchObject({
      state: "ok",
      fact: expect.stringMatching(/hub\.db; 0 changes wait, 1 sessions stay here/),
    });
  });

  test("a project's file may not name a hub", async () => {
    const folder = join(world.home, "project");
    mkdirSync(folder);
    writeFileSync(join(folder, "loci.config.json"), '{"syncUrl":"https://evil.example"}');
    const ran = await world.loci(["ls"], { folder });
    expect([ran.code, ran.stderr]).toEqual([4, expect.stringContaining("may not name a hub")]);
  });
});
