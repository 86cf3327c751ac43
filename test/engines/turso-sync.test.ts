import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insert, remove, update } from "../../dist/engine/engine.js";
import { openTurso, type TursoEngine } from "../../dist/engines/turso/turso.js";
import { suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startChild } from "../support/child.ts";
import { missingTurso, startTursoServer, type TursoServer } from "../support/turso.ts";

const missing = missingTurso();

/** A store with Turso's own sync, prepared. */
async function openSynced(
  path: string,
  url: string,
): Promise<TursoEngine & Required<Pick<TursoEngine, "transport">>> {
  const engine = await openTurso(path, { sync: { url } });
  await engine.prepare(suiteSchema);
  const { transport } = engine;
  if (!transport) throw new Error("the engine has a transport");
  return { ...engine, transport };
}

describe.skipIf(missing !== undefined)(`Turso's own sync (${missing ?? "against its server"})`, () => {
  let folder = "";
  let server: TursoServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "loci-turso-sync-"));
    server = await startTursoServer();
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("two stores that began offline come together, and what both have is the same, counted and digested", async () => {
    await server.kill();
    const one = await openSynced(join(folder, "one.db"), server.url);
    const two = await openSynced(join(folder, "two.db"), server.url);
    try {
      const rows = Array.from({ length: 300 }, (_, n) =>
        thing({ id: `one-${n}`, note: 'a "quoted"\n\u0000 note' }),
      );
      await one.write([insert(things, rows)]);
      await two.write([insert(things, [thing({ id: "two-0", blob: new Uint8Array([0, 255]) })])]);
      await expect(one.transport.push()).rejects.toMatchObject({ code: "unreachable" });
      expect(await one.find(things)).toHaveLength(300);
      expect((await one.transport.stats()).cdcOperations).toBeGreaterThanOrEqual(300);

      await server.start();
      await one.transport.push();
      await two.transport.push();
      await one.transport.pull();
      await two.transport.pull();
      expect(await one.find(things)).toHaveLength(301);
      expect(await two.find(things)).toEqual(await one.find(things));
      expect(await one.transport.verify([things], suiteSchema)).toEqual([]);

      await one.write([remove(things, { id: "one-7" }), update(things, { id: "one-8" }, { count: 8 })]);
      expect(await one.transport.verify([things], suiteSchema)).toMatchObject([
        { collection: "suite_things", here: { rows: 300 }, there: { rows: 301 } },
      ]);
      await one.transport.push();
      await two.transport.pull();
      expect(await two.find(things, { where: { id: { anyOf: ["one-7", "one-8"] } } })).toMatchObject([
        { id: "one-8", count: 8 },
      ]);
      expect(await two.transport.verify([things], suiteSchema)).toEqual([]);
      expect(await two.check()).toEqual([]);

      await one.transport.checkpoint();
      await one.write([insert(things, [thing({ id: "after" })])]);
      await one.transport.push();
      await two.transport.pull();
      expect(await two.find(things)).toHaveLength(301);
    } finally {
      await one.close();
      await two.close();
    }
  });

  test("its files are closed to others, and a file is synced from its beginning to its end", async () => {
    const path = join(folder, "whose.db");
    const engine = await openSynced(path, server.url);
    await engine.write([insert(things, [thing({ id: "whose" })])]);
    await engine.transport.push();
    await engine.transport.pull();
    for (const suffix of ["", "-wal", "-info", "-changes"])
      expect(statSync(path + suffix).mode & 0o077).toBe(0);
    await engine.close();
    await expect(openTurso(path)).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("is synced by Turso"),
    });
    const plain = join(folder, "plain.db");
    const other = await openTurso(plain);
    await other.prepare(suiteSchema);
    await other.close();
    await expect(openTurso(plain, { sync: { url: server.url } })).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("without Turso's sync"),
    });
    const again = await openSynced(path, server.url);
    expect(await again.find(things, { where: { id: "whose" } })).toHaveLength(1);
    await again.close();
    expect(await startChild("tryOpen", { url: `turso:${path}` }).result).toMatchObject({
      error: { code: "config" },
    });
  });

  test("a push of many rows leaves the caller's event loop alone", async () => {
    const engine = await openSynced(join(folder, "many.db"), server.url);
    try {
      const rows = Array.from({ length: 1_000 }, (_, n) =>
        thing({ id: `many-${n}`, note: "x".repeat(1_000) }),
      );
      await engine.write([insert(things, rows)]);
      let longest = 0;
      let last = performance.now();
      const ticking = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 5);
      const began = performance.now();
      await engine.transport.push();
      clearInterval(ticking);
      console.log(
        `1,000 rows of 1 KB pushed in ${(performance.now() - began).toFixed(0)} ms, longest pause ${longest.toFixed(0)} ms`,
      );
      expect(longest).toBeLessThan(500);
      await engine.transport.pull();
      expect(await engine.transport.verify([things], suiteSchema)).toEqual([]);
    } finally {
      await engine.close();
    }
  });
});
