import { beforeEach, expect } from "vitest";
import { createTasks, type Tasks } from "../../dist/domains/tasks/tasks.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("completions", ({ it, engine, clock, now }) => {
  let tasks: Tasks;
  beforeEach(() => {
    tasks = createTasks(engine(), { now, random: () => 1 });
  });

  it("are handed in together, each by its own fence: a stale one undoes no other", async () => {
    await tasks.createAll([
      ...["one", "two", "three", "four"].map((id) => ({ id, title: id })),
      { id: "next", title: "next", dependsOn: ["four"] },
    ]);
    const stale = await tasks.claim({ agent: "a", limit: 1 });
    clock.at += 30_000;
    const held = await tasks.claim({ agent: "b", limit: 4 });
    const all = [...stale, ...held, { id: "none", fence: 1 }];
    const completions = all.map((lease, n) => ({ lease, result: { n } }));
    const { errors, claimed } = await tasks.completeAll(completions, { agent: "b" });
    expect(errors.map((error) => Reflect.get(Object(error), "code"))).toEqual([
      "lease-lost",
      ...[undefined, undefined, undefined, undefined],
      "not-found",
    ]);
    expect(claimed).toMatchObject([{ id: "next", agentId: "b", fence: 1 }]);
    for (const [place, lease] of held.entries()) {
      const { task, attempts } = await tasks.get(lease.id);
      expect(task).toMatchObject({ status: "done", result: { n: place + 1 }, fence: lease.fence });
      expect(attempts.at(-1)).toMatchObject({ outcome: "done", agentId: "b", fence: lease.fence });
    }
    await tasks.createAll([1, 2, 3].map((n) => ({ id: `t${n}`, title: "t" })));
    const [first, ...others] = await tasks.claim({ agent: "b", limit: 2 });
    const last = { id: first?.id ?? "", fence: 1 };
    const again = await tasks.completeAll(
      [first, ...others, last].map((lease) => ({ lease: lease ?? last })),
      {
        agent: "b",
      },
    );
    expect(again.errors.filter((error) => error === null).length).toBeGreaterThanOrEqual(2);
    expect(again.claimed).toMatchObject([{ id: "t3" }]);
    expect(await tasks.completeAll(claimed.map((lease) => ({ lease })))).toEqual({
      errors: [null],
      claimed: [],
    });
    expect(await tasks.completeAll([], { agent: "b" })).toEqual({ errors: [], claimed: [] });
  });
});
