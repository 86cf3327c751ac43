import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { open } from "../../dist/index.js";
import { root } from "../support/tools.ts";
import { makeWorld, type World } from "./world.ts";

// The shell that the plugin's hooks are, on transcripts of the real program; the program itself is in test/agents.
const session = "4961b669-ce56-4d47-acf9-8d2dddc2f228";
let world: World;
let projects: string;

beforeEach(() => {
  world = makeWorld();
  projects = join(world.home, ".claude", "projects", "-workspace");
  cpSync(join(root, "test/fixtures/claude-code/claude-code-projects/-workspace"), projects, {
    recursive: true,
  });
});
afterEach(() => world.end());

const payload = (cwd = "/workspace"): string =>
  JSON.stringify({ session_id: session, transcript_path: join(projects, `${session}.jsonl`), cwd });

describe("the plugin's shell hooks", () => {
  const plugin = join(root, "plugins/claude-code");
  const env = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    HOME: world.home,
    CLAUDE_PLUGIN_ROOT: plugin,
  });
  const hook = (name: string, more: Parameters<typeof spawnSync>[2] = {}) => {
    const command = `. "$CLAUDE_PLUGIN_ROOT/hooks/${name}.sh"`;
    const ran = spawnSync("/bin/sh", ["-c", command], { env: env(), input: payload(), ...more });
    return { status: ran.status, stdout: String(ran.stdout), stderr: String(ran.stderr) };
  };
  const known = async (): Promise<number> => {
    await using store = await open(world.store);
    return store.sessions.count();
  };

  test("have the transcript read beside the agent, unless the tool server lives", async () => {
    const marks = join(world.home, ".loci", "claude-code");
    mkdirSync(marks, { recursive: true });
    writeFileSync(join(marks, String(process.pid)), `${process.pid}\n`);
    expect(hook("turn")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(await known()).toBe(0);
    // A number that no process has.
    writeFileSync(join(marks, String(process.pid)), `${2 ** 22 + 1}\n`);
    expect(hook("turn")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    await expect.poll(known, { timeout: 30_000 }).toBe(2);
    rmSync(world.store);
    expect(hook("read")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    await expect.poll(known, { timeout: 30_000 }).toBe(2);
  });

  describe("tell a session that begins", () => {
    /** What it is told in this folder; without a Node on the PATH only what was written down for it. */
    const told = (how: { node?: boolean; env?: Record<string, string>; said?: string } = {}): string => {
      const cwd = realpathSync(world.home);
      const path = how.node === false ? { PATH: tools } : {};
      const input = JSON.stringify({ hook_event_name: "SessionStart", cwd: how.said ?? cwd });
      const ran = hook("start", { cwd, input, env: { ...env(), ...path, ...how.env } });
      expect(ran.status).toBe(0);
      return ran.stdout;
    };
    let tools: string;
    const learn = (topic: string) => world.loci(["know", "add", topic, "is so", "--category", "build"]);
    /** Until what was written to the store is older than what is written down from now on. */
    const rest = (): Promise<void> => new Promise((go) => setTimeout(go, 60));

    beforeEach(async () => {
      tools = join(world.home, "tools");
      mkdirSync(tools);
      symlinkSync("/bin/cat", join(tools, "cat"));
      await learn("first finding");
      await rest();
    });

    test("what was written down before, as long as nothing was written to the store", async () => {
      expect(told({ node: false })).toBe("");
      const said = told();
      expect(said).toContain("first finding");
      expect(told({ node: false })).toBe(said);
      // By whomever it is written, and wherever it stands yet: here in the log of a process that lives.
      const store = await open(world.store);
      await store.knowledge.add({ category: "build", topic: "second finding", content: "is so" });
      expect(told({ node: false })).toBe("");
      await store.close();
      await rest();
      expect(told()).toContain("second finding");
      expect(told({ node: false })).toContain("second finding");
      const place = join(world.home, ".loci", "claude-code", "told", realpathSync(world.home));
      expect(readdirSync(place)).toEqual(["start.json"]);
      expect(statSync(join(place, "start.json")).mode & 0o777).toBe(0o600);
    });

    test("nothing that was written down for another folder, store, or setting", async () => {
      told();
      expect(told({ node: false })).toContain("first finding");
      const other = [
        { said: "/elsewhere" },
        { env: { LOCI_CONTEXT: "off" } },
        { env: { LOCI_URL: "memory:" } },
        { env: { TURSO_DATABASE_URL: "libsql://none" } },
        { env: { LOCI_HOME: join(world.home, "other") } },
      ];
      for (const how of other) expect(told({ node: false, ...how }), JSON.stringify(how)).toBe("");
      for (const file of ["loci.config.json", ".config/loci/config.json"]) {
        const path = join(world.home, file);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, JSON.stringify({ url: join(world.home, "other.db") }));
        expect(told({ node: false }), file).toBe("");
        expect(told(), file).toBe("");
        rmSync(path);
        expect(told({ node: false }), file).toContain("first finding");
      }
      rmSync(world.store);
      expect(told({ node: false })).toBe("");
    });

    test("what the reader of the last session's last lines wrote down", async () => {
      const cwd = realpathSync(world.home);
      await world.loci(["hook", "turn"], { stdin: payload(cwd) });
      expect(told({ node: false })).toContain("first finding");
    });
  });

  test("ask a server that did not answer no second time for a minute", async () => {
    let asked = 0;
    const silent = createServer(() => asked++);
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const { port } = silent.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const start = (LOCI_URL: string) =>
      world.loci(["hook", "start"], { stdin: payload(), env: { LOCI_URL } });
    expect(await start(url)).toEqual({ code: 0, stdout: "", stderr: "" });
    const first = asked;
    expect(first).toBeGreaterThan(0);
    expect(await start(url)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(asked).toBe(first);
    // Another one is asked, and so is this one later.
    await start(`${url}/other`);
    expect(asked).toBeGreaterThan(first);
    const mark = join(world.home, ".loci", "claude-code", "silent");
    expect(readFileSync(mark, "utf8")).not.toContain("127");
    utimesSync(mark, 0, 0);
    // What reads a transcript is waited for by nobody, and says nothing of a server.
    await world.loci(["hook", "turn"], { stdin: payload(), env: { LOCI_URL: url } });
    expect(statSync(mark).mtimeMs).toBe(0);
    const twice = asked;
    await start(`${url}/other`);
    expect(asked).toBeGreaterThan(twice);
    silent.close();
  });
});
