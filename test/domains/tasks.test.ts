import { beforeEach, describe, expect, test } from "vitest";
import { findCycle } from "../../dist/domains/tasks/cycle.js";
import { createTasks, type Task, type Tasks } from "../../dist/domains/tasks/tasks.js";
import { onEachBackend } from "./backends.ts";

const titles = (list: readonly Task[]): string[] => list.map(({ title }) => title);

await onEachBackend("tasks", ({ it, engine, clock, now }) => {
  let tasks: Tasks;
  beforeEach(() => {
    tasks = createTasks(engine(), { now, random: () => 1 });
  });
  const claimOne = async (agent = "a"): Promise<Task> => {
    const [task] = await tasks.claim({ agent });
    if (task === undefined) throw new Error("nothing to claim");
    return task;
  };
  const statusOf = async (id: string): Promise<string> => (await tasks.get(id)).task.status;

  it("come by priority, then by their time, then in the order they were made", async () => {
    const at = clock.at;
    await tasks.createAll([
      { title: "first" },
      { title: "second" },
      { title: "early", runAt: at - 10 },
      { title: "later", runAt: at + 10 },
      { title: "urgent", priority: 5 },
      { title: "some day", priority: -5, runAt: at - 99 },
    ]);
    expect(titles(await tasks.claim({ agent: "a", limit: 2 }))).toEqual(["urgent", "early"]);
    expect(titles(await tasks.claim({ agent: "a", limit: 9 }))).toEqual(["first", "second", "some day"]);
    clock.at += 10;
    expect(titles(await tasks.claim({ agent: "a", limit: 9 }))).toEqual(["later"]);
  });

  it("go to one agent each, and each claim has the next fence", async () => {
    await tasks.createAll(Array.from({ length: 20 }, (_, n) => ({ title: `t${n}` })));
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, n) => tasks.claim({ agent: `a${n}`, limit: 3 })),
    );
    const ids = claims.flat().map(({ id }) => id);
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
    expect(new Set(claims.flat().map(({ fence }) => fence))).toEqual(new Set([1]));
  });

  it("whose lease ended go to the next agent, and what the first one sends is refused", async () => {
    await tasks.create({ title: "t" });
    const first = await claimOne("slow");
    expect(first).toMatchObject({ agentId: "slow", fence: 1, attempts: 1, dueAt: clock.at + 30_000 });
    expect(await tasks.claim({ agent: "b" })).toEqual([]);
    clock.at += 30_000;
    const second = await claimOne("quick");
    expect(second).toMatchObject({ id: first.id, agentId: "quick", fence: 2, attempts: 2 });
    const lost = { code: "lease-lost", message: expect.stringContaining("quick holds it with fence 2") };
    await expect(tasks.complete(first, "late")).rejects.toMatchObject(lost);
    await expect(tasks.complete({ id: first.id, fence: 1 }, "late")).rejects.toMatchObject(lost);
    await expect(tasks.renew(first)).rejects.toMatchObject(lost);
    await expect(tasks.progress(first, 0.5)).rejects.toMatchObject(lost);
    await expect(tasks.fail(first, "x")).rejects.toMatchObject(lost);
    await tasks.complete({ id: second.id, fence: second.fence }, { ok: true });
    await expect(tasks.complete(second)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await tasks.get(first.id)).toMatchObject({
      task: { status: "done", result: { ok: true }, settledAt: clock.at },
      attempts: [
        { agentId: "slow", fence: 1, outcome: "expired", durationMs: 30_000 },
        { agentId: "quick", fence: 2, outcome: "done" },
      ],
    });
  });

  it("are kept by renewing, up to their time", async () => {
    await tasks.create({ title: "t", timeout: 50_000 });
    const task = await claimOne();
    clock.at += 20_000;
    await tasks.progress(task, 0.4, "halfway there");
    expect(await tasks.renew(task)).toEqual({ until: clock.at + 30_000, cancelled: false });
    clock.at += 20_000;
    expect(await tasks.renew(task)).toEqual({ until: clock.at + 10_000, cancelled: false });
    expect((await tasks.get(task.id)).task).toMatchObject({ progress: 0.4, progressNote: "halfway there" });
    clock.at += 10_000;
    await expect(tasks.renew(task)).rejects.toMatchObject({ code: "lease-lost" });
    expect((await claimOne("b")).progress).toBeNull();
  });

  it("that fail are tried again after a wait that doubles, then are dead with their history", async () => {
    const { task } = await tasks.create({ title: "t", maxAttempts: 3, backoff: 100 });
    for (const wait of [100, 200]) {
      const claimed = await claimOne();
      expect(await tasks.fail(claimed, "broke")).toEqual({ status: "ready", dueAt: clock.at + wait });
      clock.at += wait - 1;
      expect(await tasks.claim({ agent: "a" })).toEqual([]);
      clock.at += 1;
    }
    expect(await tasks.fail(await claimOne(), "broke for good")).toMatchObject({ status: "dead" });
    expect(await tasks.claim({ agent: "a" })).toEqual([]);
    const { attempts, task: dead } = await tasks.get(task.id);
    expect(dead).toMatchObject({ status: "dead", error: "broke for good", attempts: 3 });
    expect(attempts.map(({ outcome, error }) => `${outcome}: ${error}`)).toEqual([
      "failed: broke",
      "failed: broke",
      "failed: broke for good",
    ]);
    expect(await tasks.retry(task.id)).toMatchObject({ status: "ready", attempts: 0, fence: 3 });
    expect(await claimOne()).toMatchObject({ id: task.id, fence: 4, attempts: 1 });
    await expect(tasks.retry(task.id)).rejects.toMatchObject({ code: "invalid" });
  });

  it("that kill their agents are dead in the end, and others are not held up", async () => {
    const { task: poison } = await tasks.create({ title: "poison", priority: 9, maxAttempts: 2 });
    await tasks.create({ title: "fine" });
    expect((await claimOne()).id).toBe(poison.id);
    clock.at += 30_000;
    expect((await claimOne()).id).toBe(poison.id);
    clock.at += 30_000;
    expect((await claimOne()).title).toBe("fine");
    expect(await tasks.get(poison.id)).toMatchObject({
      task: { status: "dead" },
      attempts: [{ outcome: "expired" }, { outcome: "expired" }],
    });
  });

  it("wait for what they depend on, and are ready with its completion", async () => {
    await tasks.createAll([
      { id: "top", title: "top" },
      { id: "left", title: "left", dependsOn: ["top"] },
      { id: "right", title: "right", dependsOn: ["top"] },
      { id: "end", title: "end", dependsOn: ["left", "right"] },
    ]);
    expect(titles(await tasks.claim({ agent: "b" }))).toEqual(["top"]);
    expect(await tasks.claim({ agent: "b" })).toEqual([]);
    await tasks.complete({ id: "top", fence: 1 });
    const both = await tasks.claim({ agent: "a", limit: 5 });
    expect(titles(both)).toEqual(["left", "right"]);
    // Made while what it depends on is running, and by a lease that knew of no dependents.
    await tasks.create({ id: "late", title: "late", dependsOn: ["left"] });
    await Promise.all(both.map((task) => tasks.complete(task)));
    expect(titles(await tasks.claim({ agent: "a", limit: 5 })).sort()).toEqual(["end", "late"]);
    const { task } = await tasks.create({ title: "after all", dependsOn: ["top"] });
    expect(task.status).toBe("ready");
    expect(await tasks.get("end")).toMatchObject({ dependsOn: expect.arrayContaining(["left", "right"]) });
  });

  it("that depend on what failed are cancelled, with all behind them, or go on", async () => {
    await tasks.createAll([
      { id: "root", title: "root", maxAttempts: 1 },
      { id: "child", title: "child", dependsOn: ["root"] },
      { id: "grandchild", title: "grandchild", dependsOn: ["child"] },
      { id: "anyway", title: "anyway", dependsOn: ["root", "grandchild"], onDependencyFailure: "continue" },
    ]);
    await tasks.fail(await claimOne(), "no");
    expect(await Promise.all(["root", "child", "grandchild", "anyway"].map(statusOf))).toEqual([
      "dead",
      "cancelled",
      "cancelled",
      "ready",
    ]);
    expect((await tasks.get("grandchild")).task.error).toContain("child");
    await expect(tasks.create({ title: "x", dependsOn: ["root"] })).rejects.toMatchObject({
      code: "invalid",
    });
    await tasks.retry("root");
    await tasks.retry("child");
    expect(await statusOf("child")).toBe("blocked");
    const both = await tasks.claim({ agent: "a", limit: 5 });
    expect(both.map(({ id }) => id).sort()).toEqual(["anyway", "root"]);
    for (const task of both) await tasks.complete(task);
    expect((await tasks.claim({ agent: "a", limit: 5 })).map(({ id }) => id)).toEqual(["child"]);
  });

  it("in a circle, or behind what is not there, are not made", async () => {
    const circle = tasks.createAll([
      { id: "t5", title: "5", dependsOn: ["t9"] },
      { id: "t9", title: "9", dependsOn: ["t5"] },
    ]);
    await expect(circle).rejects.toThrow("t5 depends on t9, which depends on t5");
    await expect(tasks.create({ title: "x", dependsOn: ["nowhere"] })).rejects.toMatchObject({
      code: "not-found",
    });
    expect(await tasks.list()).toEqual([]);
  });

  it("with one key are one task, from however many sides", async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, n) => tasks.create({ title: `t${n}`, idempotencyKey: "same" })),
    );
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(made.map(({ task }) => task.id)).size).toBe(1);
    const both = await tasks.createAll([
      { id: "again", title: "again", idempotencyKey: "same" },
      { id: "new", title: "new", dependsOn: ["again"] },
    ]);
    expect(both.map(({ created }) => created)).toEqual([false, true]);
    expect((await tasks.get("new")).dependsOn).toEqual([made[0]?.task.id]);
    const elsewhere = await tasks.create({ swarm: "other", title: "t", idempotencyKey: "same" });
    expect(elsewhere.created).toBe(true);
  });

  it("that are cancelled while they run tell their holder when it renews", async () => {
    await tasks.createAll([
      { id: "a", title: "a" },
      { id: "b", title: "b", dependsOn: ["a"] },
    ]);
    const held = await claimOne();
    expect(await tasks.cancel("a", "not needed")).toMatchObject({ status: "cancelled", error: "not needed" });
    expect(await tasks.renew(held)).toMatchObject({ cancelled: true });
    await expect(tasks.complete(held)).rejects.toMatchObject({ code: "lease-lost" });
    expect(await statusOf("b")).toBe("cancelled");
    expect((await tasks.get("a")).attempts).toMatchObject([{ outcome: "cancelled" }]);
  });

  it("go only to agents that can do them, whatever stands before them", async () => {
    const foreign = Array.from({ length: 300 }, (_, n) => ({
      title: `gpu ${n}`,
      priority: 9,
      capabilities: ["gpu", "linux"],
    }));
    await tasks.createAll([...foreign, { title: "plain" }, { title: "linux", capabilities: ["linux"] }]);
    expect(titles(await tasks.claim({ agent: "a", limit: 5 }))).toEqual(["plain"]);
    expect(titles(await tasks.claim({ agent: "b", capabilities: ["linux", "arm"], limit: 5 }))).toEqual([
      "linux",
    ]);
    const mine = await tasks.claim({ agent: "c", capabilities: ["linux", "gpu"], limit: 5 });
    expect(titles(mine)).toEqual(["gpu 0", "gpu 1", "gpu 2", "gpu 3", "gpu 4"]);
    // A capability that nobody asked for before.
    await tasks.create({ title: "new", capabilities: ["arm"], kind: "build" });
    expect(titles(await tasks.claim({ agent: "b", capabilities: ["arm"], kinds: ["build"] }))).toEqual([
      "new",
    ]);
  });

  it("stay in their region until they may run anywhere", async () => {
    await tasks.create({ title: "syd", region: "syd", priority: 1, spillAfter: 60_000 });
    await tasks.create({ title: "any" });
    expect(titles(await tasks.claim({ agent: "f", region: "fra", limit: 5, lease: 600_000 }))).toEqual([
      "any",
    ]);
    clock.at += 60_000;
    expect(titles(await tasks.claim({ agent: "f", region: "fra", limit: 5 }))).toEqual(["syd"]);
    await tasks.create({ title: "home", region: "syd" });
    expect(titles(await tasks.claim({ agent: "s", region: "syd", limit: 5 }))).toEqual(["home"]);
  });

  it("are listed the newest first, page by page", async () => {
    for (let n = 0; n < 5; n++) {
      clock.at++;
      await tasks.create({ title: `t${n}`, swarm: "s" });
    }
    const page = await tasks.list({ swarm: "s", limit: 3 });
    expect(titles(page)).toEqual(["t4", "t3", "t2"]);
    expect(titles(await tasks.list({ swarm: "s", limit: 3, after: page.at(-1) }))).toEqual(["t1", "t0"]);
    expect(await tasks.list({ swarm: "s", status: "done" })).toEqual([]);
    await expect(tasks.get("nowhere")).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("a circle", () => {
  test("is found behind a long chain, and a diamond is none", () => {
    const chain = new Map(Array.from({ length: 20_000 }, (_, n) => [`t${n}`, [`t${n + 1}`]] as const));
    expect(findCycle(chain)).toBeUndefined();
    expect(findCycle(new Map([...chain, ["t20000", ["t19999"]]]))).toEqual(["t19999", "t20000", "t19999"]);
    expect(
      findCycle(
        new Map([
          ["a", ["b", "c"]],
          ["b", ["d"]],
          ["c", ["d"]],
          ["d", []],
        ]),
      ),
    ).toBeUndefined();
    expect(findCycle(new Map([["a", ["a"]]]))).toEqual(["a", "a"]);
  });
});
