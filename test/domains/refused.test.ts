import { expect } from "vitest";
import { createCheckpoints } from "../../dist/domains/checkpoints.js";
import { createKnowledge } from "../../dist/domains/knowledge.js";
import { createLocks } from "../../dist/domains/locks.js";
import { createMemory } from "../../dist/domains/memory.js";
import { createSwarm } from "../../dist/domains/swarm.js";
import { createTasks } from "../../dist/domains/tasks/tasks.js";
import { onEachBackend } from "./backends.ts";

const circle: Record<string, unknown> = {};
circle["itself"] = circle;

await onEachBackend("what cannot be meant is refused", ({ it, engine, now }) => {
  it("with the code invalid, and nothing is stored", async () => {
    const tasks = createTasks(engine(), { now });
    const locks = createLocks(engine(), { now });
    const memory = createMemory(engine(), { now });
    const knowledge = createKnowledge(engine(), { now });
    const swarm = createSwarm(engine(), "s", { now });
    await swarm.register({ agent: "a" });
    await tasks.createAll([{ id: "held", title: "t" }, { title: "t" }]);
    const lease = await tasks.claimOne("held", { agent: "a" });
    const entry = { category: "c", topic: "t", content: "x" };
    const decision = { agentId: "a", decisionType: "t", decisionData: 1 };
    const refused: Readonly<Record<string, () => Promise<unknown>>> = {
      "a circle": () => memory.add({ ...decision, decisionData: circle }),
      "a bigint": () => memory.add({ ...decision, context: { n: 1n } }),
      "a circle of knowledge": () => knowledge.add({ ...entry, metadata: circle }),
      // As plain JavaScript may say it.
      "tags in one text": () => knowledge.add({ ...entry, tags: "a,b" as never }),
      "a lease that is over": () => tasks.claim({ agent: "a", lease: 0 }),
      "a lease of half a millisecond": () => tasks.claimOne("held", { agent: "a", lease: 0.5 }),
      "a renewal into the past": () => tasks.renew(lease, { lease: -1 }),
      "a lock for no time": () => locks.acquire("k", { owner: "a", lease: -1 }),
      "more than all of it": () => tasks.progress(lease, 2),
      "less than nothing of it": () => tasks.progress(lease, -0.1),
      "no title": () => tasks.create({ title: " " }),
      "no id": () => tasks.create({ id: "", title: "t" }),
      "no time to work": () => tasks.create({ title: "t", timeout: 0 }),
      "no such status": () => swarm.heartbeat("a", { status: "asleep" as never }),
    };
    for (const [what, call] of Object.entries(refused))
      await expect(call(), what).rejects.toMatchObject({ code: "invalid" });
    expect((await memory.list()).items).toEqual([]);
    expect((await knowledge.list()).items).toEqual([]);
    expect(await locks.get("k")).toBeNull();
    expect((await tasks.list()).map(({ status }) => status).sort()).toEqual(["ready", "running"]);
    expect((await swarm.agents())[0]?.status).toBe("ready");
  });

  it("a checkpoint that goes on from none", async () => {
    const checkpoints = createCheckpoints(engine(), { now });
    const unknown = checkpoints.save({ data: 1, parentId: "01a1" });
    await expect(unknown).rejects.toMatchObject({ code: "not-found" });
    const [first] = await checkpoints.saveBatch([{ data: 1 }]);
    expect((await checkpoints.save({ data: 2, parentId: first?.id })).parentId).toBe(first?.id);
    const half = checkpoints.saveBatch([{ data: 3 }, { data: 4, parentId: "01a1" }]);
    await expect(half).rejects.toMatchObject({ code: "not-found" });
    expect((await checkpoints.list()).items).toHaveLength(2);
  });
});
