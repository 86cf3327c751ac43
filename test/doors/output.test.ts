import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { displayWidth } from "../../dist/doors/cli/width.js";
import { needs } from "../support/needs.ts";
import { hasTerminal, main, makeWorld, someSessions, terminalReason, type World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = makeWorld();
  await world.seed(someSessions(Date.now()));
});

afterAll(() => world.end());

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

describe("a disk that is full", () => {
  test("is said in one sentence", async (context) => {
    needs(context, existsSync("/dev/full"), "Linux has a device that is always full.");
    const command = `exec '${process.execPath}' '${main}' ls --json > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", command], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", HOME: world.home },
    });
    expect(status).toBe(4);
    expect(stderr).toMatch(/^loci: the answer cannot be written: ENOSPC.*\n {2}next {7}Make room/);
  });
});

describe("on a terminal", () => {
  test.for([60, 80, 120, 200])("nothing wraps at %i columns", async (columns, context) => {
    needs(context, hasTerminal, terminalReason);
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
    needs(context, hasTerminal, terminalReason);
    expect((await world.screen(["ls"], { columns: 80 })).stdout).toContain("\u001b[");
    for (const [args, env] of [
      [["ls"], { NO_COLOR: "1" }],
      [["ls"], { TERM: "dumb" }],
      [["ls", "--no-color"], {}],
    ] as const) {
      expect((await world.screen(args, { columns: 80, env })).stdout).not.toContain("\u001b");
    }
  });

  test("ids are short and can be typed again", async (context) => {
    needs(context, hasTerminal, terminalReason);
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
        expect((stdout + stderr).replace(/[\n\t]/g, "")).not.toMatch(/[\p{Cc}\u202e]/u);
      }
    }
    hostile.end();
  }, 120_000);
});
