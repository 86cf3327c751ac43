import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";
import { makeWorld } from "./world.ts";

const world = makeWorld();
let loci: Loci;
beforeAll(async () => {
  await world.seed([]);
  loci = await open(world.store);
});
afterAll(async () => {
  await loci.close();
  world.end();
});

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe("loci task", () => {
  test("makes a task once for a key, lists it, and shows what waits for it", async () => {
    const add = ["task", "add", "build it", "--id", "t1", "--swarm", "r", "--key", "k", "--attempts", "1"];
    const made = json((await world.loci([...add, "--json"])).stdout);
    expect(made).toMatchObject({ v: 1, changed: true, task: { id: "t1", status: "ready", swarmId: "r" } });
    expect(json((await world.loci([...add, "--json"])).stdout)).toMatchObject({ changed: false });
    await world.loci(["task", "add", "test it", "--id", "t2", "--swarm", "r", "--depends-on", "t1"]);
    const first = json((await world.loci(["task", "ls", "--limit", "1", "--json"])).stdout);
    expect(first).toMatchObject({ items: [{ id: "t2", status: "blocked" }] });
    const after = String(first["next"]);
    const second = await world.loci(["task", "ls", "--after", after, "--format", "ndjson"]);
    expect(second.stdout.trim().split("\n").map(json)).toMatchObject([{ id: "t1" }]);
    const shown = await world.loci(["task", "show", "t1", "--format", "table"]);
    expect(shown.stdout).toContain("awaited by t2");
  });

  test("shows why a task died, retries it, and cancels it with what depends on it", async () => {
    const [task] = await loci.tasks.claim({ swarm: "r", agent: "coder" });
    if (task === undefined) throw new Error("nothing to claim");
    await loci.tasks.fail(task, "the compiler is gone");
    const shown = await world.loci(["task", "show", "t1", "--format", "table"]);
    expect(shown.stdout).toMatch(/coder +failed .*the compiler is gone/);
    expect(shown.stderr).toContain("loci task retry t1");
    expect(json((await world.loci(["task", "retry", "t1", "--json"])).stdout)).toMatchObject({
      task: { status: "ready", attempts: 0 },
    });
    expect((await world.loci(["task", "cancel", "t1", "--reason", "no need"])).code).toBe(0);
    expect((await loci.tasks.get("t1")).task).toMatchObject({ status: "cancelled", error: "no need" });
    expect((await loci.tasks.get("t2")).task.status).toBe("cancelled");
  });

  test("says what is wrong, and what helps", async () => {
    const unknown = await world.loci(["task", "show", "t9"]);
    expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining('There is no task "t9"')]);
    expect(unknown.stderr).toContain("loci task ls");
    const half = await world.loci(["task"]);
    expect([half.code, half.stderr]).toEqual([2, expect.stringContaining("task retry")]);
    const behind = await world.loci(["task", "ls", "--after", "nonsense"]);
    expect(behind.code).toBe(2);
    const circle = await world.loci(["task", "add", "x", "--id", "x", "--depends-on", "x"]);
    expect([circle.code, circle.stderr]).toEqual([2, expect.stringContaining("x depends on x")]);
  });
});

test("loci swarm shows each agent with its health and the task it holds, also silent ones", async () => {
  const swarm = loci.swarm("release-42");
  await swarm.register([{ agent: "backend-1", region: "fra" }, { agent: "docs-1" }]);
  await loci.tasks.create({ swarm: "release-42", title: "migrate tool_executions" });
  await loci.tasks.claim({ swarm: "release-42", agent: "backend-1", lease: 300_000 });
  const screen = await world.loci(["swarm", "release-42", "--format", "table"]);
  expect(screen.stdout).toContain(
    "release-42   2 agents   ● 2 healthy   tasks 0 queued · 1 claimed · 0 done",
  );
  expect(screen.stdout).toMatch(/backend-1 +fra +● healthy .*migrate tool_executions +5 min/);
  expect(screen.stdout).toContain("docs-1");
  const answer = json((await world.loci(["swarm", "release-42", "--json"])).stdout);
  expect(answer).toMatchObject({
    v: 1,
    health: { healthy: 2 },
    agents: [{ agentId: "backend-1", tasks: [{ title: "migrate tool_executions" }] }, { agentId: "docs-1" }],
  });
  const nobody = await world.loci(["swarm", "empty", "--format", "table"]);
  expect(nobody.stderr).toContain("No agent is registered in empty");
});

