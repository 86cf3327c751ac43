import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeWorld, type World } from "./world.ts";

let world: World;

beforeEach(() => {
  world = makeWorld();
});

afterEach(() => world.end());

test.each([
  ["--version"],
  ["version"],
  ["help"],
  ["help ls"],
  ["ls --help"],
  ["completion bash"],
  ["export"],
])("%s with --json before or behind it is one JSON object", async (command) => {
  for (const args of [
    ["--json", ...command.split(" ")],
    [...command.split(" "), "--json"],
  ]) {
    const { code, stdout } = await world.loci(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ v: 1 });
  }
});

test("export --json is the lines of the interchange format as the items of one object", async () => {
  await world.seed([
    { kind: "session", id: "s-1" },
    { kind: "message", sessionId: "s-1", role: "user", content: "a" },
  ]);
  const { stdout } = await world.loci(["export", "--json"]);
  const plain = (await world.loci(["export"])).stdout.trimEnd().split("\n");
  expect(JSON.parse(stdout)).toEqual({ v: 1, items: plain.map((line): unknown => JSON.parse(line)) });
});

test("a file without a session can be had back by its id, and doctor does not send people to doctor", async () => {
  const path = join(world.home, "odd.jsonl");
  writeFileSync(path, "no json\n");
  await world.loci(["import", path]);
  const { stdout } = await world.loci(["sql", "select id from imported_files", "--json"]);
  const { rows } = JSON.parse(stdout) as { rows: string[][] };
  expect((await world.loci(["export", rows[0]?.[0] ?? "", "--raw"])).stdout).toBe("no json\n");
  const broken = await world.loci(["doctor", "--db", path]);
  expect(broken.code).toBe(6);
  expect(broken.stdout).not.toContain("loci doctor --db");
});

test("transcripts are never written over what is there, and where nothing can be written it is no bug", async () => {
  const path = join(world.home, "p", "a.jsonl");
  mkdirSync(join(world.home, "p"));
  writeFileSync(path, "mine\n");
  await world.loci(["import", path]);
  writeFileSync(path, "changed since\n");
  expect(await world.loci(["export", "--raw", "-o", world.home])).toMatchObject({ code: 2, stdout: "" });
  expect(readFileSync(path, "utf8")).toBe("changed since\n");
  expect((await world.loci(["export", "--raw", "-o", join(path, "below")])).code).toBe(4);
  expect((await world.loci(["export", "--raw", "-o", join(world.home, "new")])).code).toBe(0);
  expect(readFileSync(join(world.home, "new", "p", "a.jsonl"), "utf8")).toBe("mine\n");
});
