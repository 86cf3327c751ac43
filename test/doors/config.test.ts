import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeWorld, type RunOptions, type World } from "./world.ts";

let world: World;
let project: string;

beforeEach(() => {
  world = makeWorld();
  project = join(world.home, "code", "project", "deep");
  mkdirSync(project, { recursive: true });
});

afterEach(() => world.end());

interface Shown {
  readonly name: string;
  readonly value: string | null;
  readonly origin: string;
}

async function setting(
  name: string,
  options: RunOptions = {},
  flags: readonly string[] = [],
): Promise<Shown | undefined> {
  const { stdout } = await world.loci(["config", "get", name, "--origin", "--json", ...flags], {
    folder: project,
    ...options,
  });
  return (JSON.parse(stdout) as { settings: Shown[] }).settings[0];
}

describe("a setting", () => {
  test("comes from the flag, then the environment, the project, the person's file, the default", async () => {
    const file = join(world.home, ".config", "loci", "config.json");
    const projectFile = join(world.home, "code", "project", "loci.config.json");
    expect(await setting("limit")).toEqual({ name: "limit", value: "20", origin: "default" });

    await world.loci(["config", "set", "limit", "30"]);
    expect(await setting("limit")).toEqual({ name: "limit", value: "30", origin: file });

    writeFileSync(projectFile, '{"limit": 40, "url": "notes/store.db"}');
    expect(await setting("limit")).toEqual({ name: "limit", value: "40", origin: projectFile });
    expect(await setting("url")).toEqual({
      name: "url",
      value: join(world.home, "code", "project", "notes", "store.db"),
      origin: projectFile,
    });

    const env = {
      LOCI_LIMIT: "50",
      LOCI_URL: "env.db",
      TURSO_DATABASE_URL: "libsql://t",
      TURSO_AUTH_TOKEN: "secret-token-9f",
    };
    expect(await setting("limit", { env })).toEqual({
      name: "limit",
      value: "50",
      origin: "environment LOCI_LIMIT",
    });
    expect(await setting("url", { env })).toMatchObject({ value: "env.db", origin: "environment LOCI_URL" });
    expect(await setting("url", { env }, ["--db", "flag.db"])).toMatchObject({
      value: "flag.db",
      origin: "flag --db",
    });
  });

  test("of Turso counts only with its token", async () => {
    const env = { TURSO_DATABASE_URL: "libsql://team.turso.io" };
    expect(await setting("url", { env })).toMatchObject({ origin: "default" });
    expect(await setting("url", { env: { ...env, TURSO_AUTH_TOKEN: "x" } })).toMatchObject({
      value: "libsql://team.turso.io",
      origin: "environment TURSO_DATABASE_URL",
    });
  });

  test("that is a secret is never shown", async () => {
    const env = {
      TURSO_AUTH_TOKEN: "eyJ-very-secret-9f",
      LOCI_URL: "postgres://me:hunter2@db.int/x?password=hunter3",
    };
    for (const args of [
      ["config", "--origin"],
      ["config", "--json"],
      ["config", "--format", "table"],
    ]) {
      const { stdout, stderr } = await world.loci(args, { env });
      expect(stdout + stderr).not.toMatch(/very-secret|hunter/);
      expect(stdout).toContain("set (ends in …9f)");
    }
  });

  test("is kept in a file that is closed to others", async () => {
    await world.loci(["config", "set", "format", "json"]);
    const file = join(world.home, ".config", "loci", "config.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ format: "json" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await world.loci(["ls"])).stdout).toBe('{"v":1,"items":[],"next":null}\n');
  });

  test("names the store that commands use, and LOCI_HOME moves everything", async () => {
    const home = join(world.home, "elsewhere");
    await world.loci(["ls"], { env: { LOCI_HOME: home } });
    expect(statSync(join(home, "loci.db")).isFile()).toBe(true);
    const { stdout } = await world.loci(["config", "path", "--json"], { env: { LOCI_HOME: home } });
    expect(JSON.parse(stdout)).toMatchObject({ settings: [{}, {}, { name: "home", value: home }] });
  });
});
