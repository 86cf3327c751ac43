import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { type DelayProxy, startDelayProxy } from "../support/delay-proxy.ts";
import { needs } from "../support/needs.ts";
import { startPostgres } from "../support/postgres.ts";

const postgres = await startPostgres();
afterAll(() => postgres.stop());

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

test("three regions of PostgreSQL: the nearest answers; where it is gone nobody notices; it comes back", {
  timeout: 60_000,
}, async (context) => {
  needs(context, postgres.missing === undefined, postgres.missing ?? "");
  const url = new URL(await postgres.database());
  const proxies = new Map<string, DelayProxy>();
  await using loci = await open("memory:", { region: "here" });
  for (const [region, oneWay] of [
    ["fra", 2],
    ["lhr", 20],
    ["iad", 60],
  ] as const) {
    const proxy = await startDelayProxy({ host: "127.0.0.1", port: Number(url.port) }, oneWay);
    // Jitter of a fifth, always in the same order.
    let turn = 0;
    proxy.delay = (at) => at * (0.9 + ((turn++ * 7) % 20) / 100);
    proxies.set(region, proxy);
    await loci.edge.register(region, {
      url: `postgres://127.0.0.1:${proxy.port}${url.pathname}`,
      primary: region === "iad",
    });
  }
  const fra = proxies.get("fra");
  if (!fra) throw new Error("no proxy");
  await using router = loci.edge.router<pg.Pool>({
    // The credentials are the program's own; the registry has none.
    connect: (replica) => {
      const there = new URL(replica.url ?? "");
      [there.username, there.password] = [url.username, url.password];
      const pool = new pg.Pool({ connectionString: there.href, max: 4, connectionTimeoutMillis: 2_000 });
      pool.on("error", () => undefined);
      return pool;
    },
    probe: async (pool) => void (await pool.query("select 1")),
    close: (pool) => pool.end(),
  });
  const regions: string[] = [];
  const read = async (): Promise<number> => {
    const began = performance.now();
    const [region] = await router.read(async (pool, attempt) => {
      const { rows } = await pool.query<{ two: number }>("select 2 as two");
      expect(rows).toEqual([{ two: 2 }]);
      return [attempt.region];
    });
    regions.push(region ?? "");
    return performance.now() - began;
  };
  const reads = async (count: number): Promise<number[]> => {
    const took: number[] = [];
    for (let n = 0; n < count; n++) took.push(await read());
    return took;
  };

  await router.probe();
  await reads(10);
  regions.length = 0;
  const up = median(await reads(60));
  expect(new Set(regions)).toEqual(new Set(["fra"]));

  const [nearest] = await loci.edge.list();
  const timeout = Math.max(50, 4 * (nearest?.latencyMs ?? 0) + 4 * (nearest?.deviationMs ?? 0));

  // Gone in the worst way: it takes what is sent and answers nothing. Then its connections end.
  fra.freeze(true);
  regions.length = 0;
  const [first = 0, ...later] = await reads(20);
  await fra.stop();
  later.push(...(await reads(20)));
  const down = median(later);
  expect(regions).not.toContain("fra");
  expect(new Set(regions)).toEqual(new Set(["lhr"]));
  expect(await router.write(async (pool) => (await pool.query("select 1")).rowCount)).toBe(1);
  expect(await loci.edge.list()).toMatchObject([
    { edgeRegion: "fra", healthy: false },
    { edgeRegion: "lhr", healthy: true },
    { edgeRegion: "iad", healthy: true, isPrimary: true },
  ]);

  fra.freeze(false);
  await fra.start();
  const began = performance.now();
  regions.length = 0;
  await expect.poll(async () => (await read(), regions.at(-1)), { timeout: 20_000, interval: 5 }).toBe("fra");
  const back = performance.now() - began;
  regions.length = 0;
  const again = median(await reads(60));
  expect(regions.filter((region) => region !== "fra")).toEqual([]);
  for (const proxy of proxies.values()) await proxy.stop();
  // Against the next region in the same run: what a busy machine adds is in both.
  expect(up).toBeLessThan(down);
  expect(again).toBeLessThan(down);
  expect(first).toBeLessThan(timeout + 3 * down + 100);
  console.log(
    `all up: ${up.toFixed(1)} ms; nearest gone: first read ${first.toFixed(0)} ms, then ${down.toFixed(1)} ms; ` +
      `back after ${back.toFixed(0)} ms: ${again.toFixed(1)} ms; 0 errors`,
  );
});

test("probes of HTTP, PostgreSQL and TCP regions measure the exchange, and say why one does not answer", async () => {
  const server = createServer((_, answer) => answer.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const slow = await startDelayProxy({ host: "127.0.0.1", port }, 15);
  await using loci = await open("memory:", { region: "here" });
  await loci.edge.register("web", { url: `http://127.0.0.1:${slow.port}/health?token=x` });
  await loci.edge.register("tcp", { url: `tcp://127.0.0.1:${port}` });
  await loci.edge.register("gone", { url: "http://127.0.0.1:9/" });
  await loci.edge.register("known", {});
  if (postgres.missing === undefined) await loci.edge.register("pg", { url: await postgres.database() });
  const all = new Map((await loci.edge.probe()).map((row) => [row.edgeRegion, row]));
  expect(all.get("web")).toMatchObject({ healthy: true, seenFrom: "here" });
  expect(all.get("web")?.url).not.toContain("token");
  expect(all.get("web")?.latencyMs).toBeGreaterThan(28);
  expect(all.get("web")?.latencyMs).toBeLessThan(200);
  expect(all.get("tcp")).toMatchObject({ healthy: true });
  expect(all.get("gone")).toMatchObject({
    healthy: false,
    failures: 1,
    error: expect.stringContaining("ECONNREFUSED"),
  });
  expect(all.get("known")).toMatchObject({ observedAt: null });
  if (postgres.missing === undefined) {
    expect(all.get("pg")).toMatchObject({ healthy: true });
    expect(all.get("pg")?.url).not.toContain("secret");
  }
  await expect(loci.edge.probe("known")).rejects.toMatchObject({ code: "invalid" });
  await expect(loci.edge.probe("none")).rejects.toMatchObject({ code: "not-found" });
  await slow.stop();
  server.close();
});
