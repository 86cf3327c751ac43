import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createTursoPool,
  determineNearestEdge,
  EdgeAwareTaskDistributor,
  monitorAgentHealth,
  nearestEdgeQuery,
  turso,
  TursoIntelligentCache,
  TursoSwarmCoordinator,
} from "loci/compat";

// The guide's snippets, with only their import changed. What its own SQL got wrong (D1 to D8) is asserted as mended.

const before = { ...process.env };
const names = ["LOCI_HOME", "LOCI_URL", "TURSO_DATABASE_URL", "TURSO_AUTH_TOKEN"];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loci-guide-"));
  delete process.env["LOCI_URL"];
  process.env["LOCI_HOME"] = join(folder, "home");
  process.env["TURSO_DATABASE_URL"] = `file:${join(folder, "agents.db")}`;
  process.env["TURSO_AUTH_TOKEN"] = "any";
});

afterEach(async () => {
  await turso.close();
  for (const name of names) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  rmSync(folder, { recursive: true, force: true });
});

describe("integration points", () => {
  test("decisions are stored and come back, newest first", async () => {
    const apiSpec = { paths: ["/users"] };
    const contextData = "the users service";
    await turso.execute_query({
      query: `INSERT INTO agent_memory 
    (agent_id, decision_type, decision_data, context) 
    VALUES (?, ?, ?, ?)`,
      params: ["backend-dev-001", "api-design", JSON.stringify(apiSpec), contextData],
    });
    const history = await turso.execute_read_only_query({
      query: `SELECT * FROM agent_memory 
    WHERE agent_id = ? 
    ORDER BY created_at DESC LIMIT 10`,
      params: ["backend-dev-001"],
    });
    expect(history.rows).toHaveLength(1);
    const [row] = history.rows;
    expect(row).toMatchObject({ agent_id: "backend-dev-001", decision_type: "api-design" });
    expect(JSON.parse(String(row?.["decision_data"]))).toEqual(apiSpec);
    // The typed API sees the same row.
    const { items } = await (await turso.open()).memory.list({ agentId: "backend-dev-001" });
    expect(items.map((item) => [item.decisionType, item.decisionData])).toEqual([["api-design", apiSpec]]);
  });

  test("a session is restored in another one", async () => {
    const swarmId = "swarm-7";
    await turso.add_conversation({
      session_id: swarmId,
      role: "assistant",
      content: "Completed API endpoint implementation",
      metadata: {
        agent: "backend-dev",
        files_created: ["api/users.ts", "api/auth.ts"],
        tests_passed: 15,
      },
    });
    await turso.close();
    const previousSession = await turso.get_conversations({ session_id: swarmId, limit: 50 });
    expect(previousSession).toEqual([
      expect.objectContaining({
        session_id: swarmId,
        sequence: 1,
        role: "assistant",
        content: "Completed API endpoint implementation",
        metadata: expect.objectContaining({ tests_passed: 15, agent: "backend-dev" }),
      }),
    ]);
  });

  test("what one agent found out, another finds", async () => {
    await turso.add_knowledge({
      category: "design-patterns",
      topic: "edge-api-optimization",
      content: "Use regional caching for frequently accessed endpoints",
      tags: ["performance", "edge", "api"],
      metadata: { discovered_by: "backend-dev", performance_gain: "45%" },
    });
    const patterns = await turso.search_knowledge({
      query: "api optimization",
      category: "design-patterns",
      limit: 5,
    });
    expect(patterns).toHaveLength(1);
    expect(patterns[0]).toMatchObject({
      topic: "edge-api-optimization",
      tags: ["performance", "edge", "api"],
      metadata: { discovered_by: "backend-dev", performance_gain: "45%" },
    });
    expect(await turso.search_knowledge({ query: "api optimization", category: "other" })).toEqual([]);
  });

  test("the report of agents is the guide's own query", async () => {
    const { metrics } = await turso.open();
    await metrics.record({ agent: "a", taskType: "build", durationMs: 100, tokensUsed: 10 });
    await metrics.record({ agent: "a", taskType: "build", durationMs: 300, tokensUsed: 30, success: false });
    const { rows } = await turso.execute_read_only_query({
      query: `SELECT 
  agent_id,
  task_type,
  COUNT(*) as task_count,
  AVG(duration_ms) as avg_duration,
  AVG(tokens_used) as avg_tokens,
  SUM(CASE WHEN success THEN 1 ELSE 0 END) * 100.0 / COUNT(*) as success_rate
FROM agent_metrics
WHERE created_at > datetime('now', '-24 hours')
GROUP BY agent_id, task_type;`,
    });
    expect(rows).toEqual([
      {
        agent_id: "a",
        task_type: "build",
        task_count: 2,
        avg_duration: 200,
        avg_tokens: 20,
        success_rate: 50,
      },
    ]);
  });
});

