import { beforeEach, expect } from "vitest";
import type { Blackboard } from "../../dist/domains/blackboard.js";
import { createSwarm, type Swarm } from "../../dist/domains/swarm.js";
import { onEachBackend } from "./backends.ts";

await onEachBackend("the blackboard", ({ it, engine, clock, now }) => {
  let swarm: Swarm;
  let board: Blackboard;

  beforeEach(() => {
    swarm = createSwarm(engine(), "release-42", { now });
    board = swarm.blackboard;
  });

  it("keeps any JSON value with its version and who wrote it, for one swarm", async () => {
    expect(await board.get("plan")).toBeNull();
    const first = await board.set("plan", { step: 1, "\u0000": ["\ud83d"] }, { agent: "lead" });
    expect(first).toMatchObject({ key: "plan", version: 1, agentId: "lead", updatedAt: clock.at });
    expect(await board.get("plan")).toEqual(first);
    clock.at += 1_000;
    expect(await board.set("plan", null)).toMatchObject({ version: 2, value: null, agentId: null });
    expect(await createSwarm(engine(), "other", { now }).blackboard.get("plan")).toBeNull();
    await expect(board.set("", 1)).rejects.toMatchObject({ code: "invalid" });
    await expect(board.set("plan", undefined)).rejects.toMatchObject({ code: "invalid" });
  });

  it("of several that compare with one version, one sets", async () => {
    const tries = await Promise.all(
      Array.from({ length: 6 }, (_, i) => board.compareAndSet("leader", 0, { value: i })),
    );
    const [winner, ...others] = tries.filter(({ set }) => set);
    expect(others).toEqual([]);
    expect(winner).toMatchObject({ set: true, version: 1 });
    expect(await board.compareAndSet("leader", 0, { value: "late" })).toEqual({ ...winner, set: false });
    expect(await board.compareAndSet("leader", 7, { value: "early" })).toMatchObject({ set: false });
    const next = await board.compareAndSet("leader", 1, { value: "next", agent: "a" });
    expect(next).toMatchObject({ set: true, version: 2, entry: { value: "next", agentId: "a" } });
  });

  it("what several add to at once loses nothing", async () => {
    const add = () => board.update("count", (value) => Number(value ?? 0) + 1);
    await Promise.all(Array.from({ length: 20 }, add));
    expect(await board.get("count")).toMatchObject({ value: 20, version: 20 });
  });

  it("a value that was taken away is gone, and its versions go on", async () => {
    await board.set("plan", 1);
    expect(await board.remove("plan", { agent: "lead" })).toBe(true);
    expect(await board.remove("plan")).toBe(false);
    expect(await board.get("plan")).toBeNull();
    expect((await board.list()).items).toEqual([]);
    // Whoever saw version 1 does not bring it back by mistake.
    expect(await board.compareAndSet("plan", 1, { value: 2 })).toEqual({
      set: false,
      entry: null,
      version: 2,
    });
    expect(await board.compareAndSet("plan", 2, { value: 2 })).toMatchObject({ set: true, version: 3 });
    expect(
      (await board.history("plan")).items.map(({ version, value, removed }) => [version, value, removed]),
    ).toEqual([
      [3, 2, false],
      [2, null, true],
      [1, 1, false],
    ]);
  });

  it("is listed by key, in pages, and by how keys begin", async () => {
    for (let i = 0; i < 7; i++) await board.set(`result/${i}`, i);
    await board.set("plan", "p");
    const first = await board.list({ prefix: "result/", limit: 4 });
    const rest = await board.list({ prefix: "result/", limit: 4, after: first.next ?? "" });
    expect([...first.items, ...rest.items].map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(rest.next).toBeNull();
    expect((await board.list({ limit: 1 })).items).toMatchObject([{ key: "plan" }]);
    for (let i = 0; i < 3; i++) await board.set("plan", i);
    const page = await board.history("plan", { limit: 3 });
    const older = await board.history("plan", { limit: 3, after: page.next ?? "" });
    expect([...page.items, ...older.items].map(({ version }) => version)).toEqual([4, 3, 2, 1]);
  });

  it("a vote is decided when a choice has its share of all voters", async () => {
    await swarm.register(["a", "b", "c", "d"].map((agent) => ({ agent })));
    const { votes } = swarm;
    const asked = await votes.propose("database", {
      question: "Which?",
      choices: ["libSQL", "PG"],
      agent: "a",
    });
    expect(asked).toMatchObject({
      outcome: "open",
      needed: 3,
      voters: ["a", "b", "c", "d"],
      proposedBy: "a",
    });
    await votes.vote("database", "a", "PG");
    await Promise.all([votes.vote("database", "b", "libSQL"), votes.vote("database", "c", "libSQL")]);
    expect(await votes.vote("database", "a", "libSQL")).toMatchObject({
      outcome: "decided",
      choice: "libSQL",
      counts: { libSQL: 3, PG: 0 },
      votes: { a: "libSQL", b: "libSQL", c: "libSQL" },
    });
    await expect(votes.vote("database", "d", "PG")).rejects.toMatchObject({ code: "invalid" });
    await expect(votes.propose("database", { question: "Again?" })).rejects.toMatchObject({
      code: "invalid",
    });
    await expect(votes.result("nothing")).rejects.toMatchObject({ code: "not-found" });
  });

  it("a vote fails when no choice can get enough, and only voters vote", async () => {
    const { votes } = swarm;
    await expect(votes.propose("x", { question: "?" })).rejects.toMatchObject({ code: "invalid" });
    await votes.propose("x", { question: "Ship?", voters: ["a", "b", "c"], threshold: 1 });
    await expect(votes.vote("x", "nobody", "yes")).rejects.toMatchObject({ code: "invalid" });
    await expect(votes.vote("x", "a", "perhaps")).rejects.toMatchObject({ code: "invalid" });
    expect(await votes.vote("x", "a", "yes")).toMatchObject({ outcome: "open", needed: 3 });
    expect(await votes.vote("x", "b", "no")).toMatchObject({ outcome: "failed", choice: null });
  });
});
