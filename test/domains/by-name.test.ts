import { expect } from "vitest";
import { createLocks } from "../../dist/domains/locks.js";
import { createTasks } from "../../dist/domains/tasks/tasks.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("work that is given by name", ({ it, engine, clock, now }) => {
  it("goes to one agent, where it is ready", async () => {
    const tasks = createTasks(engine(), { now });
    await tasks.create({ id: "a", title: "a" });
    await tasks.create({ id: "b", title: "b", dependsOn: ["a"] });
    const all = await Promise.allSettled(
      ["x", "y", "z"].map((agent) => tasks.claimOne("a", { agent, lease: 1_000 })),
    );
    expect(all.filter(({ status }) => status === "fulfilled").length).toBe(1);
    await expect(tasks.claimOne("a", { agent: "w" })).rejects.toMatchObject({ code: "busy" });
    await expect(tasks.claimOne("b", { agent: "w" })).rejects.toMatchObject({ code: "busy" });
    await expect(tasks.claimOne("c", { agent: "w" })).rejects.toMatchObject({ code: "not-found" });
    // Its lease is over; nobody has asked for tasks since.
    clock.at += 2_000;
    const again = await tasks.claimOne("a", { agent: "w" });
    expect(again).toMatchObject({ fence: 2, agentId: "w", attempts: 2 });
    await tasks.complete(again);
    expect(await tasks.claimOne("b", { agent: "w" })).toMatchObject({ id: "b", fence: 1 });
  });

  it("a lock goes to another in one step, from who holds it only", async () => {
    const locks = createLocks(engine(), { now });
    const first = await locks.acquire("deploy", { owner: "one" });
    if (first === null) throw new Error("The lock was free.");
    const second = await locks.transfer(first, { owner: "two", lease: 1_000 });
    expect(second).toMatchObject({ owner: "two", fence: 2 });
    await expect(locks.transfer(first, { owner: "three" })).rejects.toMatchObject({ code: "lease-lost" });
    expect(await locks.release(first)).toBe(false);
    clock.at += 2_000;
    await expect(locks.transfer(second, { owner: "three" })).rejects.toMatchObject({ code: "lease-lost" });
    expect(await locks.acquire("deploy", { owner: "four" })).toMatchObject({ fence: 3 });
  });
});
