import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { openLibsql } from "../../dist/engines/libsql/libsql.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { open } from "../../dist/index.js";
import { storeSchema, syncSchema } from "../../dist/model/schema.js";
import type { SyncEngine } from "../../dist/sync/link/land.js";
import { createLink, type Link, syncing } from "../../dist/sync/link/run.js";
import { createRedactor } from "../../dist/record/redact.js";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startSqld } from "../support/sqld.ts";
import { createRandom } from "./support/random.ts";
import { check } from "./support/schedule.ts";
import { dump } from "./support/world.ts";

const folder = mkdtempSync(join(tmpdir(), "loci-sync-real-"));
const sqld = await startSqld();
const guarded = await startSqld({ tokens: true, namespaces: false });
afterAll(async () => {
  await sqld.stop();
  await guarded.stop();
  rmSync(folder, { recursive: true, force: true });
});
let names = 0;
const opened: SyncEngine[] = [];

async function openFile(path = join(folder, `file-${++names}.db`)): Promise<SyncEngine> {
  const engine = await openLibsql(path, { inThread: true });
  await engine.prepare(storeSchema);
  await engine.prepare(syncSchema);
  const one = syncing(engine);
  opened.push(one);
  return one;
}

test("schedules with faults end the same on files", async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    await check(seed, () => openFile());
    for (const one of opened.splice(0)) await one.close();
  }
}, 240_000);

describe.skipIf(sqld.missing)("three files and a sqld", () => {
  test("come to the same within 10 s after a net that cut, went silent and was gone, and a server that was killed", async () => {
    const direct = await sqld.database();
    const proxy = await startFaultProxy(sqld.port);
    const url = direct.replace(`:${sqld.port}`, `:${proxy.port}`);
    const random = createRandom(Number(process.env["LOCI_TEST_SEED"] ?? 7));
    const stores = await Promise.all([openFile(), openFile(), openFile()]);
    const links = stores.map((own, place) => linkTo(own, url, `spoke-${place}`));
    let failed = 0;
    let made = 0;
    for (let step = 0; step < 20; step++) {
      const place = random.below(3);
      const own = await open(stores[place]?.place ?? "");
      const rows = Array.from({ length: 1 + random.below(40) }, () => ({
        kind: "message" as const,
        id: random.id(),
        sessionId: `s${random.below(3)}`,
        role: "user",
        content: random.id().repeat(1 + random.below(40)),
      }));
      await own.add([...rows, { kind: "session", id: `s${random.below(3)}`, title: random.id() }]);
      made += rows.length;
      await own.close();
      proxy.fault = random.pick(["pass", "pass", "cut the answer", "cut the request", "silent"]);
      proxy.faults = 1 + random.below(3);
      if (random.chance(0.1)) {
        await sqld.kill();
        await sqld.start();
      }
      await links[place]?.run("full").catch(() => failed++);
    }
    proxy.fault = "pass";
    const healed = performance.now();
    for (const link of [...links, ...links]) {
      expect((await link.run("full")).state).toBe("ok");
    }
    expect(performance.now() - healed).toBeLessThan(10_000);
    await using hub = createRemoteEngine(direct);
    const there = await dump(syncing(hub));
    for (const own of stores) expect(await dump(own)).toEqual(there);
    expect(there.filter((line) => line.startsWith("messages/"))).toHaveLength(made);
    expect(failed).toBeGreaterThan(0);
    for (const link of links) await link.close();
    await proxy.stop();
  }, 240_000);

  test("lose nothing and double nothing where the process that syncs is killed at any moment", async () => {
    const url = await sqld.database();
    const path = join(folder, "killed.db");
    await using own = await open(path);
    const rows = Array.from({ length: 2_000 }, (_, i) => ({
      ...{
        kind: "message" as const,
        id: `m${i}`,
        sessionId: `s${i % 7}`,
        role: "user",
        content: `line ${i} `.repeat(20),
      },
    }));
    await own.add(rows);
    const random = createRandom(3);
    let killed = 0;
    for (let times = 0; times < 8; times++) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL("sync-process.mjs", import.meta.url)), path, url],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, random.below(150)));
      if (child.exitCode === null && child.kill("SIGKILL")) killed++;
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    expect(killed).toBeGreaterThan(0);
    await using again = await open(path, { sync: { url } });
    expect((await again.sync?.run())?.state).toBe("ok");
    expect((await again.sync?.verify())?.different).toBe(0);
    await using hub = await open(url);
    expect((await hub.sessions.get("s1"))?.messageCount).toBe(286);
  }, 240_000);
});

describe.skipIf(guarded.missing)("a token that has expired", () => {
  test("is asked for anew; while there is none, the status says so and nothing is lost", async () => {
    const url = `http://127.0.0.1:${guarded.port}`;
    const seconds = Math.floor(Date.now() / 1_000);
    const good = (): string => guarded.token({ a: "rw", exp: seconds + 3_600 });
    const old = guarded.token({ a: "rw", exp: seconds - 3_600 });
    const path = join(folder, "token.db");
    {
      await using own = await open(path, { sync: { url, authToken: old } });
      await own.add([{ kind: "message", sessionId: "s", role: "user", content: "kept" }]);
      await own.sync?.run().catch(() => undefined);
      expect((await own.sync?.status())?.hubs[0]).toMatchObject({
        ...{ state: "failed", pending: 2, error: { code: "permission" } },
      });
    }
    const given: string[] = [];
    const authToken = (): string => {
      given.push("asked");
      return given.length === 1 ? old : good();
    };
    await using own = await open(path, { sync: { url, authToken } });
    expect(await own.sync?.run()).toMatchObject({ state: "ok", sent: 2 });
    expect(given.length).toBe(2);
  }, 60_000);
});

function linkTo(own: SyncEngine, url: string, name: string): Link {
  return createLink({
    own,
    openHub: async () => {
      const engine = createRemoteEngine(url, { busyTimeout: 1_000, triesAgain: 0 });
      await engine.prepare(storeSchema);
      return engine;
    },
    place: url,
    name,
    redactor: createRedactor(),
    now: Date.now,
    elapsed: () => performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    makeId: () => crypto.randomUUID(),
    limits: { rows: 50, bytes: 20_000 },
    patience: 400,
  });
}
