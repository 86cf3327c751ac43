import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createRemoteEngine } from "../../dist/engines/remote/remote.js";
import { type Loci, open } from "../../dist/index.js";
import { agentMemory } from "../../dist/model/memory.js";
import { startSqld } from "../support/sqld.ts";

// With tokens, which a store sends to its replicas too.
const primary = await startSqld({ tokens: true, namespaces: false });
const startReplica = () =>
  startSqld({
    replicaOf: primary,
    namespaces: false,
    args: ["--auth-jwt-key-file", join(dirname(primary.keyFile), "public.pem")],
  });
const replicas = primary.missing ? [] : [await startReplica(), await startReplica()];
afterAll(async () => {
  for (const one of [...replicas, primary]) {
    one.freeze(false);
    await one.stop();
  }
});

const at = (port: number): string => `http://127.0.0.1:${port}`;
const openNear = (): Promise<Loci> =>
  open(at(primary.port), {
    replicas: replicas.map(({ port }, place) => ({ region: `r${place}`, url: at(port) })),
    region: "here",
    within: 1_000,
    authToken: primary.token({ a: "rw" }),
  });
const decide = (loci: Loci): Promise<unknown> =>
  loci.memory.add({ agentId: "a", decisionType: "t", decisionData: 1 });
const decided = async (loci: Loci): Promise<number> => (await loci.memory.list({ limit: 500 })).items.length;
/** Each replica has so many decisions: it follows the primary by itself. */
const followed = async (count: number): Promise<void> => {
  for (const { port } of replicas) {
    await using straight = createRemoteEngine(at(port), { authToken: primary.token({ a: "rw" }) });
    const rows = (): Promise<number> =>
      straight.find(agentMemory).then(
        (found) => found.length,
        () => 0,
      );
    await expect.poll(rows, later).toBe(count);
  }
};
const later = { timeout: 30_000, interval: 100 };

describe.skipIf(primary.missing)("a store with replicas whose servers ask for a token", () => {
  test("is opened while the primary is frozen, in some seconds", async () => {
    {
      await using loci = await openNear();
      await decide(loci);
      await loci.search("nothing of this");
    }
    await followed(1);
    primary.freeze(true);
    try {
      const began = performance.now();
      await using loci = await openNear();
      expect(await decided(loci)).toBe(1);
      expect(performance.now() - began).toBeLessThan(10_000);
    } finally {
      primary.freeze(false);
    }
  }, 90_000);

  test("reads elsewhere when a replica is frozen: within its timeout and one exchange", async () => {
    await using loci = await openNear();
    await expect
      .poll(async () => (await decided(loci), (await loci.edge.nearest()).edgeRegion), later)
      .toMatch(/^r/);
    for (let n = 0; n < 20; n++) await decided(loci);
    const near = await loci.edge.nearest();
    const [seen] = (await loci.edge.list()).filter(({ edgeRegion }) => edgeRegion === near.edgeRegion);
    const timeout = Math.max(50, 4 * (seen?.latencyMs ?? 0) + 4 * (seen?.deviationMs ?? 0));
    const frozen = replicas[Number(near.edgeRegion.slice(1))];
    frozen?.freeze(true);
    try {
      const began = performance.now();
      expect(await decided(loci)).toBe(1);
      const first = performance.now() - began;
      for (let n = 0; n < 20; n++) expect(await decided(loci)).toBe(1);
      console.log(`frozen: first read ${first.toFixed(0)} ms, its timeout ${timeout.toFixed(0)}`);
      // The exchange, and a machine that does other things.
      expect(first).toBeLessThan(timeout + 200);
    } finally {
      frozen?.freeze(false);
    }
  }, 90_000);

  test("is opened while the primary is down: reads work, a change says why not, and is done when it is back", async () => {
    await primary.kill();
    const began = performance.now();
    await using loci = await openNear();
    for (let n = 0; n < 20; n++) expect(await decided(loci)).toBe(1);
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(await loci.search("nothing of this")).toMatchObject({ items: [] });
    await expect(decide(loci)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("is the primary and cannot be reached") as string,
      next: expect.stringContaining("when it is back") as string,
    });
    await primary.start();
    const done = (): Promise<boolean> =>
      decide(loci).then(
        () => true,
        () => false,
      );
    await expect.poll(done, later).toBe(true);
    await expect.poll(() => decided(loci), later).toBe(2);
  }, 90_000);
});
