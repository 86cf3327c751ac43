import { beforeEach, expect } from "vitest";
import { createEdge, type Edge } from "../../dist/domains/edge/edge.js";
import { createSwarm, type Swarm } from "../../dist/domains/swarm.js";
import { type Assignment, createAssignment } from "../../dist/domains/tasks/assign.js";
import { createTasks, type Tasks } from "../../dist/domains/tasks/tasks.js";
import { swarmMembers } from "../../dist/model/agent.js";
import { taskAssignments } from "../../dist/model/task.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("assignment", ({ it, engine, clock, now }) => {
  let swarm: Swarm;
  let tasks: Tasks & Assignment;
  let edge: Edge;
  beforeEach(async () => {
    swarm = createSwarm(engine(), "s", { now });
    edge = createEdge(engine(), { now, from: "here", elapsed: now, after: () => () => undefined });
    tasks = createAssignment(engine(), {
      now,
      tasks: createTasks(engine(), { now, random: () => 0 }),
      random: () => 0,
      regions: edge.list,
    });
    await swarm.register([
      { agent: "far-1", region: "iad", capabilities: ["ts"] },
      { agent: "near-1", region: "fra" },
      { agent: "near-2", region: "fra", capabilities: ["ts"] },
    ]);
    await edge.register("fra");
    await edge.register("iad");
    edge.observe("fra", 3);
    edge.observe("iad", 80);
  });
  const make = async (id: string, more: object = {}): Promise<string> => {
    await tasks.create({ id, swarm: "s", title: id, ...more });
    return id;
  };
  const member = async (agentId: string): Promise<object | undefined> =>
    (await engine().find(swarmMembers, { where: { swarmId: "s", agentId } }))[0];

  it("gives a task to one idle agent of the nearest region: lease, fence, agent and its row in one step", async () => {
    const got = await tasks.assign(await make("t"), { lease: 5_000 });
    expect(got).toMatchObject({ agentId: "near-1", region: "fra", task: { fence: 1, status: "running" } });
    expect((await tasks.get("t")).task).toMatchObject({
      status: "running",
      agentId: "near-1",
      fence: 1,
      attempts: 1,
      claimedAt: clock.at,
      dueAt: clock.at + 5_000,
    });
    expect(await member("near-1")).toMatchObject({ status: "working", currentTask: "t" });
    expect(await engine().find(taskAssignments)).toMatchObject([
      { taskId: "t", agentId: "near-1", edgeRegion: "fra", assignedAt: clock.at, outcome: "running" },
    ]);
    expect((await tasks.get("t")).attempts).toEqual([]);
  });

  it("a task whose lease ended can be assigned anew, though nobody claimed since", async () => {
    await tasks.assign(await make("t"), { lease: 5_000 });
    await expect(tasks.assign("t")).rejects.toMatchObject({ code: "busy" });
    clock.at += 5_000;
    expect(await tasks.assign("t", { agent: "near-2" })).toMatchObject({ task: { fence: 2, attempts: 2 } });
    expect(await member("near-1")).toMatchObject({ currentTask: null });
  });

  it("what an agent has to be able to do, the region asked for and the agent named are heeded", async () => {
    expect(await tasks.assign(await make("a", { capabilities: ["ts"] }))).toMatchObject({
      agentId: "near-2",
    });
    expect(await tasks.assign(await make("b"), { region: "iad" })).toMatchObject({ agentId: "far-1" });
    expect(await tasks.assign(await make("c"), { region: "iad" })).toBeNull();
    expect(await tasks.assign("c", { agent: "near-2" })).toBeNull();
    expect(await tasks.assign("c", { agent: "near-1" })).toMatchObject({ agentId: "near-1" });
    expect(await tasks.assign(await make("d"))).toBeNull();
    await expect(tasks.assign("d", { agent: "nobody" })).rejects.toMatchObject({ code: "not-found" });
  });

  it("a task keeps to its region until it spills to the nearest that has an agent", async () => {
    await make("t", { region: "gru", spillAfter: 10_000 });
    expect(await tasks.assign("t")).toBeNull();
    clock.at += 10_000;
    expect(await tasks.assign("t")).toMatchObject({ agentId: "near-1", region: "fra" });
  });

  it("regions that do not answer come last, silent agents never", async () => {
    edge.observe("fra", new Error("down"));
    expect(await tasks.assign(await make("a"))).toMatchObject({ region: "iad" });
    expect(await tasks.assign(await make("b"))).toMatchObject({ region: "fra" });
    clock.at += 30_001;
    expect(await tasks.assign(await make("c"))).toBeNull();
    await swarm.heartbeat("near-2");
    expect(await tasks.assign("c")).toMatchObject({ agentId: "near-2" });
  });

  it("the agent sees what it was given, claims it once, completes it with its fence, and is idle again", async () => {
    await make("t");
    await make("other");
    await tasks.assign("t", { agent: "near-1" });
    const me = { swarm: "s", agent: "near-1" };
    expect(await tasks.assigned(me)).toMatchObject([{ id: "t", fence: 1 }]);
    clock.at += 1_000;
    const claimed = await Promise.all([tasks.claim({ ...me, lease: 9_000 }), tasks.claim(me)]);
    expect(
      claimed
        .flat()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(["other", "t"]);
    const [task] = claimed.flat().filter(({ id }) => id === "t");
    if (!task) throw new Error("not claimed");
    expect(task).toMatchObject({ fence: 1, dueAt: clock.at + 9_000 });
    clock.at += 1_000;
    expect(await tasks.claim(me)).toEqual([]);
    expect(await tasks.assigned(me)).toHaveLength(1);
    await tasks.renew(task);
    await tasks.complete(task, "well");
    expect(await member("near-1")).toMatchObject({ status: "idle", currentTask: null });
    expect(await tasks.assigned(me)).toEqual([]);
    expect(await engine().find(taskAssignments)).toMatchObject([
      { taskId: "t", outcome: "done", durationMs: 2_000, edgeRegion: "fra" },
    ]);
    expect((await swarm.agents()).find(({ agentId }) => agentId === "near-1")).toMatchObject({ done: 1 });
  });

  it("a lease that ends gives the task back and frees the agent, whose late word is refused", async () => {
    const given = await tasks.assign(await make("t"), { agent: "near-1", lease: 1_000 });
    if (!given) throw new Error("not assigned");
    clock.at += 1_000;
    expect(await tasks.reclaim()).toBe(1);
    expect(await member("near-1")).toMatchObject({ status: "idle", currentTask: null });
    await expect(tasks.complete(given.task)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await tasks.assign("t", { agent: "near-2" })).toMatchObject({ task: { fence: 2, attempts: 2 } });
    expect((await tasks.get("t")).attempts).toMatchObject([{ fence: 1, outcome: "expired" }]);
  });

  it("a failure and a cancel free the agent too; what it says of itself stays", async () => {
    const first = await tasks.assign(await make("t"), { agent: "near-1" });
    if (!first) throw new Error("not assigned");
    await tasks.fail(first.task, "no");
    expect(await member("near-1")).toMatchObject({ status: "idle", currentTask: null });
    expect((await tasks.get("t")).attempts).toMatchObject([{ outcome: "failed", error: "no" }]);
    await tasks.assign("t", { agent: "near-1" });
    await swarm.heartbeat("near-1", { status: "draining" });
    await tasks.cancel("t");
    expect(await member("near-1")).toMatchObject({ status: "draining", currentTask: null });
    expect((await tasks.get("t")).attempts.map(({ outcome }) => outcome)).toEqual(["failed", "cancelled"]);
  });

  it("what is completed brings what was assigned meanwhile; a release gives it back as if nothing had been", async () => {
    const me = { swarm: "s", agent: "near-1" };
    await make("own");
    const [own] = await tasks.claim(me);
    if (!own) throw new Error("not claimed");
    await tasks.fail(own, "later", { retry: false });
    await make("t");
    const given = await tasks.assign("t", { agent: "near-1" });
    if (!given) throw new Error("not assigned");
    await make("next");
    clock.at += 1_000;
    const next = await tasks.completeAndClaim(given.task, 1, me);
    expect(next).toMatchObject([{ id: "next" }]);
    expect(await member("near-1")).toMatchObject({ status: "idle", currentTask: null });
    await tasks.complete({ id: "next", fence: 1 });
    await make("back");
    const back = await tasks.assign("back", { agent: "near-1" });
    if (!back) throw new Error("not assigned");
    await tasks.release(back.task);
    expect((await tasks.get("back")).task).toMatchObject({ status: "ready", attempts: 0 });
    expect(await engine().find(taskAssignments, { where: { taskId: "back" } })).toEqual([]);
    expect(await member("near-1")).toMatchObject({ status: "idle", currentTask: null });
    await tasks.assign("back", { agent: "near-1" });
    expect(await tasks.claim(me)).toMatchObject([{ id: "back", fence: 2 }]);
  });

  it("an agent that waits for a task is woken for the one it was assigned, whatever it would claim", async () => {
    // The loop beats and renews by real time.
    const live = createAssignment(engine(), {
      now: Date.now,
      tasks: createTasks(engine(), { now: Date.now }),
      regions: edge.list,
    });
    const worked: string[] = [];
    await using loop = live.work({ swarm: "s", agent: "w", kinds: ["none"] }, (task) => worked.push(task.id));
    for (const id of ["one", "two"]) {
      await live.create({ id, swarm: "s", title: id });
      await expect.poll(() => live.assign(id, { agent: "w" }).catch(() => null)).not.toBeNull();
      await expect.poll(async () => (await live.get(id)).task.status, { timeout: 10_000 }).toBe("done");
    }
    expect(worked).toEqual(["one", "two"]);
    expect(loop.counts()).toMatchObject({ claimed: 2, completed: 2, lost: 0 });
    await live.create({ id: "three", swarm: "s", title: "three" });
    await loop.close();
    await swarm.register({ agent: "v" });
    const waits = live.next({ swarm: "s", agent: "v", kinds: ["none"], timeout: 10_000 });
    await live.assign("three", { agent: "v" }).catch(() => null);
    clock.at = Date.now();
    await swarm.heartbeat("v");
    if ((await live.get("three")).task.status === "ready") await live.assign("three", { agent: "v" });
    expect(await waits).toMatchObject({ id: "three", agentId: "v" });
  });

  it("an agent that claimed a task by itself is given no other, also where it says that it is ready", async () => {
    await make("own");
    await make("t");
    await tasks.claim({ swarm: "s", agent: "near-1" });
    await swarm.heartbeat("near-1", { status: "ready" });
    expect(await tasks.assign("t", { agent: "near-1" })).toBeNull();
  });

  it("what cannot be assigned says why", async () => {
    await make("first");
    await make("second", { dependsOn: ["first"] });
    await expect(tasks.assign("second")).rejects.toMatchObject({ code: "invalid" });
    await tasks.assign("first");
    await expect(tasks.assign("first")).rejects.toMatchObject({
      code: "busy",
      message: expect.stringContaining("near-1 has it"),
    });
    await expect(tasks.assign("none")).rejects.toMatchObject({ code: "not-found" });
    await edge.remove("fra");
    await edge.remove("iad");
    await make("third");
    await expect(tasks.assign("third")).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("No region is registered"),
      next: expect.stringContaining("loci edge add"),
    });
    expect(await tasks.assign("third", { region: "iad" })).toMatchObject({ agentId: "far-1" });
  });
});
