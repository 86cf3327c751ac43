import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insert, update } from "../../dist/engine/engine.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { openReplica } from "../../dist/engines/replica/replica.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { open } from "../../dist/index.js";
import { suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startSqld } from "../support/sqld.ts";

/** Without namespaces: the driver finds the database of a name only where the name can be resolved. */
const sqld = await startSqld({ namespaces: false });
const url = sqld.missing === undefined ? await sqld.database() : "";
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loci-replica-"));
});
afterAll(async () => {
  await sqld.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(sqld.missing !== undefined)(`an embedded replica (${sqld.missing ?? "of sqld"})`, () => {
  test("reads come from the file, changes go to the server, and what was written here is read at once", async () => {
    const path = join(folder, "cache.db");
    const primary = createRemoteEngine(url);
    await using engine = await openReplica(primary, { url, path });
    await engine.prepare(suiteSchema);
    for (let n = 0; n < 20; n++) {
      await engine.write([insert(things, [thing({ id: `own-${n}`, note: "a\u0000b \ud83d\ude00" })])]);
      expect(await engine.find(things, { where: { id: `own-${n}` } })).toMatchObject([
        { note: "a\u0000b \ud83d\ude00" },
      ]);
    }
    expect(await engine.find(things)).toEqual(await primary.find(things));
    for (const suffix of ["", "-wal", "-client_wal_index"])
      expect(statSync(path + suffix).mode & 0o077).toBe(0);
  });

  test("what others wrote is read within its bound of staleness, and not asked for before", async () => {
    const other = createRemoteEngine(url);
    await using engine = await openReplica(createRemoteEngine(url), {
      url,
      path: join(folder, "old.db"),
      within: 1_000,
    });
    await engine.prepare(suiteSchema);
    const count = async (): Promise<number> => (await engine.find(things)).length;
    const before = await count();
    await other.write([insert(things, [thing({ id: "others" })])]);
    const wrote = performance.now();
    while ((await count()) === before) expect(performance.now() - wrote).toBeLessThan(10_000);
    expect(await count()).toBe(before + 1);
    await other.close();
  });

  test("through open(): sessions and search are read from it, and what was added is found", async () => {
    await using loci = await open(url, { replica: join(folder, "loci.db") });
    await loci.add([
      { kind: "session", id: "s1", agentType: "test", startedAt: 1_700_000_000_000 },
      { kind: "message", sessionId: "s1", role: "user", content: "where is the purple elephant" },
    ]);
    expect(await loci.sessions.count()).toBe(1);
    await loci.index.catchUp();
    expect((await loci.search("purple elephant")).items).toHaveLength(1);
    await expect(loci.sql?.query("select count(*) from messages")).resolves.toMatchObject({ rows: [[1]] });
  });

  test("with the server away reading goes on, changes say so, and a new process reads what an earlier one kept", async () => {
    const path = join(folder, "away.db");
    const patient = { connectTimeout: 300, busyTimeout: 300 };
    const engine = await openReplica(createRemoteEngine(url, patient), { url, path, within: 50 });
    await engine.prepare(suiteSchema);
    const rows = await engine.find(things);
    expect(rows.length).toBeGreaterThan(20);
    await sqld.kill();
    expect(await engine.find(things)).toEqual(rows);
    await engine.close();
    const later = await openReplica(createRemoteEngine(url, patient), { url, path, within: 50 });
    expect(await later.find(things)).toEqual(rows);
    await expect(later.write([update(things, { id: "own-1" }, { count: 1 })])).rejects.toMatchObject({
      code: "unreachable",
    });
    // Nobody knows whether that was done: only the server could say what is there now.
    await expect(later.find(things)).rejects.toMatchObject({ code: "unreachable" });
    const none = await openReplica(createRemoteEngine(url, patient), { url, path: join(folder, "none.db") });
    await expect(none.find(things)).rejects.toMatchObject({ code: "unreachable" });
    await sqld.start();
    expect((await later.find(things)).length).toBe(rows.length);
    expect((await none.find(things)).length).toBe(rows.length);
    await none.close();
    await later.close();
    await expect(openLibsql(path)).rejects.toMatchObject({ code: "config", where: path });
  });
});
