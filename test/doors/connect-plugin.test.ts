import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../support/tools.ts";
import { makeWorld, type World } from "./connect-world.ts";

// loci connect claude-code --plugin: two entries in Claude Code's settings.

let world: World;
let file: string;
beforeEach(() => {
  world = makeWorld();
  file = join(world.home, ".claude", "settings.json");
});
afterEach(() => world.end());

function put(text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const stands = (): string | undefined => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
const plugin = (...more: string[]) => world.connect("claude-code", "--plugin", ...more);

const ours = {
  extraKnownMarketplaces: { loci: { source: { source: "directory", path: root } } },
  enabledPlugins: { "loci@loci": true },
};

const manners: Readonly<Record<string, string | undefined>> = {
  "no file": undefined,
  "an empty object": "{}",
  "other settings": '{\n  "model": "opus",\n  "hooks": {}\n}\n',
  "other plugins": `{\r\n\t"enabledPlugins": {\r\n\t\t"a@b": false\r\n\t},\r\n\t"extraKnownMarketplaces": {}\r\n}`,
  "one line": '{"model":"opus","enabledPlugins":{"a@b":true}}',
  "the plugin, switched off": '{\n  "enabledPlugins": { "loci@loci": false }\n}\n',
  "the plugin from elsewhere":
    '{\n  "extraKnownMarketplaces": {\n    "loci": { "source": { "source": "github", "repo": "a/b" } }\n  }\n}\n',
};

test.each(Object.keys(manners))(
  "%s: the difference first, then the plugin, then the way back",
  async (manner) => {
    const before = manners[manner];
    if (before !== undefined) put(before);
    const dry = await plugin("--dry-run");
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('"loci@loci": true') as unknown });
    expect(stands()).toBe(before);
    expect(await plugin("--yes")).toMatchObject({ code: 0, stdout: dry.stdout });
    const [was, is] = [JSON.parse(before ?? "{}"), JSON.parse(stands() ?? "")];
    expect(is).toEqual({
      ...was,
      extraKnownMarketplaces: { ...was.extraKnownMarketplaces, ...ours.extraKnownMarketplaces },
      enabledPlugins: { ...was.enabledPlugins, ...ours.enabledPlugins },
    });
    expect((await plugin("--yes")).stderr).toContain("already connected");
    expect((await plugin("--undo", "--yes")).stderr).toContain("The file is as it was");
    expect(stands()).toBe(before);
    expect(readdirSync(world.home).includes(".claude")).toBe(before !== undefined);
  },
);

test("takes only its entries out where others wrote since, and puts back what they replaced", async () => {
  put('{\n  "enabledPlugins": {\n    "loci@loci": false\n  }\n}\n');
  await plugin("--yes");
  put((stands() ?? "").replace("{", '{\n  "model": "opus",'));
  expect((await plugin("--undo", "--yes")).stderr).toContain("what they wrote is kept");
  expect(JSON.parse(stands() ?? "")).toEqual({
    model: "opus",
    extraKnownMarketplaces: {},
    enabledPlugins: { "loci@loci": false },
  });
});

test("is listed where it is, as OpenCode's is", async () => {
  const listed = async (): Promise<unknown> => {
    const { items } = JSON.parse((await world.connect("--json")).stdout) as {
      items: Array<{ client: string; plugin: boolean; project: boolean; state: string }>;
    };
    return items.flatMap((one) => (one.plugin ? [[one.client, one.project, one.state]] : []));
  };
  expect(await listed()).toEqual([]);
  await plugin("--yes");
  await world.connect("opencode", "--plugin", "--project", "--yes");
  expect(await listed()).toEqual([
    ["claude-code", false, "connected"],
    ["opencode", true, "connected"],
  ]);
});

test("of a project it writes the settings that stay on this machine", async () => {
  expect((await plugin("--project", "--yes")).stderr).toContain("once you trust this folder");
  file = join(world.project, ".claude", "settings.local.json");
  expect(JSON.parse(stands() ?? "")).toEqual(ours);
  expect((await plugin("--project", "--undo", "--yes")).code).toBe(0);
  expect(readdirSync(world.project)).toEqual([]);
});

test("says what stands in the way, and touches nothing", async () => {
  for (const text of [
    '{\n  "enabledPlugins": ["a@b"]\n}\n',
    '{ "model": }',
    '{ "extraKnownMarketplaces": { "loci": 1 } }',
  ]) {
    put(text);
    expect((await plugin("--yes")).code).toBe(4);
    expect(stands()).toBe(text);
  }
  expect((await plugin("--yes", "--db", "x.db")).code).toBe(2);
  expect((await plugin("--undo", "--yes")).stderr).toContain("enabledPlugins.loci@loci");
  expect((await world.connect("codex", "--plugin", "--yes")).stderr).toContain(
    "claude-code|opencode --plugin",
  );
});

test("stands where CLAUDE_CONFIG_DIR says", async () => {
  const elsewhere = makeWorld({ CLAUDE_CONFIG_DIR: join(world.home, "config") });
  await elsewhere.connect("claude-code", "--plugin", "--yes");
  file = join(world.home, "config", "settings.json");
  expect(JSON.parse(stands() ?? "")).toEqual(ours);
  elsewhere.end();
});