describe("a swarm", () => {
  test("registers its agents as ready, gives one a task and says how all are", async () => {
    const coordinator = new TursoSwarmCoordinator(turso);
    const given = await coordinator.coordinateSwarm("swarm-1", ["backend-1", "tester-1"], {
      taskData: "write the tests",
      selectedAgent: "tester-1",
    });
    expect(given).toMatchObject({ agent_id: "tester-1" });
    const { rows } = await coordinator.getSwarmStatus("swarm-1");
    expect(rows).toEqual([
      { agent_id: "backend-1", status: "ready", current_task: null, health_status: "healthy" },
      { agent_id: "tester-1", status: "working", current_task: given?.task_id, health_status: "healthy" },
    ]);
    // D7: registering again takes nothing away from an agent that works.
    await coordinator.coordinateSwarm("swarm-1", ["backend-1", "tester-1"]);
    expect((await coordinator.getSwarmStatus("swarm-1")).rows).toEqual(rows);
    // Its table is there before anybody makes it, so that the guide's first statement does nothing.
    const made = await turso.execute_query({
      query: `CREATE TABLE IF NOT EXISTS swarm_coordination (
        swarm_id TEXT NOT NULL,
        agent_id TEXT NOT NULL,
        status TEXT DEFAULT 'idle',
        current_task TEXT,
        last_heartbeat TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        PRIMARY KEY (swarm_id, agent_id)
      )`,
    });
    expect(made.rowsAffected).toBe(0);
  });

  test("a task goes to the one idle agent of the best region, and a second one to nobody", async () => {
    const { edge, swarm } = await turso.open();
    const distributor = new EdgeAwareTaskDistributor(turso);
    await swarm("default").register([
      { agent: "in-fra", region: "fra" },
      { agent: "in-syd", region: "syd" },
    ]);
    await expect(distributor.distributeTask({ id: "t1" })).rejects.toMatchObject({ code: "not-found" });
    await edge.register("fra");
    await edge.register("syd");
    edge.observe("syd", 5);
    edge.observe("fra", 80);
    const first = await distributor.distributeTask({ id: "t1" });
    expect(first).toMatchObject({ task_id: "t1", agent_id: "in-syd", edge_region: "syd" });
    // D5: the agent that has a task is busy.
    expect(await distributor.distributeTask({ id: "t2" })).toMatchObject({ agent_id: "in-fra" });
    expect(await distributor.distributeTask({ id: "t3" })).toBeNull();
    const { rows } = await turso.execute_read_only_query({
      query: "SELECT task_id, agent_id, edge_region FROM task_assignments ORDER BY task_id",
    });
    expect(rows).toEqual([
      { task_id: "t1", agent_id: "in-syd", edge_region: "syd" },
      { task_id: "t2", agent_id: "in-fra", edge_region: "fra" },
    ]);
  });

  test("an agent that has been silent is listed", async () => {
    const { metrics, swarm } = await turso.open();
    await swarm("s").register([{ agent: "busy", region: "fra" }, { agent: "silent" }]);
    await metrics.record({ agent: "busy", taskType: "build", durationMs: 40 });
    const health = await monitorAgentHealth();
    expect(health).toEqual([
      expect.objectContaining({
        agent_id: "busy",
        edge_region: "fra",
        tasks_completed: 1,
        avg_task_duration: 40,
        status: "active",
      }),
      // D6: the guide's own query drops it.
      expect.objectContaining({
        agent_id: "silent",
        tasks_completed: 0,
        last_activity: null,
        status: "inactive",
      }),
    ]);
  });
});

