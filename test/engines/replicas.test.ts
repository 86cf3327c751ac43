import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { type Loci, open } from "../../dist/index.js";
import { replicasIn } from "../../dist/place.js";
import { openReplicated } from "../../dist/replicas.js";
import { engineSuite, suiteSchema, thing, things } from "../../dist/testing/index.js";
import { type DelayProxy, startDelayProxy } from "../support/delay-proxy.ts";
import { type Sqld, startSqld } from "../support/sqld.ts";
import { remoteGaps } from "./gaps.ts";

const primary = await startSqld();
const here = "127.0.0.1";

/** A replica in a region: its way to the primary and our way to it take their time, and can be held up. */
interface Region {
  readonly sqld: Sqld;
  readonly front: DelayProxy;
  readonly feed: DelayProxy;
}

async function startRegion(oneWay: number): Promise<Region> {
  const feed = await startDelayProxy({ host: here, port: primary.grpcPort }, 2);
  const sqld = await startSqld({ replicaOf: { grpcPort: feed.port } });
  const front = await startDelayProxy({ host: here, port: sqld.port }, oneWay);
  return { sqld, front, feed };
}

const regions = new Map<string, Region>();
let front: DelayProxy | undefined;
if (!primary.missing) {
  regions.set("fra", await startRegion(2));
  regions.set("lhr", await startRegion(15));
  front = await startDelayProxy({ host: here, port: primary.port }, 40);
}
afterAll(async () => {
  for (const { front: near, feed, sqld } of regions.values()) {
    await near.stop();
    await feed.stop();
    await sqld.stop();
  }
  await front?.stop();
  await primary.stop();
});

const region = (name: string): Region => {
  const found = regions.get(name);
  if (!found) throw new Error(`There is no region ${name}.`);
  return found;
};
/** Of a database, as it is asked for in a region. */
const at = (url: string, port: number): string => url.replace(/:\d+$/, `:${port}`);
const replicasOf = (url: string): Array<{ region: string; url: string }> => [
  { region: "iad", url: at(url, front?.port ?? 0) },
  ...[...regions].map(([name, { front: near }]) => ({ region: name, url: at(url, near.port) })),
];
const openNear = (url: string, within?: number): Promise<Loci> =>
  open(at(url, front?.port ?? 0), { replicas: replicasOf(url), region: "here", within });

if (primary.missing) describe.skip(`replicas (${primary.missing})`, () => it("is skipped", () => {}));
else {
  engineSuite(
    "remote with replicas",
    async () => {
      const url = await primary.database();
      const replicas = replicasOf(url).slice(0, 2);
      const { engine } = await openReplicated({ url, replicas, from: "here", remote: {} });
      return {
        engine,
        elsewhere: {
          module: new URL("../../dist/engines/remote/remote.js", import.meta.url).href,
          open: "createRemoteEngine",
          args: [url],
        },
      };
    },
    { test: { describe, it }, gaps: remoteGaps },
  );
}

