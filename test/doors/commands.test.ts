import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main, makeWorld, someSessions, type World } from "./world.ts";

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
let world: World;

beforeAll(async () => {
  world = makeWorld();
  await world.seed(someSessions(Date.now()));
});

afterAll(() => world.end());

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await world.loci([...args, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.endsWith("\n") && !stdout.trimEnd().includes("\n")).toBe(true);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe("the machine-readable answers", () => {
  test("of ls are sessions, newest first", async () => {
    const { v, items, next } = (await json("ls")) as {
      v: number;
      items: Array<Record<string, unknown>>;
      next: null;
    };
    expect({ v, next, count: items.length }).toEqual({ v: 1, next: null, count: 4 });
    expect(items[0]).toEqual({
      id: "32851669-0000-4000-8000-000000000001",
      parentId: null,
      agentType: "claude-code",
      source: "claude-code",
      projectPath: "/home/me/work/api",
      title: "Fix the flaky sync test in hub",
      model: "claude-opus-4-5-20251101",
      status: "completed",
      startedAt: expect.stringMatching(iso),
      endedAt: expect.stringMatching(iso),
      messageCount: 3,
      toolCount: 1,
      errorCount: 1,
      tokens: { input: 1200, output: 800, cacheRead: 400_000, cacheWrite: 20_000 },
      costUsd: expect.closeTo(0.351, 3),
      costComplete: true,
      updatedAt: expect.stringMatching(iso),
    });
    expect(items[1]).toMatchObject({ parentId: items[0]?.["id"], agentType: "explore" });
    expect(items[2]).toMatchObject({ costUsd: 0, costComplete: false, status: "error" });
  });

  test("of ls come in pages that join without a gap", async () => {
    const all = (await json("ls", "--all")) as { items: Array<{ id: string }>; next: null };
    const seen: string[] = [];
    let after: string[] = [];
    for (let page = 0; page < 10; page++) {
      const { items, next } = (await json("ls", "--limit", "1", ...after)) as {
        items: Array<{ id: string }>;
        next: string | null;
      };
      seen.push(...items.map(({ id }) => id));
      if (next === null) break;
      after = ["--after", next];
    }
    expect(seen).toEqual(all.items.map(({ id }) => id));
    expect(all.next).toBeNull();
  });

  test("of show are the session, its messages in order and its tools", async () => {
    const answer = (await json("show", "3285")) as Record<string, Array<Record<string, unknown>>>;
    expect(Object.keys(answer)).toEqual(["v", "session", "messages", "toolExecutions"]);
    expect(answer["session"]).toMatchObject({
      id: "32851669-0000-4000-8000-000000000001",
      gitBranch: "main",
    });
    expect(answer["messages"]?.map(({ sequence, role }) => [sequence, role])).toEqual([
      [1, "user"],
      [2, "assistant"],
      [3, "assistant"],
    ]);
    expect(answer["toolExecutions"]).toMatchObject([
      {
        toolName: "Bash",
        status: "error",
        messageId: "m2",
        durationMs: 60_000,
        startedAt: expect.stringMatching(iso),
      },
    ]);
  });

  test("of show ID#2 are message 2 and its neighbours", async () => {
    const { messages } = (await json("show", "3285#3", "--around", "1")) as {
      messages: Array<{ sequence: number }>;
    };
    expect(messages.map(({ sequence }) => sequence)).toEqual([2, 3]);
  });

  test("of cost add up, and say where a price is missing", async () => {
    const byModel = (await json("cost", "--by", "model")) as Record<string, unknown>;
    expect(byModel).toMatchObject({ v: 1, by: "model", unpriced: [{ model: "foo-9", calls: 1 }] });
    for (const by of ["day", "model", "project"]) {
      const { items, total } = (await json("cost", "--by", by)) as {
        items: Array<{ costUsd: number }>;
        total: { costUsd: number; costComplete: boolean };
      };
      expect(items.reduce((sum, { costUsd }) => sum + costUsd, 0)).toBeCloseTo(total.costUsd, 6);
      expect(total.costComplete).toBe(false);
    }
    expect(await json("cost", "--by", "tool")).toMatchObject({
      items: [{ key: "Bash", count: 1, errors: 1 }],
    });
    expect(await json("cost", "--explain", "3285")).toMatchObject({
      by: "call",
      items: [{ model: "claude-opus-4-5-20251101", final: true, inherited: false }],
    });
  });

  test("of errors, tail, prices, config and version have their shape", async () => {
    expect(await json("errors")).toMatchObject({
      v: 1,
      items: [
        { toolName: "Bash", input: "npm test -- hub", error: "1 test failed: retry backoff exceeded" },
        { toolName: null, error: "API Error: 529 overloaded" },
      ],
      next: null,
    });
    expect(await json("tail", "-n", "2")).toMatchObject({ items: [{ role: "assistant" }, { sequence: 3 }] });
    expect(await json("prices")).toMatchObject({ v: 1, changed: 0 });
    expect(await json("config")).toMatchObject({
      v: 1,
      settings: [{ name: "url" }, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(await json("version")).toMatchObject({ v: 1, version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  test("of doctor are at least 15 checks", async () => {
    const { checks } = (await json("doctor")) as { checks: Array<Record<string, unknown>> };
    expect(checks.length).toBeGreaterThanOrEqual(15);
    for (const check of checks) {
      expect(Object.keys(check)).toEqual(["name", "state", "fact", "fix", "fixed"]);
      if (check["state"] !== "ok") expect(check["fix"]).toBeTruthy();
    }
  });

  test("are also JSON lines and CSV", async () => {
    const lines = (await world.loci(["ls", "--format", "ndjson"])).stdout.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { messageCount: number }).messageCount)).toEqual([
      3, 1, 1, 1,
    ]);
    const csv = (await world.loci(["ls", "--format", "csv"])).stdout.split("\n");
    expect(csv[0]?.split(",").slice(0, 3)).toEqual(["id", "parentId", "agentType"]);
  });
});

describe("starting", () => {
  test("with --version reads nothing but the manifest", () => {
    const { stdout } = spawnSync(process.execPath, [main, "--version"], { encoding: "utf8" });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  test("a store that is not there is made closed to others", async () => {
    const fresh = makeWorld();
    expect((await fresh.loci(["ls", "--json"])).stdout).toBe('{"v":1,"items":[],"next":null}\n');
    const { statSync } = await import("node:fs");
    expect(statSync(fresh.store).mode & 0o777).toBe(0o600);
    fresh.end();
  });
});
