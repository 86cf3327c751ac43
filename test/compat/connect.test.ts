import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "loci/compat";
import { type Sqld, startSqld } from "../support/sqld.ts";

// The document's snippets, with only their import changed, against a real server.

const folder = mkdtempSync(join(tmpdir(), "loci-connect-"));
const at = (name: string): string => join(folder, name);
let server: Sqld;
beforeAll(async () => void (server = await startSqld()));
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("connect", () => {
  test("a file answers SQL at once, in the order of the calls, also where nobody waits", async () => {
    const db = await connect(at("agent.db"));
    // `void` is all that stands here and not in the document: our linter wants it.
    void db
      .prepare(
        `CREATE TABLE IF NOT EXISTS steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  action TEXT NOT NULL,
  result TEXT
)`,
      )
      .run();
    void db.prepare("INSERT INTO steps (action, result) VALUES (?, ?)").run("fetch_data", "success");
    const insert = db.prepare("INSERT INTO steps (action, result) VALUES (?, ?)");
    expect(await insert.run("parse", "failed")).toEqual({ changes: 1, lastInsertRowid: 2 });
    expect(await db.prepare("SELECT action FROM steps ORDER BY id").all()).toEqual([
      { action: "fetch_data" },
      { action: "parse" },
    ]);
    expect(await db.prepare("SELECT * FROM steps WHERE id = ?").get(9)).toBeUndefined();
    await expect(db.sync()).rejects.toMatchObject({ code: "config" });
    await db.close();
  });

  test("two files of one database hold the same after each has synced, and an own table is named", async ({
    skip,
  }) => {
    skip(server.missing !== undefined, server.missing);
    const url = await server.database();
    const agent1DB = await connect({ path: at("agent-1-local.db"), url, sync: "full" });
    const agent2DB = await connect({ path: at("agent-2-local.db"), url, sync: "sync" });
    await agent1DB.exec("CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT)");
    await agent1DB.loci.memory.add({ agentId: "1", decisionType: "t", decisionData: "of the first" });
    await agent2DB.loci.memory.add({ agentId: "2", decisionType: "t", decisionData: "of the second" });
    expect(await agent1DB.sync()).toMatchObject({ state: "ok", sent: 1, leftOut: ["notes"] });
    expect(await agent2DB.sync()).toMatchObject({ state: "ok", sent: 1, received: 1, leftOut: [] });
    await agent1DB.sync();
    for (const { loci } of [agent1DB, agent2DB]) {
      const { items } = await loci.memory.list();
      expect(items.map(({ agentId }) => agentId).toSorted()).toEqual(["1", "2"]);
    }
    await agent1DB.close();
    await agent2DB.close();
  });

  test("workers push and the coordinator pulls, and neither does what it is not for", async ({ skip }) => {
    skip(server.missing !== undefined, server.missing);
    const url = await server.database();
    const workerDB = await connect({ path: at("worker.db"), url, sync: "push" });
    const coordinatorDB = await connect({ path: at("coordinator.db"), url, sync: "pull" });
    await workerDB.loci.memory.add({ agentId: "w", decisionType: "t", decisionData: "done" });
    await coordinatorDB.loci.memory.add({ agentId: "c", decisionType: "t", decisionData: "its own" });
    expect(await workerDB.sync()).toMatchObject({ mode: "push", sent: 1, received: 0 });
    expect(await coordinatorDB.sync()).toMatchObject({ mode: "pull", sent: 0, received: 1 });
    expect(await workerDB.sync()).toMatchObject({ sent: 0, received: 0 });
    const { items } = await coordinatorDB.loci.memory.list();
    expect(items.map(({ agentId }) => agentId).toSorted()).toEqual(["c", "w"]);
    expect((await workerDB.loci.memory.list()).items).toHaveLength(1);
    await workerDB.close();
    await coordinatorDB.close();
  });

  test("opens and works where the server is away", async () => {
    const db = await connect({ path: at("offline.db"), url: "http://127.0.0.1:1", sync: "full" });
    await db.loci.memory.add({ agentId: "a", decisionType: "t", decisionData: "kept" });
    await expect(db.sync()).rejects.toMatchObject({ code: "unreachable" });
    expect((await db.loci.memory.list()).items).toHaveLength(1);
    await db.close();
  });
});
