import { beforeEach, expect } from "vitest";
import { createEdge, type Edge } from "../../dist/domains/edge/edge.js";
import { createSwarm } from "../../dist/domains/swarm.js";
import { edgeLatencies, edgeReplicas } from "../../dist/model/edge.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("regions", ({ it, engine, clock, now }) => {
  let edge: Edge;
  const edgeFrom = (from: string): Edge =>
    createEdge(engine(), { now, from, elapsed: now, after: () => () => undefined });
  beforeEach(() => {
    edge = edgeFrom("fra");
  });

  it("are registered once, keep what is not said again, hold no secret, and have one primary", async () => {
    await edge.register("fra", {
      url: "postgres://me:secret@fra.example.org:5432/app?token=t",
      primary: true,
    });
    expect(await edge.register("fra")).toMatchObject({
      url: "postgres://fra.example.org:5432/app",
      isPrimary: true,
    });
    await edge.register("iad", { primary: true });
    const rows = await engine().find(edgeReplicas);
    expect(rows.map(({ edgeRegion, isPrimary }) => [edgeRegion, isPrimary])).toEqual([
      ["fra", false],
      ["iad", true],
    ]);
    await expect(edge.register("x", { url: "not a url" })).rejects.toMatchObject({ code: "invalid" });
    expect(await edge.remove("fra")).toBe(true);
    expect(await edge.remove("fra")).toBe(false);
    expect((await edge.list()).map(({ edgeRegion }) => edgeRegion)).toEqual(["iad"]);
  });

  it("the nearest healthy one is as seen from where one asks", async () => {
    await expect(edge.nearest()).rejects.toMatchObject({
      code: "not-found",
      next: expect.stringContaining("loci edge add"),
    });
    for (const region of ["fra", "iad", "gru"]) await edge.register(region);
    expect(await edge.nearest()).toMatchObject({ edgeRegion: "fra", seenFrom: null });
    for (const [region, ms] of [
      ["fra", 3],
      ["iad", 90],
      ["gru", 200],
    ] as const)
      edge.observe(region, ms);
    await edge.flush();
    const other = edgeFrom("iad");
    for (const [region, ms] of [
      ["fra", 91],
      ["iad", 2],
      ["gru", 120],
    ] as const)
      other.observe(region, ms);
    await other.flush();
    expect(await edge.nearest()).toMatchObject({ edgeRegion: "fra", latencyMs: 3, seenFrom: "fra" });
    expect(await edge.nearest({ from: "iad" })).toMatchObject({ edgeRegion: "iad", latencyMs: 2 });
    // Nobody measured from there: the mean of those who did.
    expect(await edge.nearest({ from: "lhr" })).toMatchObject({
      edgeRegion: "iad",
      latencyMs: 46,
      seenFrom: null,
    });
    edge.observe("fra", new Error("down"));
    expect(await edge.nearest()).toMatchObject({ edgeRegion: "iad" });
    edge.observe("iad", new Error("down"));
    edge.observe("gru", new Error("down"));
    await expect(edge.nearest()).rejects.toMatchObject({ code: "unreachable", next: "loci edge probe" });
    expect((await edge.nearest({ healthyOnly: false })).healthy).toBe(false);
    await expect(edge.nearest({ within: 1_000 })).rejects.toMatchObject({
      message: expect.stringContaining("at most 1000 ms behind"),
    });
  });

  it("what was observed is kept every 10 s at most, and a process that begins knows it", async () => {
    await edge.register("fra");
    await edge.register("iad");
    const writes = { count: 0 };
    const counted = createEdge(
      { ...engine(), write: (changes) => (writes.count++, engine().write(changes)) },
      { now, from: "fra", elapsed: now, after: () => () => undefined },
    );
    for (let n = 0; n < 1_000; n++) {
      counted.observe("iad", 80 + (n % 3));
      counted.observe("fra", 4);
      clock.at += 25;
    }
    await expect.poll(() => writes.count).toBeGreaterThan(0);
    await counted.flush();
    // 25 s: three times, of two writes each, and the last one.
    expect(writes.count).toBeLessThanOrEqual(8);
    const rows = await engine().find(edgeLatencies);
    expect(rows.map(({ edgeRegion, seenFrom }) => `${edgeRegion} from ${seenFrom}`).sort()).toEqual([
      "fra from fra",
      "iad from fra",
    ]);
    const asked: string[] = [];
    await edgeFrom("fra").read(async ({ edgeRegion }) => asked.push(edgeRegion));
    expect(asked).toEqual(["fra"]);
  });

  it("have metrics: latency, agents, idle agents; the nearest first, then the most idle", async () => {
    for (const region of ["fra", "iad", "gru"]) await edge.register(region);
    edge.observe("fra", 50);
    edge.observe("iad", 50);
    edge.observe("gru", 10);
    const swarm = createSwarm(engine(), "s", { now });
    await swarm.register([
      { agent: "a", region: "fra" },
      { agent: "b", region: "iad" },
      { agent: "c", region: "iad" },
      { agent: "d", region: "gru" },
      { agent: "old", region: "gru" },
    ]);
    await createSwarm(engine(), "other", { now }).register({ agent: "b", region: "iad" });
    clock.at += 60_001;
    await swarm.heartbeat(["a", "b", "c", "d"]);
    await swarm.heartbeat("a", { status: "working", currentTask: "t" });
    expect(await edge.metrics({ swarm: "s" })).toEqual([
      { edgeRegion: "gru", avgLatency: 10, availableAgents: 1, idleAgents: 1, healthy: true },
      { edgeRegion: "iad", avgLatency: 50, availableAgents: 2, idleAgents: 2, healthy: true },
      { edgeRegion: "fra", avgLatency: 50, availableAgents: 1, idleAgents: 0, healthy: true },
    ]);
    expect((await edge.metrics({ swarm: "other" })).map((row) => row.availableAgents)).toEqual([0, 0, 0]);
  });
});
