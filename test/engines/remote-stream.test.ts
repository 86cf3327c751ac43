import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { fromHrana, hranaStatement } from "../../dist/engines/remote/hrana.js";
import { createServer, type Server } from "../../dist/engines/remote/server.js";
import { inOneTransaction } from "../../dist/engines/remote/stream.js";
import { suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startSqld } from "../support/sqld.ts";

const sqld = await startSqld();
afterAll(() => sqld.stop());

describe.skipIf(sqld.missing)("one transaction over several requests", () => {
  test("sees one moment, and is done whole", async () => {
    const url = await sqld.database();
    await using engine = createRemoteEngine(url);
    await engine.prepare(suiteSchema);
    const server = createServer(url, {});
    await inOneTransaction(server, "begin", async (moment) => {
      expect(await moment.find(things)).toEqual([]);
      await engine.write([insert(things, [thing({ id: "meanwhile" })])]);
      expect(await moment.find(things)).toEqual([]);
    });
    await inOneTransaction(server, "begin immediate", async (held) => {
      await held.write([insert(things, [thing({ id: "one" })])]);
      await held.write([insert(things, [thing({ id: "two" })])]);
      expect(await engine.find(things)).toHaveLength(1);
    });
    expect(await engine.find(things)).toHaveLength(3);
    const thrown = inOneTransaction(server, "begin immediate", async (held) => {
      await held.write([insert(things, [thing({ id: "three" })])]);
      throw new Error("no further");
    });
    await expect(thrown).rejects.toThrow("no further");
    expect(await engine.find(things)).toHaveLength(3);
    await server.close();
  });

  test("that the server ended, because others waited to write, does nothing at all", {
    timeout: 60_000,
  }, async () => {
    const url = await sqld.database();
    await using engine = createRemoteEngine(url);
    await engine.prepare(suiteSchema);
    const server = createServer(url, {});
    const held = inOneTransaction(server, "begin immediate", async (stream) => {
      await stream.write([insert(things, [thing({ id: "held-1" })])]);
      // It waits for the lock, and the server takes it away after 5 s.
      await engine.write([insert(things, [thing({ id: "other" })])]);
      await stream.write([insert(things, [thing({ id: "held-2" })])]);
    });
    await expect(held).rejects.toMatchObject({ code: "busy" });
    expect((await engine.find(things)).map(({ id }) => id)).toEqual(["other"]);
    await server.close();
  });
});

describe.skipIf(sqld.missing)("the connection that is kept from one request to the next", () => {
  const asked = (sql: string) => ({ stmt: hranaStatement(sql, [], true) });
  /** A connection knows what it inserted itself. */
  const mark = (server: Server) =>
    server.batch([asked("create table mark (n)"), asked("insert into mark values (1)")], { again: false });
  async function sees(server: Server): Promise<boolean> {
    const { step_results } = await server.batch([asked("select last_insert_rowid()")], { again: false });
    return Number(fromHrana(step_results[0]?.rows[0]?.[0] ?? { type: "null" })) > 0;
  }

  test("is the same one, for one at a time; what failed leaves nothing behind", async () => {
    const server = createServer(await sqld.database(), {});
    await mark(server);
    expect(await sees(server)).toBe(true);
    expect((await Promise.all([sees(server), sees(server)])).filter(Boolean)).toHaveLength(1);
    expect(await sees(server)).toBe(true);
    await server.batch([asked("begin"), asked("select * from absent")], { again: false });
    expect(await sees(server)).toBe(false);
    const { step_errors } = await server.batch([asked("begin"), asked("rollback")], { again: false });
    expect(step_errors).toEqual([null, null]);
    await server.close();
  });

  test("is ended after a while, and made anew where the server ended it: what may not be done twice is done once", async () => {
    const server = createServer(await sqld.database(), {});
    await mark(server);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await sees(server)).toBe(false);
    await server.batch([asked("create table counted (n)")], { again: false });
    await server.batch([asked("insert into counted values (0)")], { again: false });
    await sqld.kill();
    await sqld.start();
    await server.batch([asked("update counted set n = n + 1")], { again: false });
    const { step_results } = await server.batch([asked("select n from counted")], { again: false });
    expect(step_results[0]?.rows).toEqual([[{ type: "integer", value: "1" }]]);
    await server.close();
  });
});

test("a connection that never comes about is given up in its time", async () => {
  // It takes connections and never answers the first words of TLS.
  const silent = createTcpServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  await using engine = createRemoteEngine(`libsql://127.0.0.1:${port}`, {
    connectTimeout: 200,
    triesAgain: 1,
  });
  const began = performance.now();
  await expect(engine.find(things)).rejects.toMatchObject({
    code: "unreachable",
    message: expect.stringContaining("no connection within 200 ms"),
  });
  expect(performance.now() - began).toBeLessThan(10_000);
  silent.close();
});
