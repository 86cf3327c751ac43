import { beforeEach, expect } from "vitest";
import { createClock } from "../../dist/domains/clock.js";
import { createLocks, type Locks } from "../../dist/domains/locks.js";
import { createMailbox, type Mailbox } from "../../dist/domains/mailbox.js";
import { createSwarm, type Swarm } from "../../dist/domains/swarm.js";
import { createTasks, type Tasks } from "../../dist/domains/tasks/tasks.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("swarms, locks and the mailbox", ({ it, engine, clock, now }) => {
  let swarm: Swarm;
  let tasks: Tasks;
  let locks: Locks;
  let mailbox: Mailbox;
  beforeEach(() => {
    swarm = createSwarm(engine(), "s", { now });
    tasks = createTasks(engine(), { now });
    locks = createLocks(engine(), { now });
    mailbox = createMailbox(engine(), { now });
  });
  const minute = 60_000;

  it("an agent that registers again keeps its status and its task, in the next epoch", async () => {
    await swarm.register({ agent: "a", type: "reviewer", region: "fra", capabilities: ["ts"] });
    await swarm.heartbeat("a", { status: "working", currentTask: "t1" });
    clock.at += 5_000;
    expect(await swarm.register({ agent: "a" })).toMatchObject([
      {
        agentId: "a",
        status: "working",
        currentTask: "t1",
        region: "fra",
        epoch: 2,
        lastHeartbeat: clock.at,
      },
    ]);
    expect(await swarm.agents()).toMatchObject([
      { agentId: "a", type: "reviewer", region: "fra", capabilities: ["ts"], currentTask: "t1" },
    ]);
  });

  it("health goes by heartbeats: healthy to 30 s, warning to 60 s, then unhealthy", async () => {
    await swarm.register([{ agent: "a" }, { agent: "b" }, { agent: "c" }]);
    const seen: string[] = [];
    for (const wait of [30_000, 1, 29_999, 1]) {
      clock.at += wait;
      seen.push((await swarm.agents())[0]?.health ?? "");
    }
    expect(seen).toEqual(["healthy", "warning", "warning", "unhealthy"]);
    await swarm.heartbeat(["b", "c"]);
    expect((await swarm.status()).health).toEqual({ healthy: 2, warning: 0, unhealthy: 1 });
    const patient = createSwarm(engine(), "s", { now, limits: { healthy: 2 * minute } });
    expect((await patient.status()).health.healthy).toBe(3);
    await expect(swarm.heartbeat(["b", "nobody"])).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("nobody"),
    });
  });

  it("activity goes by finished work, and silent agents are listed as inactive", async () => {
    await swarm.register([{ agent: "busy" }, { agent: "silent" }]);
    await tasks.create({ swarm: "s", title: "t" });
    const [task] = await tasks.claim({ swarm: "s", agent: "busy" });
    if (task === undefined) throw new Error("nothing to claim");
    expect((await swarm.status()).agents[0]).toMatchObject({
      agentId: "busy",
      currentTask: task.id,
      tasks: [{ id: task.id, dueAt: clock.at + 30_000 }],
    });
    clock.at += 4_000;
    await tasks.complete(task);
    const activities: string[] = [];
    for (const wait of [5 * minute - 1, 1, 10 * minute - 1, 1]) {
      clock.at += wait;
      activities.push((await swarm.agents())[0]?.activity ?? "");
    }
    expect(activities).toEqual(["active", "idle", "idle", "inactive"]);
    const status = await swarm.status();
    expect(status.agents).toMatchObject([
      { agentId: "busy", done: 1, failed: 0, tasksCompleted: 1, avgTaskDurationMs: 4_000 },
      { agentId: "silent", activity: "inactive", lastActivity: null, tasksCompleted: 0 },
    ]);
    expect(status.tasks).toMatchObject({ done: 1, ready: 0 });
    clock.at += 180 * minute;
    expect((await swarm.agents()).map(({ agentId, activity }) => `${agentId} ${activity}`)).toEqual([
      "busy inactive",
      "silent inactive",
    ]);
  });

  it("a lock has one owner, and its fence only grows", async () => {
    const both = await Promise.all(["a", "b"].map((owner) => locks.acquire("deploy", { owner })));
    const [first] = both.filter((lock) => lock !== null);
    expect(both.filter((lock) => lock !== null)).toHaveLength(1);
    if (!first) throw new Error("nobody got it");
    expect(first.fence).toBe(1);
    clock.at += 20_000;
    expect(await locks.renew(first)).toMatchObject({ fence: 1, expiresAt: clock.at + 30_000 });
    clock.at += 30_000;
    const second = await locks.acquire("deploy", { owner: "c" });
    expect(second).toMatchObject({ owner: "c", fence: 2 });
    await expect(locks.renew(first)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await locks.release(first)).toBe(false);
    expect(await locks.release({ name: "deploy", fence: 2 })).toBe(true);
    expect(await locks.acquire("deploy", { owner: "a" })).toMatchObject({ fence: 3 });
  });

  it("one candidate leads; when it steps down, another one does", async () => {
    const real = createLocks(engine(), {
      now: createClock(engine(), { now: Date.now, elapsed: () => performance.now() }),
    });
    await using first = await real.lead("boss", { owner: "a", lease: 300 });
    await using second = await real.lead("boss", { owner: "b", lease: 300 });
    expect([first.fence(), second.fence()]).toEqual([1, null]);
    await expect
      .poll(async () => (await real.get("boss"))?.expiresAt ?? 0)
      .toBeGreaterThan(((await real.get("boss"))?.acquiredAt ?? 0) + 300);
    expect([first.fence(), second.fence()]).toEqual([1, null]);
    await first.close();
    await expect.poll(() => second.fence(), { timeout: 3_000 }).toBe(2);
    expect(first.fence()).toBeNull();
  });

  it("each recipient gets each message once, those of one sender in order", async () => {
    await swarm.register([{ agent: "a" }, { agent: "b" }, { agent: "c" }]);
    for (let n = 0; n < 5; n++) await mailbox.send("b", { swarm: "s", from: "a", body: n });
    expect(await mailbox.broadcast({ swarm: "s", from: "a", body: "all" })).toBe(2);
    await mailbox.subscribe("news", { swarm: "s", agent: "c" });
    await mailbox.subscribe("news", { swarm: "s", agent: "c" });
    expect(await mailbox.publish("news", { swarm: "s", from: "a", body: { n: 1 } })).toBe(1);
    const halves = await Promise.all([
      mailbox.receive({ swarm: "s", agent: "b", limit: 3 }),
      mailbox.receive({ swarm: "s", agent: "b", limit: 3 }),
    ]);
    const bodies = halves.flat().map(({ body }) => body);
    expect(bodies).toHaveLength(6);
    expect(new Set(bodies)).toEqual(new Set([0, 1, 2, 3, 4, "all"]));
    for (const half of halves) expect(half.map(({ id }) => id)).toEqual(half.map(({ id }) => id).sort());
    expect(await mailbox.receive({ swarm: "s", agent: "b" })).toEqual([]);
    expect((await mailbox.receive({ swarm: "s", agent: "c" })).map(({ body }) => body)).toEqual([
      "all",
      { n: 1 },
    ]);
    expect(await mailbox.receive({ swarm: "s", agent: "a" })).toEqual([]);
    await mailbox.unsubscribe("news", { swarm: "s", agent: "c" });
    expect(await mailbox.publish("news", { swarm: "s", from: "a", body: 2 })).toBe(0);
  });

  it("what is not acknowledged comes again; what is too old never comes", async () => {
    await mailbox.send("b", { from: "a", body: "kept" });
    await mailbox.send("b", { from: "a", body: "old", ttl: minute });
    const [kept] = await mailbox.receive({ agent: "b", limit: 1, ackWithin: minute });
    clock.at += minute;
    const again = await mailbox.receive({ agent: "b" });
    expect(again).toMatchObject([{ id: kept?.id, deliveries: 2 }]);
    expect(await mailbox.ack(again)).toBe(1);
    expect(await mailbox.ack(again)).toBe(0);
    clock.at += 60 * minute;
    expect(await mailbox.receive({ agent: "b" })).toEqual([]);
    expect(await mailbox.clean()).toBe(2);
  });
});
