import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientNames, clients, type ClientName, commandFor } from "../../dist/doors/cli/connect/clients.js";
import { needs } from "../support/needs.ts";
import { makeWorld, type World } from "./connect-world.ts";
import { hasTerminal, makeWorld as makeTerminal, terminalReason } from "./world.ts";

let world: World;
beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.end());

describe("loci connect", () => {
  test("says which programs are connected", async () => {
    await world.connect("cursor", "--yes");
    world.put("vscode", "{");
    const { stdout } = await world.connect("--json");
    const { items } = JSON.parse(stdout) as { items: Array<{ client: string; state: string }> };
    expect(items.map(({ client, state }) => `${client} ${state}`)).toEqual([
      "claude-code no file",
      "claude-desktop no file",
      "cursor connected",
      "vscode unreadable",
      "opencode no file",
      "codex no file",
    ]);
    expect((await world.connect("--undo")).code).toBe(2);
  });

  test("writes nothing where nobody can be asked, and shows what it would write", async () => {
    const { code, stdout, stderr } = await world.connect("cursor");
    expect({ code, shown: stdout.includes('+    "loci": {') }).toEqual({ code: 2, shown: true });
    expect(stderr).toContain("--yes");
    expect(world.bytes("cursor")).toBeUndefined();
  });

  test("asks on a terminal, after the difference, and takes only a yes for one", async (context) => {
    needs(context, hasTerminal, terminalReason);
    const terminal = makeTerminal();
    const file = join(terminal.home, ".cursor", "mcp.json");
    for (const [stdin, code] of [
      ["n\n", 5],
      ["\n", 5],
      ["yes\n", 0],
    ] as const) {
      const ran = await terminal.screen(["connect", "cursor"], { columns: 100, stdin });
      expect(ran.stdout).toMatch(/\+ {4}"loci"[^]*Write it\? \[y\/N\]/);
      expect({ stdin, code: ran.code, written: existsSync(file) }).toEqual({
        stdin,
        code,
        written: code === 0,
      });
    }
    terminal.end();
  });

  test("writes a project's file, which names no file of this machine", async () => {
    for (const client of clientNames) {
      const { code, stderr } = await world.connect(client, "--project", "--yes");
      if (client === "claude-desktop") {
        expect({ code, stderr }).toMatchObject({
          code: 2,
          stderr: expect.stringContaining("no configuration of a project") as unknown,
        });
        continue;
      }
      expect(code).toBe(0);
      const text = readFileSync(world.fileOf(client, true), "utf8");
      expect(text).toContain('"-y", "loci", "mcp"');
      expect(text).not.toContain(world.home);
      expect((await world.connect(client, "--project", "--undo", "--yes")).code).toBe(0);
    }
    expect(readdirSync(world.project)).toEqual([]);
  });

  test("follows a link, keeps the mode, and leaves no other file", async () => {
    const kept = join(world.home, "dotfiles.json");
    writeFileSync(kept, "{}\n");
    chmodSync(kept, 0o640);
    const link = world.fileOf("claude-code");
    symlinkSync(kept, link);
    await world.connect("claude-code", "--yes");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(kept, "utf8")).toContain("loci");
    expect(statSync(kept).mode & 0o777).toBe(0o640);
    expect(readdirSync(world.home).sort()).toEqual([".claude.json", ".loci", "dotfiles.json", "project"]);
    const [backup = ""] = readdirSync(join(world.home, ".loci", "connect"));
    expect(statSync(join(world.home, ".loci", "connect", backup)).mode & 0o777).toBe(0o600);
    await world.connect("claude-code", "--undo", "--yes");
    expect(readFileSync(kept, "utf8")).toBe("{}\n");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test("takes only its entry out where others wrote since", async () => {
    for (const [client, added] of [
      ["claude-code", (text: string) => text.replace("{", '{\n  "projects": {"a": 1},')],
      ["codex", (text: string) => `${text}\n[profiles.mine]\nmodel = "x"\n`],
    ] as const) {
      const before =
        client === "codex" ? 'model = "m"\n' : '{\n  "mcpServers": {\n    "a": {"command": "a"}\n  }\n}\n';
      world.put(client, before);
      await world.connect(client, "--yes");
      world.put(client, added(world.bytes(client)?.toString() ?? ""));
      const { stderr } = await world.connect(client, "--undo", "--yes");
      expect(stderr).toContain("what they wrote is kept");
      expect(world.bytes(client)?.toString()).toBe(added(before));
    }
  });

  test("brings an entry of another command up to date, keeps what a person added, and goes back to it", async () => {
    const entry = '{"command": "loci", "args": ["mcp"], "env": {"LOCI_URL": "x"}}';
    for (const [client, before] of [
      ["cursor", `{\n  "mcpServers": {\n    "loci": ${entry}, // mine\n    "b": {}\n  }\n}`],
      ["codex", '[mcp_servers.loci]\ncommand = "loci" # mine\nenv = { LOCI_URL = "x" }\n\n[z]\n'],
    ] as const) {
      world.put(client, before);
      expect((await world.connect(client, "--yes")).code).toBe(0);
      const after = world.bytes(client)?.toString() ?? "";
      expect(after).toContain("LOCI_URL");
      expect(after).toContain("mine");
      expect(after).toContain(process.execPath);
      expect((await world.connect(client, "--yes")).stderr).toContain("already connected");
      await world.connect(client, "--undo", "--yes");
      expect(world.bytes(client)?.toString()).toBe(before);
    }
  });

  test("goes back to the beginning after it was called twice with different commands", async () => {
    const before = "{}";
    world.put("cursor", before);
    await world.connect("cursor", "--yes");
    await world.connect("cursor", "--yes", "--db", join(world.home, "other.db"));
    expect(world.bytes("cursor")?.toString()).toContain("other.db");
    await world.connect("cursor", "--undo", "--yes");
    expect(world.bytes("cursor")?.toString()).toBe(before);
  });

  test("writes the store that was named, and no secret of it", async () => {
    const { code, stderr } = await world.connect("cursor", "--yes", "--db", "postgres://u:secret@h/d");
    expect({ code, told: stderr.includes("secret@") }).toEqual({ code: 4, told: false });
    await world.connect("cursor", "--yes", "--db", "here.db");
    expect(world.bytes("cursor")?.toString()).toContain(join(world.project, "here.db"));
  });

  test("refuses a file that is not UTF-8, and one that cannot be read", async () => {
    const file = world.put("cursor", "");
    writeFileSync(file, Buffer.from([0x7b, 0xff, 0x7d]));
    expect(await world.connect("cursor", "--yes")).toMatchObject({ code: 4 });
    expect(readFileSync(file)).toEqual(Buffer.from([0x7b, 0xff, 0x7d]));
    mkdirSync(world.fileOf("claude-code"));
    expect(await world.connect("claude-code", "--yes")).toMatchObject({ code: 4 });
  });

  test("finds the files where each system and each setting has them", () => {
    const where = { person: "/p", folder: "/f" };
    const user = (client: ClientName, platform: NodeJS.Platform, env = {}): string | undefined =>
      clients[client].user({ ...where, platform, env })[0];
    expect(user("claude-desktop", "darwin")).toBe(
      "/p/Library/Application Support/Claude/claude_desktop_config.json",
    );
    expect(user("claude-desktop", "win32", { APPDATA: "/a" })).toBe("/a/Claude/claude_desktop_config.json");
    expect(user("vscode", "linux", { XDG_CONFIG_HOME: "/x" })).toBe("/x/Code/User/mcp.json");
    expect(user("claude-code", "linux", { CLAUDE_CONFIG_DIR: "/c" })).toBe("/c/.claude.json");
    expect(user("codex", "linux", { CODEX_HOME: "/c" })).toBe("/c/config.toml");
    expect(user("opencode", "linux")).toBe("/p/.config/opencode/opencode.json");
  });

  test("has the client start it as it was started", () => {
    const started = { env: {}, platform: "linux", node: "/n/node", script: "/b/loci" } as const;
    const { cursor, codex } = clients;
    expect(commandFor(codex, false, started)).toEqual(["/b/loci", "mcp"]);
    expect(commandFor(cursor, false, started)).toEqual(["/n/node", "/b/loci", "mcp"]);
    expect(commandFor(codex, false, { ...started, script: "/r/main.js" })).toEqual([
      "/n/node",
      "/r/main.js",
      "mcp",
    ]);
    expect(commandFor(codex, false, { ...started, env: { npm_command: "exec" } })).toEqual([
      "npx",
      "-y",
      "loci",
      "mcp",
    ]);
    expect(commandFor(codex, true, { ...started, platform: "win32" })).toEqual([
      "cmd",
      "/c",
      "npx",
      "-y",
      "loci",
      "mcp",
    ]);
  });
});
