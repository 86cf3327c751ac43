import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { makeWorld } from "./world.ts";

const world = makeWorld();
let loci: Loci;
beforeAll(async () => {
  await world.seed([]);
  loci = await open(world.store);
});
afterAll(async () => {
  await loci.close();
  world.end();
});

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

test("loci edge registers, probes and shows regions, the nearest first, with their agents", async () => {
  const server = createServer((_, answer) => answer.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const none = await world.loci(["edge", "--format", "table"]);
  expect(none.stderr).toContain("loci edge add REGION");
  const url = `http://me:secret@127.0.0.1:${port}/?token=t`;
  const added = await world.loci(["edge", "add", "fra", "--url", url, "--primary", "--json"]);
  expect(json(added.stdout)).toMatchObject({
    v: 1,
    region: { edgeRegion: "fra", isPrimary: true, url: `http://127.0.0.1:${port}/` },
  });
  await world.loci(["edge", "add", "gone", "--url", "http://127.0.0.1:9"]);
  await world.loci(["edge", "add", "quiet"]);
  await loci.swarm("s").register({ agent: "a", region: "fra" });
  const probed = await world.loci(["edge", "probe", "--format", "table"]);
  expect(probed.stdout).toMatch(/fra \* +[\d.]+ ms .*● healthy +closed +1 +1/);
  expect(probed.stdout).toMatch(/gone +– .*○ no answer/);
  expect(probed.stdout).toMatch(/quiet +– .*\? not asked yet/);
  const listed = json((await world.loci(["edge", "--json"])).stdout);
  expect(listed).toMatchObject({
    items: [
      { edgeRegion: "fra", healthy: true, availableAgents: 1, idleAgents: 1 },
      { edgeRegion: "gone", healthy: false, failures: 1, error: expect.stringContaining("ECONNREFUSED") },
      { edgeRegion: "quiet", observedAt: null },
    ],
  });
  expect((await world.loci(["edge", "rm", "quiet"])).code).toBe(0);
  const unknown = await world.loci(["edge", "rm", "quiet"]);
  expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining('no region "quiet"')]);
  const unprobed = await world.loci(["edge", "probe", "quiet"]);
  expect(unprobed.code).toBe(3);
  server.close();
});

test("loci task assign gives a task to an idle agent, and says why where it cannot", async () => {
  await world.loci(["task", "add", "build it", "--id", "t1", "--swarm", "s"]);
  const given = json((await world.loci(["task", "assign", "t1", "--json"])).stdout);
  expect(given).toMatchObject({
    changed: true,
    task: { id: "t1", status: "running", agentId: "a", fence: 1 },
  });
  expect(await loci.tasks.assigned({ swarm: "s", agent: "a" })).toMatchObject([{ id: "t1" }]);
  const again = await world.loci(["task", "assign", "t1"]);
  expect([again.code, again.stderr]).toEqual([5, expect.stringContaining("a has it")]);
  await world.loci(["task", "add", "test it", "--id", "t2", "--swarm", "s", "--capability", "ts"]);
  const nobody = await world.loci(["task", "assign", "t2"]);
  expect(nobody.code).toBe(5);
  expect(nobody.stderr).toContain("no agent with ts is idle and healthy in swarm s");
  expect(nobody.stderr).toContain("loci swarm s");
});
