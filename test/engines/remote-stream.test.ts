import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { createServer } from "../../dist/engines/remote/server.js";
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
    server.close();
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
    server.close();
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
