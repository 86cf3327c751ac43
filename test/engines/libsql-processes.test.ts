import { mkdtemp, rm } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { jobs, suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startChild } from "../support/child.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loci-libsql-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("processes", () => {
  test("while another process holds the write lock, the event loop turns and reads answer", async () => {
    const path = join(folder, "held.db");
    await using engine = await openLibsql(path);
    await engine.prepare(suiteSchema);
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const holder = startChild("hold", { url: path });
    await holder.ready;

    let longest = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    let written = false;
    const write = engine.write([insert(things, [thing({ id: "b" })])]).then(() => {
      written = true;
    });
    const started = performance.now();
    let reads = 0;
    while (performance.now() - started < 1000) {
      expect(await engine.find(things)).toHaveLength(1);
      reads++;
    }
    expect(written).toBe(false);
    holder.go();
    await write;
    clearInterval(ticking);
    console.log(
      `write lock held for 1 s: ${reads} reads, longest pause of the event loop ${longest.toFixed(0)} ms`,
    );
    expect(reads).toBeGreaterThan(3);
    // A loop that waits for the lock stands still for the whole second.
    expect(longest).toBeLessThan(300);
    expect(await engine.find(things)).toHaveLength(2);
  });

  test("a file that is locked while it is opened is opened whole", async () => {
    const path = join(folder, "locked-at-first.db");
    const other = new Database(path, { timeout: 5000 });
    other.exec("begin exclusive");
    const opening = openLibsql(path, { inThread: true });
    setTimeout(() => other.exec("rollback"), 300);
    await using engine = await opening;
    await engine.prepare(suiteSchema);
    // Statements that the lock had refused would still be in progress, and forbid this.
    await engine.backup(join(folder, "locked-at-first.copy.db"));
    expect(other.pragma("journal_mode")).toEqual([{ journal_mode: "wal" }]);
    other.close();
  });

  test("a lock that is held for longer than we wait is an error that says so", async () => {
    const path = join(folder, "long.db");
    await using engine = await openLibsql(path, { busyTimeout: 200 });
    await engine.prepare(suiteSchema);
    const holder = startChild("hold", { url: path });
    await holder.ready;
    await expect(engine.write([insert(things, [thing({ id: "a" })])])).rejects.toMatchObject({
      code: "busy",
      where: path,
    });
    holder.go();
    await holder.result;
    expect(await engine.write([insert(things, [thing({ id: "a" })])])).toEqual([1]);
  });

  test("writers that are killed lose nothing that was acknowledged", async () => {
    const path = join(folder, "killed-writers.db");
    await using engine = await openLibsql(path);
    await engine.prepare(suiteSchema);
    const writers = Array.from({ length: 4 }, (_, n) => ({
      name: `w${n}`,
      child: startChild("write", { url: path, name: `w${n}` }),
    }));
    await Promise.all(writers.map(({ child }) => child.ready));
    const acknowledged = await Promise.all(
      writers.map(async ({ name, child }, index) => {
        let last = -1;
        const enough = new Promise<void>((resolve) => {
          child.process.on("message", (message: { acknowledged?: number }) => {
            last = Math.max(last, message.acknowledged ?? -1);
            if (last >= 20 + 15 * index) resolve();
          });
        });
        child.go();
        await enough;
        child.process.kill("SIGKILL");
        await child.ended;
        return { name, last };
      }),
    );
    expect(await engine.check()).toEqual([]);
    const ids = new Set((await engine.find(things, { fields: ["id"] })).map(({ id }) => id));
    const others = new Set((await engine.find(jobs, { fields: ["id"] })).map(({ id }) => id));
    expect(ids).toEqual(others);
    for (const { name, last } of acknowledged) {
      expect(last).toBeGreaterThanOrEqual(20);
      for (let n = 0; n <= last; n++) expect(ids.has(`${name}-${n}`)).toBe(true);
    }
  });

  test("an engine that is left open does not keep its process alive", async () => {
    expect(await startChild("idle", { url: join(folder, "idle.db") }).result).toEqual({});
  });

  test("closing gives back threads and files", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    const path = join(folder, "again.db");
    const cycle = async (): Promise<void> => {
      await using engine = await openLibsql(path);
      await engine.prepare(suiteSchema);
      await engine.write([insert(things, [thing({ id: "a" })])]);
      await engine.find(things);
    };
    if (process.platform !== "linux") return;
    await cycle();
    const before = open();
    for (let n = 0; n < 10; n++) await cycle();
    // In the caller's thread the driver keeps files open until its statements are collected; the end of a thread does it.
    expect(open() - before).toBeLessThanOrEqual(2);
  });
});
