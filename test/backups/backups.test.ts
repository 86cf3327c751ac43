import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startSqld } from "../support/sqld.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-backups-"));
const server: PostgresServer = await startPostgres();
const sqld = await startSqld();
process.env["LOCI_HOME"] = join(folder, "home");
afterAll(async () => {
  await server.stop();
  await sqld.stop();
  rmSync(folder, { recursive: true, force: true });
});

const say = (loci: Loci, id: string, content: string): Promise<void> =>
  loci.add([{ kind: "message", id, sessionId: `s-${id}`, role: "user", content }]);

const worker = new URL("./worker.mjs", import.meta.url).pathname;

describe.each([
  ["libsql", async () => join(mkdtempSync(join(folder, "store-")), "loci.db")],
  ["postgres", () => server.database()],
  ["remote", () => sqld.database()],
])("backups on %s", (name, newStore) => {
  const missing = { libsql: undefined, postgres: server.missing, remote: sqld.missing }[name];
  const it = test.skipIf(missing !== undefined);
  const backupsOf = ({ backups }: Loci) => {
    if (backups === undefined) throw new Error("This store has no backups.");
    return backups;
  };

  it("a backup is listed, verified, and brought back with ids, counts and search", async () => {
    await using loci = await open(await newStore());
    const backups = backupsOf(loci);
    expect(await backups.list()).toEqual([]);
    await say(loci, "m1", "the quokka \u0000 is behind the gateway");
    const kept = await loci.memory.add({ agentId: "a", decisionType: "t", decisionData: { n: [1, null] } });
    await loci.index.catchUp();
    const made = await backups.create("before the move");
    expect(made).toMatchObject({
      name: "before the move",
      engine: name,
      counts: { messages: 1, agent_memory: 1 },
    });
    if (process.platform !== "win32") expect(statSync(made.path).mode & 0o777).toBe(0o600);
    await say(loci, "m2", "the wombat is elsewhere");
    await loci.index.catchUp();
    expect(await backups.verify(made.id)).toEqual(made);
    expect(await backups.verify("before the move")).toEqual(made);
    const { restored, setAside } = await backups.restore(made.id);
    expect([restored.id, setAside.counts["messages"]]).toEqual([made.id, 2]);
    expect(await loci.memory.get(kept.id)).toEqual(kept);
    expect(await loci.sessions.get("s-m2")).toBeNull();
    await loci.index.catchUp();
    expect((await loci.search("quokka")).items).toHaveLength(1);
    expect((await loci.search("wombat")).items).toHaveLength(0);
    // And back again: what was set aside is a backup.
    await backups.restore(setAside.id);
    expect(await loci.sessions.get("s-m2")).not.toBeNull();
    expect((await backups.list()).length).toBe(3);
  });

  it("a damaged backup is named, and nothing is done with it", async () => {
    await using loci = await open(await newStore());
    await say(loci, "m1", "hello");
    const backups = backupsOf(loci);
    const made = await backups.create();
    appendFileSync(made.path, "x");
    await expect(backups.verify(made.id)).rejects.toMatchObject({ code: "corrupt" });
    await expect(backups.restore(made.id)).rejects.toMatchObject({ code: "corrupt" });
    await expect(backups.restore("nothing")).rejects.toMatchObject({
      code: "not-found",
      next: expect.stringContaining(made.id),
    });
    await expect(backups.create("../../etc")).rejects.toMatchObject({ code: "invalid" });
    expect(await backups.list()).toHaveLength(1);
  });

  it("a restore is refused while a recorder writes", async () => {
    await using loci = await open(await newStore());
    const backups = backupsOf(loci);
    const made = await backups.create();
    const recorder = loci.recorder();
    recorder.record({ kind: "message", sessionId: "s9", role: "user", content: "hello" });
    await recorder.flush();
    await expect(backups.restore(made.id)).rejects.toMatchObject({ code: "busy" });
    await recorder.close();
    await backups.restore(made.id);
    expect(await loci.sessions.get("s9")).toBeNull();
  });

  it("pairs that another process writes in one step are whole in every backup", async () => {
    const url = await newStore();
    await using loci = await open(url);
    const backups = backupsOf(loci);
    const writer = spawn(process.execPath, [worker, "write", url], { stdio: ["ignore", "pipe", "inherit"] });
    await once(writer.stdout, "data");
    const counts: number[] = [];
    for (let n = 0; n < 3; n++) {
      const made = await backups.create(`b${n}`);
      counts.push(made.counts["messages"] ?? 0);
      expect((made.counts["messages"] ?? 0) % 2).toBe(0);
      await backups.verify(made.id);
    }
    // A restore while it writes: every pair is in the store or in what was set aside, and none is torn.
    const { setAside } = await backups.restore("b0");
    expect((setAside.counts["messages"] ?? 0) % 2).toBe(0);
    writer.kill("SIGKILL");
    await once(writer, "exit");
    const last = await backups.create("last");
    expect((last.counts["messages"] ?? 0) % 2).toBe(0);
    expect(counts.every((count, n) => n === 0 || count >= (counts[n - 1] ?? 0))).toBe(true);
  }, 60_000);

  it("killed in the middle of a backup or a restore, the store is as it was or as the backup was", async () => {
    const url = await newStore();
    const loci = await open(url);
    for (let n = 0; n < 10; n++) {
      await loci.add(
        Array.from({ length: 100 }, (_, i) => {
          const content = `${n} ${i} `.repeat(200);
          return { kind: "message" as const, id: `k${n}-${i}`, sessionId: "big", role: "user", content };
        }),
      );
    }
    const made = await backupsOf(loci).create("whole");
    await say(loci, "after", "after the backup");
    await loci.close();
    const seen = new Set<number>();
    for (const delay of [0, 5, 15, 40, 80, 160]) {
      for (const what of ["restore", "backup"]) {
        const child = spawn(process.execPath, [worker, what, url, made.id], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        await once(child.stdout, "data");
        await wait(delay);
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        await using again = await open(url);
        const { counts } = await backupsOf(again).create();
        seen.add(counts["messages"] ?? 0);
        await backupsOf(again).verify("whole");
        if (counts["messages"] === 1_000) await say(again, "after", "after the backup");
      }
    }
    expect([...seen].every((count) => count === 1_000 || count === 1_001)).toBe(true);
    const files = readdirSync(backupsOf(await open(url)).folder);
    expect(files.filter((file) => file.endsWith(".json")).length).toBeGreaterThanOrEqual(13);
  }, 120_000);
});

test("a store in memory has none", async () => {
  await using loci = await open("memory:");
  expect(loci.backups).toBeUndefined();
});
