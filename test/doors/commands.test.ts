import { spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs } from "../support/needs.ts";
import { main, makeWorld, someSessions, type World } from "./world.ts";

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const hasScript = spawnSync("script", ["--version"]).status === 0;
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
    expect(await json("config")).toMatchObject({ v: 1, settings: [{ name: "url" }, {}, {}, {}, {}] });
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

describe("in a pipe", () => {
  test("lists are TSV with full ids and moments in UTC, without a trace of a terminal", async () => {
    for (const args of [
      ["ls"],
      ["show", "3285"],
      ["cost"],
      ["errors"],
      ["tail"],
      ["prices"],
      ["doctor"],
      ["config"],
    ]) {
      const { stdout, code } = await world.loci(args);
      const rows = stdout
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => line.split("\t"));
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/[\u001b│┌─]/);
      expect(rows.length).toBeGreaterThan(1);
      expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    }
    const { stdout } = await world.loci(["ls"]);
    expect(stdout).toContain("32851669-0000-4000-8000-000000000001\t");
    expect(stdout).toMatch(/\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t/);
  });

  test("stdout is data and hints are stderr", async () => {
    const { stdout, stderr } = await world.loci(["ls", "-n", "1", "--format", "table"]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr).toContain("loci ls --all");
    expect((await world.loci(["ls", "-n", "1", "--format", "table", "--quiet"])).stderr).toBe("");
  });

  test("a reader that leaves early is no error", async () => {
    const many = makeWorld();
    await many.seed([
      { kind: "session", id: "many-0000", agentType: "x", startedAt: 1 },
      ...Array.from({ length: 3000 }, (_, at) => ({
        kind: "message" as const,
        id: `many-${at}`,
        sessionId: "many-0000",
        role: "user",
        content: "x".repeat(200),
      })),
    ]);
    const child = spawn(process.execPath, [main, "show", "many", "--format", "ndjson"], {
      env: { PATH: process.env["PATH"] ?? "", HOME: many.home },
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((done) => child.on("close", done));
    many.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("on a terminal", () => {
  test.each([60, 80, 120, 200])("nothing wraps at %i columns", async (columns) => {
    const { displayWidth } = await import("../../dist/doors/cli/width.js");
    for (const args of [["ls"], ["cost"], ["errors"], ["tail"]]) {
      const { stdout, code } = await world.screen(args, { columns, env: { NO_COLOR: "1" } });
      const lines = stdout.replaceAll("\r", "").trimEnd().split("\n");
      expect(code).toBe(0);
      expect(lines.length).toBeGreaterThan(2);
      for (const line of lines.filter((one) => !one.startsWith("no price"))) {
        expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test("colour comes with it and goes with NO_COLOR, TERM=dumb and --no-color", async (context) => {
    needs(context, hasScript, "util-linux's script gives the tests a terminal.");
    expect((await world.screen(["ls"], { columns: 80 })).stdout).toContain("\u001b[");
    for (const [args, env] of [
      [["ls"], { NO_COLOR: "1" }],
      [["ls"], { TERM: "dumb" }],
      [["ls", "--no-color"], {}],
    ] as const) {
      expect((await world.screen(args, { columns: 80, env })).stdout).not.toContain("\u001b");
    }
  });

  test("ids are short and can be typed again", async () => {
    const { stdout } = await world.screen(["ls"], { columns: 120, env: { NO_COLOR: "1" } });
    const short = stdout
      .replaceAll("\r", "")
      .split("\n")
      .slice(1)
      .map((line) => line.split(" ").at(-1) ?? "")
      .filter(Boolean);
    expect(short).toEqual(["3285", "3285/agen", "a81c", "9d02"]);
    for (const id of short) expect((await world.loci(["show", id, "--json"])).code).toBe(0);
  });
});

describe("a hostile recording", () => {
  test("does nothing to a terminal, in any command", async () => {
    const hostile = makeWorld();
    const evil = "\u001b]0;pwned\u0007\u009b2J\u202e\r\u001b]52;c;YQ==\u0007";
    await hostile.seed([
      {
        kind: "session",
        id: `evil-${evil}`,
        agentType: evil,
        title: evil,
        projectPath: `/${evil}`,
        model: evil,
        startedAt: Date.now(),
        status: "error",
        errorMessage: evil,
      },
      { kind: "message", id: "e1", sessionId: `evil-${evil}`, role: evil, content: `${evil}\nsecond line` },
      {
        kind: "toolExecution",
        id: "e2",
        sessionId: `evil-${evil}`,
        messageId: "e1",
        toolName: evil,
        input: { command: evil },
        error: evil,
        status: "error",
      },
      { kind: "modelCall", id: "e3", sessionId: `evil-${evil}`, model: evil, inputTokens: 1 },
    ]);
    const runs = [
      ["ls"],
      ["show", "evil"],
      ["show", "evil", "--full"],
      ["tail"],
      ["errors"],
      ["cost", "--by", "model"],
      ["cost", "--by", "tool"],
      ["cost", "--by", "project"],
      ["cost", "--explain", "evil"],
      ["doctor"],
      ["show", evil],
    ];
    for (const args of runs) {
      for (const format of ["table", "tsv", "json", "ndjson"]) {
        const { stdout, stderr } = await hostile.loci([...args, "--format", format, "--no-color"]);
        expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      }
    }
    hostile.end();
  }, 120_000);
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