test("loci metrics records work and reports it; loci agents shows who did it, and who was silent", async () => {
  const record = ["metrics", "record", "coder-7", "refactor", "--duration", "5200", "--tokens", "1800"];
  expect(json((await world.loci([...record, "--json"])).stdout)).toMatchObject({
    durationMs: 5200,
    success: true,
  });
  await world.loci(["metrics", "record", "coder-7", "refactor", "--error", "no disk"]);
  const report = await world.loci(["metrics", "--agent", "coder-7", "--format", "table"]);
  expect(report.stdout).toMatch(/coder-7 +refactor +2 +5\.2 s .* 1,800 +50 %/);
  const since = await world.loci(["metrics", "--since", "2999-01-01", "--format", "table"]);
  expect([since.code, since.stderr]).toEqual([0, expect.stringContaining("No metric was recorded")]);
  await loci.swarm("agents").register({ agent: "silent-7", region: "iad" });
  const agents = json((await world.loci(["agents", "--json"])).stdout);
  expect(agents["items"]).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ agentId: "coder-7", activity: "active", tasksCompleted: 2, tasksFailed: 1 }),
      expect.objectContaining({ agentId: "silent-7", activity: "inactive", lastActivity: null }),
    ]),
  );
  const screen = await world.loci(["agents", "--region", "iad", "--format", "table"]);
  expect(screen.stdout).toMatch(/1 agent +○ 1 inactive[^]*silent-7 +iad +○ inactive/);
});

test("loci task show says of a lease that it ended", async () => {
  await loci.tasks.create({ id: "left", title: "t", swarm: "left" });
  await loci.tasks.claimOne("left", { agent: "gone", lease: 1 });
  const shown = await world.loci(["task", "show", "left", "--format", "table"]);
  expect(shown.stdout).toMatch(/lease +ended 20.*, fence 1/);
});

test("loci swarm without a swarm lists them all, and watches none", async () => {
  await loci.swarm("listed").register([{ agent: "a" }, { agent: "b" }]);
  await loci.tasks.create({ swarm: "only tasks", title: "t" });
  const { items } = json((await world.loci(["swarm", "--json"])).stdout) as { items: unknown[] };
  expect(items).toContainEqual(expect.objectContaining({ swarmId: "listed", agents: 2 }));
  expect(items).toContainEqual(
    expect.objectContaining({
      swarmId: "only tasks",
      agents: 0,
      lastHeartbeat: null,
      tasks: expect.objectContaining({ ready: 1, done: 0 }),
    }),
  );
  const shown = await world.loci(["swarm", "--format", "table"]);
  expect(shown.stdout).toMatch(/^listed +2 +just now +0 /m);
  expect(shown.stderr).toContain("loci swarm ID");
  const watched = await world.loci(["swarm", "--watch"]);
  expect([watched.code, watched.stderr]).toEqual([2, expect.stringContaining("ID is missing")]);
});

test("loci queries shows the patterns that take the time and the slow runs, and forgets them", async () => {
  const measured = await open(world.store, { queries: true, slowQuery: 0 });
  for (const n of [1, 2]) await measured.sql?.query(`select id from sessions where message_count > ${n}`);
  await measured.sessions.list();
  await measured.close();
  const top = json((await world.loci(["queries", "--by", "mean", "--json"])).stdout);
  expect(top["items"]).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ pattern: "select id from sessions where message_count > ?", count: 2 }),
    ]),
  );
  const screen = await world.loci(["queries", "--format", "table"]);
  expect(screen.stdout).toMatch(/ m?s +2 .* select id from sessions where message_count > \?/);
  expect(screen.stdout).toMatch(/select … from sessions/);
  const slow = await world.loci(["queries", "--slow", "--limit", "1", "--format", "table"]);
  expect([slow.stdout.trim().split("\n").length, slow.stderr]).toEqual([
    2,
    expect.stringContaining("--after"),
  ]);
  const wrong = await world.loci(["queries", "--since", "7d"]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--slow --since")]);
  await world.loci(["queries", "reset"]);
  expect((await world.loci(["queries", "--format", "table"])).stderr).toContain("No query was measured yet");
});
