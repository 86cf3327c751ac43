import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect } from "vitest";
import { createTasks, type Task, type Tasks, type WorkLoop } from "../../dist/domains/tasks/tasks.js";
import { createSwarm } from "../../dist/domains/swarm.js";
import type { Engine } from "../../dist/engine/engine.js";
import { type Fault, flaky } from "../../dist/testing/index.js";
import { onEachBackend } from "./backends.ts";

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const started = performance.now(); !(await condition()); await sleep(2)) {
    if (performance.now() - started > 15_000) throw new Error("it did not come true within 15 s");
  }
}

/** The same engine for hosts that no hint reaches. */
function withoutWake({ wake: _, ...engine }: Engine): Engine {
  return engine;
}

await onEachBackend("work", ({ it, engine }) => {
  let tasks: Tasks;
  beforeEach(() => {
    // The clock of leases goes on here: the loop renews by timers.
    tasks = createTasks(engine(), { now: Date.now });
  });
  const statusOf = async (id: string): Promise<string> => (await tasks.get(id)).task.status;

  it("completes with the result, fails with the error, and the error's retry is heard", async () => {
    await tasks.createAll([
      { id: "good", title: "good", priority: 1 },
      { id: "bad", title: "bad", maxAttempts: 1 },
      { id: "hopeless", title: "hopeless", maxAttempts: 9 },
    ]);
    const errors: unknown[] = [];
    const loop = tasks.work({ agent: "a", onError: (error) => errors.push(error) }, async (task) => {
      if (task.title === "good") return { by: "a" };
      throw Object.assign(new Error(`${task.title} it is`), task.title === "hopeless" && { retry: false });
    });
    await until(() => loop.counts().completed + loop.counts().failed === 3);
    await loop.close();
    await loop.done;
    expect(errors).toEqual([]);
    expect((await tasks.get("good")).task).toMatchObject({ status: "done", result: { by: "a" } });
    expect((await tasks.get("bad")).task).toMatchObject({ status: "dead", error: "bad it is" });
    expect((await tasks.get("hopeless")).task).toMatchObject({ status: "dead", attempts: 1 });
    expect(loop.counts()).toMatchObject({ completed: 1, failed: 2, lost: 0 });
  });

  it("does each of many tasks once, never more at a time than it may, and what waits for them after them", async () => {
    const count = 150;
    await tasks.createAll([
      ...Array.from({ length: count }, (_, n) => ({ id: `t${n}`, title: "t", priority: n % 3 })),
      { id: "last", title: "last", dependsOn: ["t0", `t${count - 1}`] },
    ]);
    const seen: string[] = [];
    const loops: WorkLoop[] = [];
    let [now2, most] = [0, 0];
    const work = async (task: Task): Promise<void> => {
      most = Math.max(most, ++now2);
      if (task.id.endsWith("7")) await sleep(1);
      seen.push(task.id);
      now2--;
    };
    for (const agent of ["a", "b"]) loops.push(tasks.work({ agent, concurrency: 3 }, work));
    await until(() => seen.length > count);
    for (const loop of loops) await loop.close();
    expect(new Set(seen).size).toBe(count + 1);
    expect(seen).toHaveLength(count + 1);
    expect(seen.indexOf("last")).toBeGreaterThan(seen.indexOf("t0"));
    expect(most).toBeLessThanOrEqual(6);
    const done = await tasks.list({ status: "done", limit: 500 });
    expect(done).toHaveLength(count + 1);
    expect(new Set(done.map(({ attempts }) => attempts))).toEqual(new Set([1]));
  });

  it("wakes for a task that comes while it waits, and for one whose time comes", async () => {
    const began = new Map<string, number>();
    await using loop = tasks.work({ agent: "a" }, (task) => {
      began.set(task.id, Date.now());
    });
    await tasks.create({ id: "first", title: "t" });
    await until(() => began.has("first"));
    const due = Date.now() + 200;
    await tasks.create({ id: "later", title: "t", runAt: due });
    await until(() => began.has("later"));
    expect(began.get("later")).toBeGreaterThanOrEqual(due);
    expect(began.get("later")).toBeLessThan(due + 1_500);
    expect(loop.counts().completed).toBeGreaterThan(0);
  });

  it("finds tasks where no hint reaches it", async () => {
    const deaf = createTasks(withoutWake(engine()), { now: Date.now });
    await using loop = deaf.work({ agent: "a" }, () => "done");
    await sleep(120);
    await tasks.create({ title: "t" });
    await until(() => loop.counts().completed === 1);
  });

  it("renews its lease, and hears when the task is cancelled", async () => {
    await tasks.createAll([
      { id: "long", title: "long" },
      { id: "wrong", title: "wrong", runAt: Date.now() + 1 },
    ]);
    const aborted: string[] = [];
    const loop = tasks.work({ agent: "a", lease: 300 }, async (task, { signal, progress }) => {
      await progress(0.5, "half");
      if (task.id === "wrong") void tasks.cancel("wrong");
      const stop = new Promise((resolve) => signal.addEventListener("abort", resolve));
      await Promise.race([sleep(900), stop]);
      if (signal.aborted) aborted.push(task.id);
    });
    await until(async () => (await statusOf("long")) === "done" && aborted.length === 1);
    await loop.close();
    expect(aborted).toEqual(["wrong"]);
    expect((await tasks.get("long")).task).toMatchObject({ attempts: 1, fence: 1, progress: 1 });
    expect(await statusOf("wrong")).toBe("cancelled");
    expect(loop.counts()).toMatchObject({ completed: 1, lost: 1 });
  });

  it("stops at the task's timeout", async () => {
    await tasks.create({ id: "slow", title: "t", timeout: 60, maxAttempts: 1 });
    let reason: unknown;
    await using loop = tasks.work({ agent: "a" }, async (_task, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reason = signal.reason;
    });
    await until(() => loop.counts().lost === 1);
    expect(reason).toMatchObject({ code: "lease-lost", message: expect.stringContaining("60 ms") });
  });

  it("comes to its end when it is closed, and gives back what it had not begun", async () => {
    await tasks.createAll(Array.from({ length: 40 }, (_, n) => ({ id: `t${n}`, title: "t" })));
    const stop = new AbortController();
    let begun = 0;
    let finished = 0;
    const loop = tasks.work({ agent: "a", signal: stop.signal }, async () => {
      begun++;
      if (begun === 10) {
        stop.abort();
        await sleep(30);
      }
      finished++;
    });
    await loop.done;
    expect(finished).toBe(begun);
    expect(begun).toBeLessThan(40);
    const { claimed, completed, released } = loop.counts();
    expect(completed).toBe(begun);
    expect(claimed).toBe(completed + released);
    const ready = await tasks.list({ status: "ready", limit: 50 });
    expect(ready).toHaveLength(40 - begun);
    expect(ready.filter(({ attempts }) => attempts > 0)).toEqual([]);
    const [agent] = await createSwarm(engine(), "default", { now: Date.now }).agents();
    expect(agent).toMatchObject({ agentId: "a", status: "offline" });
  });

  it("gives back what it claimed ahead when one task takes long", async () => {
    await tasks.createAll(Array.from({ length: 30 }, (_, n) => ({ id: `t${n}`, title: "t" })));
    let begun = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = tasks.work({ agent: "slow" }, async () => {
      if (++begun === 5) await held;
    });
    await until(() => begun === 5);
    await using quick = tasks.work({ agent: "quick" }, () => undefined);
    await until(() => quick.counts().completed + slow.counts().completed === 29);
    release();
    await slow.close();
    expect(begun).toBe(5);
  });

  for (const [how, every, take] of [
    ["one by one", 3, 5],
    ["together", 2, 0],
  ] as const) {
    it(`goes on after the store was away, and an answer that was lost counts: handed in ${how}`, async () => {
      const faults: Fault[] = ["busy", "not sent", "answer lost"];
      let [number, met] = [0, 0];
      const faulty = flaky(engine(), ({ verb }) => {
        // What was claimed and got lost is given back by writes of its own, one for each.
        const isMeant = verb === "exchange" || (verb === "write" && take > 0);
        const isFault = isMeant && ++number % every === 0;
        return isFault ? faults[met++ % 3] : undefined;
      });
      const count = take > 0 ? 12 : 300;
      await tasks.createAll(
        Array.from({ length: count }, (_, n) => ({ id: `t${n}`, title: "t", maxAttempts: 9 })),
      );
      const unsteady = createTasks(faulty, { now: Date.now });
      const loop = unsteady.work({ agent: "a", lease: 1_000 }, () => (take > 0 ? sleep(take) : 1));
      await until(async () => (await tasks.list({ status: "done", limit: 500 })).length === count);
      await loop.close();
      expect(met).toBeGreaterThan(2);
      expect(loop.counts().failed).toBe(0);
    });
  }

  it("next waits for one task, and not for ever", async () => {
    expect(await tasks.next({ agent: "a", timeout: 5 })).toBeNull();
    const waited = tasks.next({ agent: "a", timeout: 10_000 });
    await tasks.create({ id: "t", title: "t" });
    expect(await waited).toMatchObject({ id: "t", agentId: "a", fence: 1 });
    const stop = new AbortController();
    const stopped = tasks.next({ agent: "a", timeout: 10_000, signal: stop.signal });
    stop.abort();
    expect(await stopped).toBeNull();
  });

  it("completes and claims in one step, and a stale one does neither", async () => {
    await tasks.createAll([
      { id: "a", title: "a", priority: 2 },
      { id: "b", title: "b", dependsOn: ["a"] },
    ]);
    const moving = tasks;
    const [first] = await moving.claim({ agent: "x" });
    if (first === undefined) throw new Error("nothing to claim");
    const [second] = await moving.completeAndClaim(first, { n: 1 }, { agent: "x" });
    expect(second).toMatchObject({ id: "b", status: "running", agentId: "x" });
    await tasks.create({ id: "c", title: "c" });
    await expect(moving.completeAndClaim(first, { n: 2 }, { agent: "x" })).rejects.toMatchObject({
      code: "lease-lost",
    });
    expect(await statusOf("c")).toBe("ready");
    expect(await tasks.get("a")).toMatchObject({
      task: { status: "done", result: { n: 1 } },
      attempts: [{ outcome: "done" }],
    });
    if (second === undefined) throw new Error("nothing to claim");
    await moving.release(second);
    expect((await tasks.get("b")).task).toMatchObject({ status: "ready", attempts: 0, fence: 1 });
    await expect(moving.release(second)).rejects.toMatchObject({ code: "lease-lost" });
  });
});