describe.skipIf(primary.missing)("a store with replicas", () => {
  let url = "";
  beforeAll(async () => {
    url = await primary.database();
  });

  const decide = (loci: Loci, n: number): Promise<unknown> =>
    loci.memory.add({ agentId: "a", decisionType: "t", decisionData: n });
  const decided = async (loci: Loci): Promise<number> =>
    (await loci.memory.list({ limit: 500 })).items.length;
  const took = async (work: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };

  test("reads from the nearest, and what was written here is read here at once", {
    timeout: 60_000,
  }, async () => {
    await using loci = await openNear(url);
    await decided(loci);
    await expect.poll(async () => (await loci.edge.nearest()).edgeRegion, { timeout: 10_000 }).toBe("fra");
    const times: number[] = [];
    for (let n = 1; n <= 20; n++) {
      await decide(loci, n);
      times.push(await took(async () => expect(await decided(loci)).toBe(n)));
    }
    const reads: number[] = [];
    for (let n = 0; n < 30; n++) reads.push(await took(() => decided(loci)));
    reads.sort((a, b) => a - b);
    // The primary is 80 ms away.
    expect(reads[15]).toBeLessThan(60);
    const order = async (): Promise<string[]> => {
      await decided(loci);
      return (await loci.edge.list()).map(({ edgeRegion }) => edgeRegion);
    };
    await expect.poll(order, { timeout: 20_000, interval: 100 }).toEqual(["fra", "lhr", "iad"]);
    const list = await loci.edge.list();
    expect(list.find(({ isPrimary }) => isPrimary)?.edgeRegion).toBe("iad");
    expect(list[0]?.stalenessMs).toBeLessThan(5_000);
    console.log(
      `reads ${reads[15]?.toFixed(1)} ms at the median; after a write ${times.toSorted((a, b) => a - b)[10]?.toFixed(1)} ms`,
    );
  });

  test("a replica that is behind is not read from beyond the bound, and never behind what was seen here", {
    timeout: 60_000,
  }, async () => {
    await using loci = await openNear(url, 2_000);
    await using other = await open(url);
    const before = await decided(loci);
    await expect.poll(async () => (await loci.edge.nearest()).edgeRegion, { timeout: 10_000 }).toBe("fra");
    const { feed } = region("fra");
    feed.freeze(true);
    await decide(other, 1_000);
    const began = performance.now();
    await expect.poll(() => decided(loci), { timeout: 20_000, interval: 20 }).toBe(before + 1);
    // The bound, the time between two questions to the primary, and the machine.
    expect(performance.now() - began).toBeLessThan(6_000);
    for (let n = 2; n < 10; n++) {
      await decide(loci, n);
      expect(await decided(loci)).toBe(before + n);
    }
    feed.freeze(false);
    await feed.stop();
    await feed.start();
    await expect
      .poll(async () => (await decided(loci), (await loci.edge.nearest()).edgeRegion), {
        timeout: 30_000,
        interval: 50,
      })
      .toBe("fra");
  });

  test("the nearest is gone: nobody notices, and the first read takes its timeout and one exchange", {
    timeout: 60_000,
  }, async () => {
    await using loci = await openNear(url);
    const count = await decided(loci);
    await expect.poll(async () => (await loci.edge.nearest()).edgeRegion, { timeout: 10_000 }).toBe("fra");
    for (let n = 0; n < 20; n++) await decided(loci);
    const [near] = await loci.edge.list();
    const timeout = Math.max(50, 4 * (near?.latencyMs ?? 0) + 4 * (near?.deviationMs ?? 0));
    const { front: gate } = region("fra");
    gate.freeze(true);
    const first = await took(async () => expect(await decided(loci)).toBe(count));
    const later: number[] = [];
    for (let n = 0; n < 20; n++) later.push(await took(async () => expect(await decided(loci)).toBe(count)));
    await gate.stop();
    for (let n = 0; n < 10; n++) later.push(await took(async () => expect(await decided(loci)).toBe(count)));
    later.sort((a, b) => a - b);
    expect(first).toBeLessThan(timeout + 3 * (later[15] ?? 0) + 100);
    gate.freeze(false);
    await gate.start();
    await expect
      .poll(async () => (await decided(loci), (await loci.edge.nearest()).edgeRegion), { timeout: 30_000 })
      .toBe("fra");
    console.log(
      `nearest gone: first read ${first.toFixed(0)} ms (its timeout ${timeout.toFixed(0)}), then ${later[15]?.toFixed(1)} ms; 0 errors`,
    );
  });

  test("the primary is gone: reads go on, and a write says so in its time", { timeout: 90_000 }, async () => {
    const { engine } = await openReplicated({
      url: at(url, front?.port ?? 0),
      replicas: replicasOf(url),
      from: "here",
      within: 500,
      remote: { answerTimeout: 1_000, busyTimeout: 2_000 },
    });
    await using store = engine;
    await store.prepare(suiteSchema);
    await store.write([insert(things, [thing({ id: "one" })])]);
    expect(await store.find(things)).toHaveLength(1);
    front?.freeze(true);
    const began = performance.now();
    const read = async (): Promise<void> => {
      for (let n = 0; performance.now() - began < 2_000; n++)
        expect(await store.find(things)).toHaveLength(1);
    };
    const write = store.write([insert(things, [thing({ id: "two" })])]).then(
      () => "written",
      (error: { code?: string }) => error.code,
    );
    await read();
    expect(await write).toBe("unreachable");
    expect(performance.now() - began).toBeLessThan(15_000);
    front?.freeze(false);
    await front?.stop();
    await front?.start();
    await expect
      .poll(
        () =>
          store.write([insert(things, [thing({ id: "three" })])]).then(
            () => "written",
            () => "",
          ),
        { timeout: 20_000 },
      )
      .toBe("written");
    expect((await store.find(things)).map(({ id }) => id)).toContain("three");
  });

  test("a primary that was killed and started again is followed", { timeout: 90_000 }, async () => {
    await using loci = await openNear(url);
    const count = await decided(loci);
    await primary.kill();
    for (let n = 0; n < 20; n++) expect(await decided(loci)).toBe(count);
    await primary.start();
    await expect
      .poll(
        () =>
          decide(loci, 5).then(
            () => "written",
            () => "",
          ),
        { timeout: 20_000 },
      )
      .toBe("written");
    expect(await decided(loci)).toBe(count + 1);
  });

  test("a server that is no replica of it is never read from", { timeout: 60_000 }, async () => {
    const stranger = await startSqld();
    const name = new URL(url).hostname.split(".")[0] ?? "";
    for (let made = ""; made !== name; ) {
      made = new URL(await stranger.database()).hostname.split(".")[0] ?? "";
    }
    const { engine } = await openReplicated({
      url,
      replicas: [{ region: "wrong", url: at(url, stranger.port) }],
      from: "here",
      remote: {},
    });
    await using store = engine;
    await store.prepare(suiteSchema);
    const found: number[] = [];
    await using straight = createRemoteEngine(url);
    const all = (await straight.find(things)).length;
    for (let n = 0; n < 10; n++) found.push((await store.find(things)).length);
    expect(all).toBeGreaterThan(0);
    expect(new Set(found)).toEqual(new Set([all]));
    await stranger.stop();
  });
});

test("the environment names replicas of its own store, and of no other one", () => {
  const env = {
    LOCI_URL: "libsql://iad.example.org",
    LOCI_REPLICAS: "fra=libsql://fra.example.org, lhr=libsql://lhr.example.org",
  };
  expect(replicasIn("libsql://iad.example.org", env)).toEqual([
    { region: "fra", url: "libsql://fra.example.org" },
    { region: "lhr", url: "libsql://lhr.example.org" },
  ]);
  expect(replicasIn("libsql://other.example.org", env)).toEqual([]);
  expect(() => replicasIn(env.LOCI_URL, { ...env, LOCI_REPLICAS: "fra" })).toThrow(
    expect.objectContaining({ code: "config", where: "LOCI_REPLICAS" }),
  );
});
