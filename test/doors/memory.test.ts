import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needs } from "../support/needs.ts";
import { hasTerminal, makeWorld, terminalReason, type World } from "./world.ts";

let world: World;
beforeAll(() => {
  world = makeWorld();
});
afterAll(() => world.end());

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await world.loci([...args, "--json"]);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return JSON.parse(stdout) as Answer;
}

interface Entry {
  readonly id: string;
  readonly content: string;
}

describe("what agents remember, at the command line", () => {
  test("knowledge is kept, found, listed, shown and taken away", async () => {
    const add = ["know", "add", "edge caching", "Cache per", "region."];
    const { entry } = await json<{ entry: Entry }>(
      ...[...add, "-c", "performance", "--tag", "edge", "--tag", "cache"],
      ...["--agent", "scout", "--session", "run-1", "--metadata", '{"gain":"40 %"}'],
    );
    expect(entry).toMatchObject({
      category: "performance",
      topic: "edge caching",
      content: "Cache per region.",
      tags: ["edge", "cache"],
      agentId: "scout",
      sessionId: "run-1",
      metadata: { gain: "40 %" },
      uses: 0,
    });
    writeFileSync(join(world.home, "notes.md"), "# Notes\nfrom a file");
    const fromFile = await json<{ entry: Entry }>("know", "add", "notes", "--file", "notes.md");
    expect(fromFile.entry.content).toBe("# Notes\nfrom a file");
    const found = await json<{ v: number; items: Entry[]; total: number }>(
      "know",
      "search",
      "caches",
      "regions",
    );
    expect(found).toMatchObject({ v: 1, total: 1, items: [{ id: entry.id }] });
    const list = await json<{ items: Entry[]; next: null }>("know", "ls", "--tag", "EDGE");
    expect(list.items.map(({ id }) => id)).toEqual([entry.id]);
    const pages = await json<{ items: Entry[]; next: string }>("know", "--json", "ls", "--limit", "1");
    const rest = await json<{ items: Entry[] }>("know", "ls", "--after", pages.next);
    expect([...pages.items, ...rest.items].map(({ id }) => id)).toEqual([fromFile.entry.id, entry.id]);
    expect(await json("know", "show", entry.id)).toEqual({ v: 1, entry });
    const { stdout } = await world.loci(["know", "show", entry.id, "--format", "table"]);
    expect(stdout).toContain("found by scout");
    expect(await json("know", "rm", entry.id)).toEqual({ v: 1, removed: entry.id });
    expect((await world.loci(["know", "show", entry.id])).code).toBe(3);
  });

  test("knowledge is exported, and brought in elsewhere once", async () => {
    const at = (name: string) => ["--db", join(world.home, name)];
    await json("know", "add", "region", "Cache # per region", "-c", "perf", ...at("one.db"));
    const { stdout } = await world.loci(["know", "export", "--json", ...at("one.db")]);
    const { items } = JSON.parse(stdout) as { items: Entry[] };
    expect(items).toHaveLength(1);
    writeFileSync(join(world.home, "known.json"), stdout);
    const bring = ["know", "import", "--file", "known.json", ...at("two.db")];
    expect(await json(...bring)).toEqual({ v: 1, entries: 1, added: 1 });
    expect(await json(...bring)).toEqual({ v: 1, entries: 1, added: 0 });
    expect(await json("know", "export", ...at("two.db"))).toEqual({ v: 1, items });
    const lines = await world.loci(["know", "export", "--format", "ndjson", ...at("two.db")]);
    expect(await json("know", "import", lines.stdout, ...at("three.db"))).toMatchObject({ added: 1 });
    const md = await world.loci(["know", "export", "--markdown", ...at("two.db")]);
    expect(md.stdout).toMatch(/^# perf\n\n## region\n\nCache # per region\n\n\*\S+ · \S+\*\n/);
    const bad = await world.loci(["know", "import", '[{"topic":"x"}]', ...at("two.db")]);
    expect(bad.stderr).toContain("Entry 1: A knowledge needs its content. Nothing was brought in.");
    expect(bad.code).toBe(2);
  });

  test("a swarm's board and votes", async () => {
    const board = ["swarm", "board", "release"];
    expect(await json(...board)).toEqual({ v: 1, items: [], next: null });
    expect(await json(...board, "plan", '{"step":1}', "--agent", "lead")).toMatchObject({
      items: [{ key: "plan", value: { step: 1 }, version: 1, agentId: "lead" }],
    });
    expect(await json(...board, "plan", "two", "--expect", "1")).toMatchObject({ items: [{ version: 2 }] });
    const late = await world.loci([...board, "plan", "three", "--expect", "1"]);
    expect([late.code, late.stderr]).toEqual([2, expect.stringContaining("plan is at version 2, not 1")]);
    expect(await json(...board, "plan", "--history")).toMatchObject({
      items: [{ version: 2 }, { version: 1 }],
    });
    expect(await json(...board, "plan", "--remove")).toMatchObject({ items: [] });
    await json("swarm", "propose", "release", "ship", "Ready?", "--voter", "a", "--voter", "b");
    expect((await world.loci(["swarm", "vote", "release", "ship", "yes"])).code).toBe(2);
    for (const agent of ["a", "b"]) await json("swarm", "vote", "release", "ship", "yes", "--agent", agent);
    expect(await json("swarm", "vote", "release", "ship")).toMatchObject({
      outcome: "decided",
      choice: "yes",
    });
    const shown = await world.loci(["swarm", "vote", "release", "ship", "--format", "table"]);
    expect(shown.stdout).toContain("ship  decided: yes");
  });

  test("what is taken away on a terminal is asked for first", async (context) => {
    needs(context, hasTerminal, terminalReason);
    const { memory } = await json<{ memory: Entry }>("memory", "add", "a", "t", "by mistake");
    const asked = await world.screen(["memory", "rm", memory.id], { stdin: "n\n", columns: 100 });
    expect(asked.stdout).toContain(`Take the decision ${memory.id} away? It cannot be brought back. [y/N]`);
    expect([asked.code, asked.stdout.includes("Nothing was taken away.")]).toEqual([2, true]);
    expect((await world.loci(["memory", "show", memory.id])).code).toBe(0);
    expect((await world.screen(["memory", "rm", memory.id, "--yes"], { columns: 100 })).code).toBe(0);
    expect((await world.loci(["memory", "show", memory.id])).code).toBe(3);
  });

  test("a file does not hold the bytes of what was taken away", async () => {
    const db = join(world.home, "forget.db");
    const { entry } = await json<{ entry: Entry }>("know", "add", "t", "swordfish".repeat(1_000), "--db", db);
    await json("know", "search", "swordfish", "--db", db);
    expect(readFileSync(db).includes("swordfish")).toBe(true);
    await json("know", "rm", entry.id, "--db", db);
    expect(readFileSync(db).includes("swordfish")).toBe(false);
  });

  test("a checkpoint is forked for a run that is yet to come", async () => {
    const { checkpoint } = await json<{ checkpoint: Entry }>(
      "ckpt",
      "save",
      '{"step":3}',
      "--session",
      "one",
    );
    const fork = await json<{ checkpoint: Entry }>("ckpt", "fork", checkpoint.id, "--session", "two");
    expect(fork.checkpoint).toMatchObject({ sessionId: "two", parentId: checkpoint.id, type: "checkpoint" });
    expect(await json("ckpt", "show", "--session", "two")).toMatchObject({
      checkpoint: { data: { step: 3 } },
    });
    expect(await json("ckpt", "ls", "--session", "one")).toMatchObject({ items: [{ id: checkpoint.id }] });
  });

  test("decisions are kept, superseded and shown with what they replaced", async () => {
    const first = await json<{ memory: Entry }>(
      "memory",
      "add",
      "architect",
      "database",
      '{"choice":"MongoDB"}',
    );
    const second = await json<{ memory: Entry; replaced: Entry[] }>(
      ...["memory", "add", "architect", "database", "libSQL", "in one file"],
      ...["--context", "no server", "--supersedes", first.memory.id],
    );
    expect(second.memory).toMatchObject({ decisionData: "libSQL in one file", context: "no server" });
    expect(second.replaced).toEqual([first.memory]);
    const { items } = await json<{ items: Entry[] }>("memory", "ls", "architect");
    expect(items).toEqual([second.memory]);
    const all = await json<{ items: Entry[] }>("memory", "ls", "--history");
    expect(all.items).toEqual([second.memory, first.memory]);
    expect(await json("memory", "show", second.memory.id)).toMatchObject({ replaced: [first.memory] });
    const { stdout } = await world.loci(["memory", "show", second.memory.id, "--format", "table"]);
    expect(stdout).toContain("replaced");
  });

  test("checkpoints are saved, compared, loaded and taken away", async () => {
    const save = (state: object) =>
      json<{ checkpoint: Entry }>(
        "ckpt",
        "save",
        JSON.stringify(state),
        "--project",
        "api",
        "--type",
        "plan",
      );
    const first = await save({ step: 1, done: [] });
    const second = await save({ step: 2, done: ["a"] });
    writeFileSync(join(world.home, "state.json"), '{"large":true}');
    await json("ckpt", "save", "--file", "state.json", "--session", "run-1");
    const { items } = await json<{ items: Entry[] }>("ckpt", "ls", "--project", "api");
    expect(items).toEqual([second.checkpoint, first.checkpoint]);
    expect(await json("ckpt", "show", "--project", "api")).toMatchObject({
      checkpoint: { id: second.checkpoint.id, data: { step: 2, done: ["a"] } },
    });
    expect(await json("ckpt", "show", "--session", "run-1")).toMatchObject({
      checkpoint: { data: { large: true } },
    });
    const diff = ["ckpt", "diff", first.checkpoint.id, second.checkpoint.id];
    expect(await json(...diff)).toMatchObject({
      items: [
        { path: "step", kind: "changed", before: 1, after: 2 },
        { path: "done[0]", kind: "added", after: "a" },
      ],
    });
    const { stdout } = await world.loci([...diff, "--format", "table"]);
    expect(stdout).toBe('~ step: 1 → 2\n+ done[0]: "a"\n');
    expect(await json("ckpt", "rm", first.checkpoint.id)).toEqual({ v: 1, removed: first.checkpoint.id });
  });

  test("half a command says what it could be, and --help lists it", async () => {
    const half = await world.loci(["know"]);
    expect(half).toMatchObject({ code: 2, stdout: "" });
    expect(half.stderr).toContain("know add, know search");
    for (const args of [
      ["know", "--help"],
      ["help", "know"],
    ]) {
      const { code, stdout } = await world.loci(args);
      expect(code).toBe(0);
      for (const name of ["know add", "know search", "know ls", "know show", "know rm"])
        expect(stdout).toContain(name);
    }
    for (const args of [
      ["ckpt", "diff", "--help"],
      ["help", "ckpt", "diff"],
    ]) {
      expect((await world.loci(args)).stdout).toContain("loci ckpt diff BEFORE AFTER");
    }
  });

  test("what was kept may hold anything, and a terminal shows it as escapes", async () => {
    await json("know", "add", "\u001b[2Jclear", "\u001b]0;title\u0007 and \u202e more");
    for (const args of [
      ["know", "ls"],
      ["know", "search", "title"],
      ["know", "ls", "--format", "table"],
    ]) {
      const { stdout } = await world.loci(args);
      expect(stdout).toContain("\\x1b");
      // oxlint-disable-next-line no-control-regex -- the controls are what must not be there
      expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
    }
  });
});
