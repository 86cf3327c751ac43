import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Loci, open } from "../../dist/index.js";

let folder: string;
let loci: Loci;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "loci-flow-"));
  for (const name of [".swarm", ".claude-flow/tasks", ".claude-flow/agents", ".claude-flow/swarm"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  loci = await open("memory:");
});
afterEach(async () => {
  await loci.close();
  rmSync(folder, { recursive: true, force: true });
});

const file = () => join(folder, ".swarm", "memory.db");

function write(...statements: string[]): void {
  const db = new Database(file());
  for (const sql of statements) db.exec(sql);
  db.close();
}

/** As version 2 makes it. */
const second = `create table memory_entries (id integer primary key autoincrement, key text not null, value text not null,
  namespace text default 'default', metadata text, created_at integer default (strftime('%s','now')),
  updated_at integer default (strftime('%s','now')), accessed_at integer, access_count integer default 0, ttl integer,
  expires_at integer, unique(key, namespace))`;

/** As version 3 makes it. */
const third = `create table memory_entries (id text primary key, key text not null, namespace text default 'default',
  content text not null, type text default 'semantic', embedding text, embedding_model text default 'local',
  embedding_dimensions integer, tags text, metadata text, owner_id text, provenance_type text default 'unknown',
  created_at integer not null, updated_at integer not null, expires_at integer, last_accessed_at integer,
  access_count integer default 0, status text default 'active', unique(namespace, key))`;

const known = async () =>
  (await loci.knowledge.list({ limit: 100 })).items
    .map(({ category, topic, content }) => [category, topic, content].join(" | "))
    .sort();

test("memory of version 2 becomes knowledge", async () => {
  write(
    second,
    `insert into memory_entries (key, value, namespace, metadata, created_at) values
      ('plan', '"ship it"', 'swarm', '{"by":"queen"}', 1760000000), ('obj', '{"a":1}', 'default', null, 1760000000)`,
    `insert into memory_entries (key, value, expires_at) values ('old', 'x', 1000), ('later', 'é', 99999999999)`,
  );
  const before = readFileSync(file());
  const report = await loci.import([folder]);
  expect(report).toMatchObject({ files: 1, remembered: 3 });
  expect(report.problems).toEqual([{ path: file(), problem: "Entries were left out: 1 expired." }]);
  expect(await known()).toEqual(["default | later | é", 'default | obj | {"a":1}', "swarm | plan | ship it"]);
  const [plan] = (await loci.knowledge.search("ship", { category: "swarm" })).items;
  expect(plan).toMatchObject({
    metadata: { by: "queen", source: "claude-flow", entry: 1 },
    createdAt: 1_760_000_000_000,
  });
  expect(readFileSync(file()).equals(before)).toBe(true);
});

test("memory of version 3 becomes knowledge once, and what changed supersedes what it was", async () => {
  write(
    third,
    `insert into memory_entries (id, key, namespace, content, tags, owner_id, created_at, updated_at, status) values
      ('e1', 'cache', 'patterns', 'per region', '["edge","db"]', 'scout', 1760000000123, 1760000000123, 'active'),
      ('e2', 'gone', 'patterns', 'x', null, null, 1, 1, 'deleted')`,
  );
  for (let i = 0; i < 2; i++) {
    expect(await loci.import([file()], { source: "claude-flow" })).toMatchObject({ remembered: 1 });
    expect(await known()).toEqual(["patterns | cache | per region"]);
  }
  const [first] = (await loci.knowledge.list({ history: true })).items;
  expect(first).toMatchObject({ tags: ["edge", "db"], agentId: "scout", createdAt: 1_760_000_000_123 });
  for (const content of ["per request", "per region"]) {
    write(`update memory_entries set content = '${content}', updated_at = updated_at + 1000 where id = 'e1'`);
    await loci.import([folder]);
    expect(await known()).toEqual([`patterns | cache | ${content}`]);
  }
  expect((await loci.knowledge.list({ history: true })).items.map(({ content }) => content)).toEqual([
    ...["per region", "per request", "per region"],
  ]);
});

test("open tasks and agents of its files join a swarm, and are there once", async () => {
  const json = (name: string, value: object) =>
    writeFileSync(join(folder, ".claude-flow", name), JSON.stringify(value));
  const task = (taskId: string, status: string) => ({
    ...{ taskId, status, type: "bugfix", description: `${taskId}: do it`, priority: "critical", progress: 0 },
    ...{ assignedTo: [], tags: ["x"], createdAt: "2026-01-01T00:00:00.000Z" },
  });
  json("tasks/store.json", {
    tasks: { t1: task("t1", "pending"), t2: task("t2", "completed") },
    version: "3.0.0",
  });
  json("agents/store.json", {
    agents: { a1: { agentId: "a1", agentType: "coder", createdAt: "2026-01-01T00:00:00.000Z" } },
  });
  json("swarm/swarm-state.json", {
    swarms: { s: { swarmId: "swarm-7", createdAt: "2026-01-01T00:00:00.000Z" } },
  });
  for (let i = 0; i < 2; i++) {
    const report = await loci.import([folder]);
    expect(report.remembered).toBe(2);
    expect(report.problems.map(({ problem }) => problem)).toEqual(["1 finished tasks were left out."]);
  }
  const { agents, tasks } = await loci.swarm("swarm-7").status();
  expect(agents).toMatchObject([{ agentId: "a1", type: "coder", status: "offline", health: "unhealthy" }]);
  expect(tasks.ready).toBe(1);
  const [claimed] = await loci.tasks.claim({ swarm: "swarm-7", agent: "b" });
  expect(claimed).toMatchObject({ title: "t1: do it", kind: "bugfix", priority: 10 });
});

test("an encrypted file, a foreign one and an empty folder are said in a sentence", async () => {
  writeFileSync(file(), Buffer.from(Array.from({ length: 8_192 }, (_, i) => (i * 7919) % 256)));
  await expect(loci.import([folder])).rejects.toMatchObject({ code: "invalid", where: file() });
  rmSync(file());
  write("create table other (id integer)");
  await expect(loci.import([folder])).rejects.toMatchObject({
    code: "invalid",
    message: /no table memory_entries/,
  });
  rmSync(join(folder, ".swarm"), { recursive: true });
  await expect(loci.import([folder], { source: "claude-flow" })).rejects.toMatchObject({ code: "not-found" });
});