describe("a cache", () => {
  test("keeps a value for as long as its use suggests, once a key", async () => {
    const cache = new TursoIntelligentCache(turso);
    const context = { keyPattern: "user:", region: "fra" };
    const { ttl_seconds } = await cache.cacheWithIntelligence("user:1", { name: "Ada" }, context);
    expect(ttl_seconds).toBeGreaterThan(0);
    expect(await cache.get("user:1", context)).toEqual({ name: "Ada" });
    // D8: again with the same key replaces it, and a % in a pattern is a sign like others.
    await cache.cacheWithIntelligence("user:1", { name: "Grace" }, context);
    expect(await cache.get("user:1", context)).toEqual({ name: "Grace" });
    const patterns = await cache.accessPatterns("user:");
    expect(patterns).toEqual([expect.objectContaining({ edge_location: "fra" })]);
    expect(await cache.accessPatterns("%")).toEqual([]);
    expect(cache.calculateOptimalTTL(patterns)).toBeGreaterThan(0);
    const { rows } = await turso.execute_read_only_query({
      query: "SELECT cache_key, cache_value, edge_location, metadata FROM edge_cache",
    });
    expect(rows).toHaveLength(1);
    expect(JSON.parse(String(rows[0]?.["metadata"]))).toMatchObject({
      auto_ttl: true,
      creation_context: context,
    });
  });
});

describe("best practices", () => {
  test("a pool takes the guide's options, and many records go in with one statement", async () => {
    await using pool = createTursoPool({
      url: process.env["TURSO_DATABASE_URL"],
      authToken: process.env["TURSO_AUTH_TOKEN"],
      maxConnections: 10,
      idleTimeout: 30000,
    });
    await pool.execute_query({
      query: "CREATE TABLE batch_data (id TEXT PRIMARY KEY, data TEXT, timestamp TEXT)",
    });
    const batchInsert = async (
      records: Array<{ id: string; data: string; timestamp: string }>,
    ): Promise<void> => {
      const placeholders = records.map(() => "(?, ?, ?)").join(", ");
      const values = records.flatMap((r) => [r.id, r.data, r.timestamp]);
      await pool.execute_query({
        query: `INSERT INTO batch_data (id, data, timestamp) VALUES ${placeholders}`,
        params: values,
      });
    };
    const records = Array.from({ length: 200 }, (_, i) => ({
      id: `r${i}`,
      data: "x",
      timestamp: "2026-11-21",
    }));
    await batchInsert(records);
    const { rows } = await pool.execute_read_only_query({ query: "SELECT count(*) AS n FROM batch_data" });
    expect(rows).toEqual([{ n: 200 }]);
    await expect(pool.execute_query({ query: "DROP TABLE sessions" })).rejects.toMatchObject({
      code: "read-only",
    });
  });

  test("queries go to the region nearest to the user", async () => {
    const { edge } = await turso.open();
    await edge.register("fra");
    await edge.register("syd");
    edge.observe("fra", 8);
    edge.observe("syd", 200);
    await turso.execute_query({ query: "CREATE TABLE data (region TEXT, value TEXT)" });
    await turso.execute_query({ query: "INSERT INTO data VALUES ('fra', 'near'), ('syd', 'far')" });
    expect(await determineNearestEdge("berlin")).toMatchObject({ region: "fra" });
    const { rows } = await nearestEdgeQuery("berlin");
    expect(rows).toEqual([{ region: "fra", value: "near" }]);
  });
});
