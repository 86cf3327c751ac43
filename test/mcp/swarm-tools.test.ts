import { expect } from "vitest";
import { good, onEachStore, type Row, type Rows } from "./stores.ts";
import { type Answer, tokens } from "./world.ts";

const swarm_id = "release-42";

onEachStore("tasks of two clients in two processes", ["--toolsets", "loci,swarm"], (it) => {
  it("agents enter the swarm", async ({ one, other }) => {
    await good(one, "register_agent", {
      agent_id: "backend-1",
      swarm_id,
      region: "fra",
      capabilities: ["ts"],
    });
    await good(other, "register_agent", { agent_id: "docs-2", swarm_id });
  });

  it("create, claim, finish: one gets the task, and the other sees what came of it", async ({
    world,
    url,
    loci,
    one,
    other,
  }) => {
    const input = { table: "tool_executions" };
    const made = await good(one, "create_task", {
      swarm_id,
      task_id: "t91",
      title: "migrate",
      input,
      capabilities: ["ts"],
      dedupe_key: "migrate-te",
    });
    expect(made).toMatchObject({
      text: "Queued as t91.",
      data: { task_id: "t91", status: "ready", created: true },
    });
    const twice = await good(other, "create_task", { swarm_id, title: "migrate", dedupe_key: "migrate-te" });
    expect(twice.text).toBe('Already queued as t91 (dedupe_key "migrate-te"). Nothing new made.');

    const none = await good(other, "claim_task", { swarm_id, agent_id: "docs-2" });
    expect(none).toEqual({ text: "No task. Ask again in 5 s.", data: { task: null, retry_after_ms: 5_000 } });
    const claimed = await good(one, "claim_task", { swarm_id, agent_id: "backend-1" });
    expect(claimed.text).toMatch(
      /^t91 claimed until \d\d:\d\d:\d\d \(300 s\)\. Input:\n.*\n> migrate\n> \{"table":"tool_executions"\}\nFinish with finish_task; extend with heartbeat\. Both take "task_id":"t91","fence":1\.$/,
    );
    expect(claimed.data).toMatchObject({
      task_id: "t91",
      fence: 1,
      input,
      agent_id: "backend-1",
      status: "running",
    });
    const lease = Date.parse(String(claimed.data["lease_until"])) - Date.now();
    expect(lease).toBeGreaterThan(200_000);
    expect(lease).toBeLessThan(400_000);

    const beat = await good(one, "heartbeat", {
      swarm_id,
      agent_id: "backend-1",
      task_id: "t91",
      fence: 1,
      progress: 0.5,
      lease_s: 600,
    });
    expect(beat.text).toMatch(/^t91 is yours until \d\d:\d\d:\d\d \(600 s\)\.$/);
    expect((await loci.tasks.get("t91")).task).toMatchObject({
      status: "running",
      progress: 0.5,
      agentId: "backend-1",
    });

    const status = await good(other, "swarm_status", { swarm_id });
    expect(status.data).toMatchObject({
      swarm_id,
      health: { healthy: 2, warning: 0, unhealthy: 0 },
      tasks: { running: 1 },
      agents: [
        {
          agent_id: "backend-1",
          status: "working",
          current_task: "t91",
          health_status: "healthy",
          region: "fra",
        },
        { agent_id: "docs-2", status: "ready", current_task: null, health_status: "healthy" },
      ],
    });
    expect(status.text).toContain(
      "release-42: 2 agents (2 healthy, 0 warning, 0 unhealthy); tasks: 1 running",
    );
    const seen = await world.loci("swarm", swarm_id, "--db", url);
    expect(seen["agents"]).toMatchObject([
      { agentId: "backend-1", currentTask: "t91" },
      { agentId: "docs-2" },
    ]);

    const done = await good(one, "finish_task", { task_id: "t91", fence: 1, result: { rows: 7 } });
    expect(done.text).toBe("t91 is done. claim_task asks for the next.");
    const { data } = await good(other, "list_tasks", { task_id: "t91" });
    expect(data).toMatchObject({
      status: "done",
      input,
      result: { rows: 7 },
      attempts_ended: [{ agent_id: "backend-1", outcome: "done" }],
    });
    const shown = await world.loci("task", "show", "t91", "--db", url);
    expect(shown["task"]).toMatchObject({ status: "done", result: { rows: 7 } });
    expect((await good(other, "swarm_status", { swarm_id })).data["agents"]).toMatchObject([
      { agent_id: "backend-1", status: "ready", current_task: null, done: 1 },
      {},
    ]);
  });

  it("what a holder sends after its lease went to another is refused, and nothing of it is stored", async ({
    loci,
    one,
    other,
  }) => {
    await good(one, "create_task", { swarm_id, task_id: "t70", title: "write", priority: 9 });
    await good(one, "claim_task", { swarm_id, agent_id: "backend-1", lease_s: 1 });
    let taken: Rows = {} as Rows;
    await expect
      .poll(
        async () => {
          taken = (await good(other, "claim_task", { swarm_id, agent_id: "docs-2" })).data;
          return taken["task_id"];
        },
        { timeout: 10_000, interval: 100 },
      )
      .toBe("t70");
    expect(taken["fence"]).toBe(2);
    const refused: Answer[] = [
      await one.call("finish_task", { task_id: "t70", fence: 1, result: "stale" }),
      await one.call("finish_task", { task_id: "t70", fence: 1, error: "stale" }),
      await one.call("heartbeat", { swarm_id, agent_id: "backend-1", task_id: "t70", fence: 1 }),
    ];
    for (const { isError, text, data } of refused) {
      expect({ isError, text }).toEqual({
        isError: true,
        text: expect.stringMatching(
          /^t70 is no longer yours: its lease ended, and docs-2 holds it with fence 2\..*not stored\.\nStop work on it/,
        ) as string,
      });
      expect(data["error"]).toMatchObject({ code: "lease-lost" });
    }
    await good(other, "finish_task", { task_id: "t70", fence: 2, result: "fresh" });
    expect((await loci.tasks.get("t70")).task).toMatchObject({
      status: "done",
      result: "fresh",
      agentId: "docs-2",
    });
  });

  it("a task that failed is tried again, or is dead where that is final; update_task revives and cancels", async ({
    loci,
    one,
    other,
  }) => {
    await good(one, "create_task", { swarm_id, task_id: "t1", title: "flaky" });
    await good(one, "create_task", { swarm_id, task_id: "t2", title: "behind", depends_on: ["t1"] });
    const { data } = await good(one, "claim_task", { swarm_id, agent_id: "backend-1" });
    expect(data["task_id"]).toBe("t1");
    const again = await good(one, "finish_task", { task_id: "t1", fence: 1, error: "no network" });
    expect(again.text).toMatch(/^t1 failed and is tried again from \d\d:\d\d:\d\d\./);
    let fence: unknown;
    await expect
      .poll(
        async () => {
          const claim = (await good(other, "claim_task", { swarm_id, agent_id: "docs-2" })).data;
          fence = claim["fence"];
          return claim["task_id"];
        },
        { timeout: 10_000, interval: 50 },
      )
      .toBe("t1");
    const dead = await good(other, "finish_task", { task_id: "t1", fence, error: "still none", final: true });
    expect(dead.text).toContain("t1 failed and is dead");
    const list = await good(one, "list_tasks", { swarm_id, status: "cancelled" });
    expect(list.data["tasks"]).toMatchObject([{ task_id: "t2", status: "cancelled" }]);
    expect((await good(one, "update_task", { task_id: "t1", status: "ready" })).text).toBe("t1 is ready.");
    await good(one, "claim_task", { swarm_id, agent_id: "backend-1" });
    expect(
      (await good(other, "update_task", { task_id: "t1", status: "cancelled", reason: "not needed" })).text,
    ).toBe("t1 is cancelled.");
    const told = await one.call("heartbeat", { swarm_id, agent_id: "backend-1", task_id: "t1", fence: 3 });
    expect(told.text).toBe("t1 was cancelled: stop work on it.");
    expect((await loci.tasks.get("t1")).task).toMatchObject({ status: "cancelled", error: "not needed" });
  });

  it("errors teach: an agent that is unknown, a circle, a fence that was left out, a name of no state", async ({
    loci,
    one,
  }) => {
    const wrong: Array<[string, Row, RegExp]> = [
      [
        "claim_task",
        { swarm_id, agent_id: "a9" },
        /^agent_id "a9" is not registered in release-42\.\nCall register_agent first\.$/,
      ],
      [
        "heartbeat",
        { swarm_id, agent_id: "a9" },
        /^agent_id "a9" is not registered in release-42\.\nCall register_agent first\.$/,
      ],
      [
        "create_task",
        { swarm_id, task_id: "t5", title: "x", depends_on: ["t5"] },
        /^t5 depends on t5.*Not created\./,
      ],
      [
        "create_task",
        { swarm_id, task_id: "t6", title: "x", depends_on: ["t404"] },
        /t404.*no such task\. Not created\.\nCall list_tasks\./,
      ],
      ["finish_task", { task_id: "t91", fence: 1 }, /^t91 is no longer yours: it is done already/],
      ["finish_task", { task_id: "t91" }, /fence is missing/],
      ["finish_task", { task_id: "t404", fence: 1 }, /There is no task "t404"\.\nCall list_tasks\./],
      ["list_tasks", { status: "redy" }, /Did you mean ready\?/],
      [
        "update_task",
        { task_id: "t91", status: "ready" },
        /t91 is done; what is dead or cancelled can be retried/,
      ],
      ["send_message", { from: "a", body: "x" }, /Give one of to and topic/],
      ["heartbeat", { swarm_id, agent_id: "docs-2", task_id: "t91" }, /renewed with its fence/],
    ];
    for (const [tool, args, says] of wrong) {
      const { isError, text, data } = await one.call(tool, args);
      expect({ tool, isError, text }).toEqual({
        tool,
        isError: true,
        text: expect.stringMatching(says) as string,
      });
      expect(text.split("\n").length).toBe(2);
      expect(data["error"]).toMatchObject({ next: expect.any(String) as string });
    }
    expect((await loci.tasks.list({ swarm: swarm_id, limit: 100 })).map(({ id }) => id)).not.toContain("t5");
  });

  it("list_tasks pages through all of them within the budget", async ({ loci, one }) => {
    await loci.tasks.createAll(
      Array.from({ length: 60 }, (_, at) => ({
        swarm: "many",
        id: `m${at}`,
        title: `task ${at} ${"x".repeat(150)}`,
      })),
    );
    const ids: unknown[] = [];
    let args: Row = { swarm_id: "many", limit: 50, max_tokens: 900 };
    for (let page = 0; page < 60; page++) {
      const { text, data } = await good(one, "list_tasks", args);
      expect({ text: tokens(text) <= 900, data: tokens(data) <= 900 }).toEqual({ text: true, data: true });
      ids.push(...(data["tasks"] ?? []).map((task) => task["task_id"]));
      const next = data["next"] as { arguments: Row } | undefined;
      if (next === undefined) break;
      args = { ...next.arguments, max_tokens: 900 };
    }
    expect(ids.length).toBe(60);
    expect(new Set(ids).size).toBe(60);
  });
});
