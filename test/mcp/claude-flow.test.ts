import { expect, test } from "vitest";
import { compatToolsets } from "../../dist/doors/mcp/tool.js";
import { offeredTools } from "../../dist/doors/mcp/tools.js";
import { good, onEachStore } from "./stores.ts";
import { makeWorld } from "./world.ts";

const flags = ["--compat", "claude-flow", "--toolsets", "loci"];

onEachStore("claude-flow's names", flags, (it) => {
  it("memory_store keeps a value as knowledge, and a newer one supersedes it", async ({
    world,
    url,
    loci,
    one,
    other,
  }) => {
    const args = {
      key: "auth/pattern",
      namespace: "patterns",
      value: "JWT with refresh",
      tags: ["auth"],
      ttl: 60,
      upsert: true,
    };
    expect((await good(one, "memory_store", args)).data).toMatchObject({ success: true, changed: true });
    expect((await good(one, "memory_store", args)).data).toMatchObject({ changed: false });
    const found = await world.loci("know", "search", "refresh", "--db", url);
    expect(found["items"]).toMatchObject([
      { category: "patterns", topic: "auth/pattern", content: "JWT with refresh", tags: ["auth"] },
    ]);
    await good(other, "memory_store", { ...args, value: { scheme: "JWT", days: 7 } });
    expect(
      (await good(one, "memory_retrieve", { key: "auth/pattern", namespace: "patterns" })).data,
    ).toMatchObject({
      found: true,
      value: { scheme: "JWT", days: 7 },
    });
    expect((await good(one, "memory_retrieve", { key: "auth/pattern" })).data).toMatchObject({
      found: false,
    });
    const chain = (await loci.knowledge.list({ category: "patterns", history: true })).items;
    expect(chain.map(({ content }) => content)).toEqual(['{"scheme":"JWT","days":7}', "JWT with refresh"]);
    expect(chain[0]?.supersedes).toBe(chain[1]?.id);
  });

  it("two processes that store one key at once leave one value", async ({ loci, one, other }) => {
    await good(one, "memory_store", { key: "race", value: "begin" });
    const writes = Array.from({ length: 10 }, (_, at) =>
      good(at % 2 === 0 ? one : other, "memory_store", { key: "race", value: `value ${at}` }),
    );
    await Promise.all(writes);
    const values = (await loci.knowledge.list({ category: "default", limit: 100 })).items;
    expect(values.filter(({ topic }) => topic === "race").length).toBe(1);
  });

  it("memory_search and memory_list find what the API stored, and memory_delete takes all of it away", async ({
    loci,
    one,
    other,
  }) => {
    await loci.knowledge.add({ category: "notes", topic: "wombat", content: "Wombats dig at night." });
    expect(
      (await good(one, "memory_search", { query: "what digs at night?", threshold: 0.3 })).data,
    ).toMatchObject({
      results: [{ key: "wombat", namespace: "notes", value: "Wombats dig at night." }],
    });
    expect(
      (await good(one, "memory_search", { query: "night", namespace: "patterns" })).data["results"],
    ).toEqual([]);
    expect((await good(other, "memory_list", { namespace: "notes" })).data["entries"]).toMatchObject([
      { key: "wombat" },
    ]);
    await good(one, "memory_store", { key: "wombat", namespace: "notes", value: "Wombats sleep." });
    expect((await good(other, "memory_delete", { key: "wombat", namespace: "notes" })).data).toEqual({
      success: true,
      deleted: true,
      notice: expect.any(String) as string,
    });
    expect((await loci.knowledge.list({ category: "notes", history: true })).items).toEqual([]);
  });

  it("tasks are given, moved and completed; what our own tools say of them agrees", async ({
    world,
    url,
    loci,
    one,
    other,
  }) => {
    await good(one, "swarm_init", { topology: "mesh", maxAgents: 5 });
    await good(one, "agent_spawn", { agentType: "coder", agentId: "coder-1", model: "any" });
    const made = await good(one, "task_create", {
      type: "feature",
      description: "add login",
      priority: "high",
      assignTo: ["coder-1"],
    });
    const taskId = String(made.data["taskId"]);
    expect(made.data).toMatchObject({ status: "in_progress", assignedTo: ["coder-1"], type: "feature" });
    const first = (await loci.tasks.get(taskId)).task;
    expect(first).toMatchObject({
      status: "running",
      agentId: "coder-1",
      priority: 10,
      title: "add login",
      fence: 1,
    });

    expect((await good(other, "task_assign", { taskId, agentIds: ["coder-2"] })).data).toMatchObject({
      assignedTo: ["coder-2"],
    });
    await expect(loci.tasks.complete(first, "stale")).rejects.toMatchObject({ code: "lease-lost" });
    expect((await good(other, "task_update", { taskId, progress: 40 })).data).toMatchObject({ progress: 40 });
    expect((await good(one, "task_complete", { taskId, result: { files: 3 } })).data).toMatchObject({
      status: "completed",
    });
    expect((await good(other, "task_status", { taskId })).data).toMatchObject({
      status: "completed",
      result: { files: 3 },
    });
    const shown = await world.loci("task", "show", taskId, "--db", url);
    expect(shown["task"]).toMatchObject({ status: "done", agentId: "coder-2", result: { files: 3 } });

    const second = String((await good(one, "task_create", { description: "later" })).data["taskId"]);
    expect((await good(other, "task_list", { status: "pending" })).data["tasks"]).toMatchObject([
      { taskId: second },
    ]);
    await good(other, "task_update", { taskId: second, status: "in_progress" });
    await good(other, "task_update", { taskId: second, status: "pending" });
    expect((await loci.tasks.get(second)).task).toMatchObject({ status: "ready" });
    await good(one, "task_cancel", { taskId: second, reason: "not needed" });
    expect((await loci.tasks.get(second)).task).toMatchObject({ status: "cancelled", error: "not needed" });
    expect((await good(one, "swarm_status")).data).toMatchObject({
      agentCount: 1,
      tasks: { completed: 1, cancelled: 1 },
    });
    expect((await good(one, "agent_list")).data["agents"]).toMatchObject([
      { agentId: "coder-1", agentType: "coder" },
    ]);
    for (const wrong of [{ taskId: "none" }, { taskId: second }]) {
      expect((await one.call("task_complete", wrong)).isError).toBe(true);
    }
  });

  it("an issue has one claimant, who may hand it over", async ({ loci, one, other }) => {
    await good(one, "claims_claim", { issueId: "17", claimant: "agent:coder-1:coder", context: "login" });
    const refused = await other.call("claims_claim", { issueId: "17", claimant: "human:u1:Ann" });
    expect(refused).toMatchObject({
      isError: true,
      text: expect.stringMatching(/^agent:coder-1:coder works on issue 17/) as string,
    });
    await good(one, "claims_claim", { issueId: "17", claimant: "agent:coder-1:coder" });
    await good(one, "claims_handoff", { issueId: "17", from: "agent:coder-1:coder", to: "human:u1:Ann" });
    expect((await good(other, "claims_board")).data["claims"]).toMatchObject([
      { issueId: "17", claimant: "human:u1:Ann" },
    ]);
    expect(await loci.locks.get("issue/17")).toMatchObject({ owner: "human:u1:Ann", fence: 2 });
    expect(
      (await one.call("claims_release", { issueId: "17", claimant: "agent:coder-1:coder" })).isError,
    ).toBe(true);
    await good(other, "claims_release", { issueId: "17", claimant: "human:u1:Ann" });
    expect((await good(other, "claims_board")).data["claims"]).toEqual([]);
  });

  it("a session is saved as a checkpoint and restored by name, by id, or the newest", async ({
    loci,
    one,
    other,
  }) => {
    const saved = await good(one, "session_save", {
      name: "evening",
      description: "half done",
      value: { step: 2 },
      includeMemory: true,
    });
    await good(one, "session_save", { name: "night", value: "late" });
    for (const by of [{ name: "evening" }, { sessionId: saved.data["sessionId"] }]) {
      expect((await good(other, "session_restore", by)).data).toMatchObject({
        name: "evening",
        value: { step: 2 },
      });
    }
    expect((await good(other, "session_restore")).data).toMatchObject({ name: "night", value: "late" });
    expect(await loci.checkpoints.latest({ sessionId: "evening" })).toMatchObject({
      type: "session",
      data: { description: "half done" },
    });
  });
});

test("claude-flow's names are offered with --compat only, and a name that is ours stays ours", async () => {
  const offer = { env: {}, flags: [], toolsets: ["swarm", ...compatToolsets] as const };
  const status = offeredTools(offer).filter(({ name }) => name === "swarm_status");
  expect(status.map(({ toolset }) => toolset)).toEqual(["swarm"]);
  const world = makeWorld();
  const [plain, compat] = [
    await world.connect("--toolsets", "all"),
    await world.connect("--compat", "claude-flow"),
  ];
  expect((await plain.client.listTools()).tools.map(({ name }) => name)).not.toContain("memory_store");
  const names = (await compat.client.listTools()).tools.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(["search_sessions", "memory_store", "claims_board", "session_restore"]),
  );
  await plain.close();
  await compat.close();
  world.end();
});
