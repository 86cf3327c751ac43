import { createServer, type Server } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, insert, update } from "../../dist/engine/engine.js";
import { createPostgresEngine } from "../../dist/engines/postgres/postgres.js";
import { firstCards, firstSchema, job, jobs, suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startChild } from "../support/child.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

const server: PostgresServer = await startPostgres();
afterAll(() => server.stop());

/** Ends the other connections to that database: those at rest, or those that wait for a lock. */
async function cut(url: string, which: "at rest" | "waiting"): Promise<number> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const { rowCount } = await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
     and pid <> pg_backend_pid() and (coalesce(wait_event_type, '') = 'Lock') = $1`,
    [which === "waiting"],
  );
  await admin.end();
  return rowCount ?? 0;
}

describe.skipIf(server.missing)("postgres", () => {
  let url = "";
  let engine: Engine;
  beforeAll(async () => {
    url = await server.database();
    engine = await createPostgresEngine(url, { max: 3 });
    await engine.prepare(suiteSchema);
  });
  afterAll(() => engine.close());

  test("a place has no password", () => {
    expect(engine.place).toMatch(/^postgres:\/\/127\.0\.0\.1:\d+\/test_\d+$/);
  });

  test("connections that were cut at rest are made again", async () => {
    await engine.write([insert(things, [thing({ id: "before" })])]);
    expect(await cut(url, "at rest")).toBeGreaterThan(0);
    expect(await engine.write([insert(things, [thing({ id: "after" })])])).toEqual([1]);
    expect(await cut(url, "at rest")).toBeGreaterThan(0);
    expect(await engine.find(things, { where: { id: "after" } })).toHaveLength(1);
  });

  test("a connection that is cut in the middle: what can be done twice is done again, and once", async () => {
    const blocker = new pg.Client({ connectionString: url });
    await blocker.connect();
    await blocker.query("begin; lock table suite_jobs in access exclusive mode");
    const rows = insert(jobs, [job({ id: "cut" })]);
    const again = engine.write([insert(things, [thing({ id: "cut" })]), rows]);
    const adding = engine.write([update(jobs, { id: "cut" }, { attempts: { add: 1 } })]);
    adding.catch(() => undefined);
    await waiting(url, { count: 2, event: "relation" });
    expect(await cut(url, "waiting")).toBe(2);
    await expect(adding).rejects.toMatchObject({ code: "unreachable" });
    await blocker.query("commit");
    await blocker.end();
    expect(await again).toEqual([1, 1]);
    expect(await engine.find(jobs, { where: { id: "cut" } })).toEqual([job({ id: "cut" })]);
  });

  test("a statement that is not answered in time is a lost connection; a migration may wait for another", async () => {
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query(
      "begin; lock table suite_jobs in access exclusive mode; select pg_advisory_xact_lock(1282368361)",
    );
    await using hasty = await createPostgresEngine(url, { answerTimeout: 300 });
    await expect(hasty.find(jobs)).rejects.toMatchObject({ code: "unreachable" });
    await hasty.find(things);
    const preparing = hasty.prepare(firstSchema);
    await waiting(url, { count: 1, event: "advisory" });
    // Longer than the time for an answer.
    setTimeout(() => void holder.query("rollback"), 700);
    await preparing;
    expect(await hasty.find(firstCards)).toEqual([]);
    await holder.end();
  });

  test("two transactions that wait for each other both succeed", async () => {
    await engine.write([insert(jobs, [job({ id: "d1" }), job({ id: "d2" })])]);
    const add = (id: string) => update(jobs, { id }, { attempts: { add: 1 } });
    const both = Array.from({ length: 6 }, (_, n) =>
      engine.write(n % 2 ? [add("d1"), add("d2")] : [add("d2"), add("d1")]),
    );
    await Promise.all(both);
    const found = await engine.find(jobs, { where: { id: { anyOf: ["d1", "d2"] } } });
    expect(found.map(({ attempts }) => attempts)).toEqual([6, 6]);
  });

  test.each([
    ["a wrong password", (good: URL) => void (good.password = "wrong"), "permission"],
    ["a database that is not there", (good: URL) => void (good.pathname = "/nowhere"), "config"],
    ["a server that is not there", (good: URL) => void (good.port = "1"), "unreachable"],
    ["a host that is not there", (good: URL) => void (good.hostname = "nowhere.invalid"), "unreachable"],
  ])("%s is named", async (_, change, code) => {
    const bad = new URL(url);
    change(bad);
    await using other = await createPostgresEngine(bad.href, { connectTimeout: 2000 });
    await expect(other.find(things)).rejects.toMatchObject({
      code,
      where: expect.not.stringContaining("secret"),
    });
  });

  test("an engine that is left open does not keep its process alive", async () => {
    expect(await startChild("idle", { url }).result).toEqual({});
  });
});

/** Until that many statements wait for a lock. */
async function waiting(url: string, { count, event }: { count: number; event: string }): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    for (;;) {
      const { rows } = await admin.query(
        "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and wait_event = $1",
        [event],
      );
      if (rows[0].n >= count) return;
    }
  } finally {
    await admin.end();
  }
}

describe("without a server", () => {
  let silent: Server;
  let port = 0;
  beforeAll(async () => {
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    if (typeof address === "object" && address) port = address.port;
  });
  afterAll(() => silent.close());

  test("a server that never answers is unreachable in time", async () => {
    await using engine = await createPostgresEngine(`postgres://u:p@127.0.0.1:${port}/x`, {
      connectTimeout: 300,
    });
    await expect(engine.find(things)).rejects.toMatchObject({
      code: "unreachable",
      where: `postgres://127.0.0.1:${port}/x`,
      next: expect.stringContaining("--db"),
    });
  });

  test("a URL that cannot be read is named without its password", async () => {
    const opened = createPostgresEngine("postgres://u:secret@:bad:/");
    await expect(opened).rejects.toMatchObject({
      code: "config",
      message: expect.not.stringContaining("secret"),
    });
  });

  test("without the package pg, the sentence names the command that helps", async () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name === "pg") throw Object.assign(new Error("Cannot find package 'pg'"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    };`;
    const register = `import { register } from "node:module"; register("data:text/javascript," + ${JSON.stringify(encodeURIComponent(hook))});`;
    const flags = ["--import", `data:text/javascript,${encodeURIComponent(register)}`];
    const child = startChild("tryOpen", { url: "postgres://127.0.0.1:1/x" }, { flags });
    expect(await child.result).toMatchObject({ error: { code: "config", next: "npm install pg" } });
  });
});
